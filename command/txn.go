package command

// Txn is a transaction that a client has begun: the commands that EXEC will run.
type Txn struct {
	Queue  []Queued
	Flags  Flags // of all queued commands together
	Lacks  Flags // those that a queued command does not have
	Failed bool  // a command was refused: EXEC will not run any
	Bytes  int   // memory of the queued arguments
}

// Queued is one command of a transaction. The arguments are its own.
type Queued struct {
	Spec *Spec
	Args [][]byte
}

// Add queues a command. args are borrowed.
func (t *Txn) Add(spec *Spec, args [][]byte) {
	size := 0
	for _, a := range args {
		size += len(a)
	}
	all := make([]byte, 0, size)
	own := make([][]byte, len(args))
	for i, a := range args {
		from := len(all)
		all = append(all, a...)
		own[i] = all[from:len(all):len(all)]
	}
	t.Queue = append(t.Queue, Queued{spec, own})
	t.Flags |= spec.Flags
	t.Lacks |= ^spec.Flags
	t.Bytes += size + len(args)*argBytes
}

// argBytes is what an argument takes besides its bytes.
const argBytes = 24

// Discard ends the transaction of the session, if there is one, and what it
// watches. The caller holds no shard's lock.
func (c *Ctx) Discard() {
	c.Sess.Txn = nil
	c.Unwatch()
}

// Unwatch ends all that the session watches. The caller holds no shard's lock.
func (c *Ctx) Unwatch() {
	if c.Sess.Watcher != nil {
		c.KS.Unwatch(c.Sess.Watcher)
	}
}
