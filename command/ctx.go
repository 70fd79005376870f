package command

import (
	"math"

	"kvorum/keyspace"
	"kvorum/num"
	"kvorum/object"
	"kvorum/object/hash"
	"kvorum/object/list"
	"kvorum/object/set"
	"kvorum/object/stream"
	"kvorum/object/zset"
	"kvorum/pubsub"
	"kvorum/resp"
	"kvorum/rng"
	"kvorum/tracking"
)

// Stats counts what one executing goroutine did. It is written by that
// goroutine alone and read behind the gate or through Snapshot functions of the
// engine.
type Stats struct {
	Commands    uint64
	Hits        uint64
	Misses      uint64
	ExpiredKeys uint64
	EvictedKeys uint64
	Errors      uint64

	ExpiredFields uint64 // of hashes

	OnError func(text string) // called with each error reply; set by the engine
}

// Effects takes what a write did, in a form that gives the same result wherever
// and whenever it is replayed.
type Effects interface {
	// Append adds one command that ran in a database. args are borrowed.
	Append(db int, args ...[]byte)
	// AppendControl adds one that concerns no data: replicas get it, a log does not.
	AppendControl(db int, args ...[]byte)
}

// Ctx is the context of one command.
type Ctx struct {
	Args [][]byte
	W    *resp.Writer
	KS   *keyspace.Keyspace
	DB   *keyspace.DB
	Keys []keyspace.Key // of the keys that the row names, in order
	// Next is an argument, by Spec.Ahead, of the request that comes next if that is one
	// of the same row with the same first key; else nil. The handler may begin to fetch
	// from memory what that request will read, and nothing else.
	Next []byte
	Now  int64 // Unix ms, fixed for the command
	Sess *Session
	Spec *Spec
	Host Host
	// World gives work that goes on off the loop its way through the gate.
	World World
	Bus   *pubsub.Bus
	// Tracking is the clients that cache; Actor is what it knows of this goroutine.
	Tracking *tracking.Registry
	Actor    *tracking.Actor
	// Teller is what handlers that lock shards themselves lend them; nil while nobody
	// tracks.
	Teller *keyspace.Teller
	// Unasked tells that the change under way is not what the command is for: a key is
	// due, or is evicted.
	Unasked bool

	Rng *rng.Rand
	St  *Stats

	// Access is the access field of values written now.
	Access uint32
	// LFU tells that access fields hold frequencies.
	LFU *LFU
	// LazyExpire tells that keys removed because they are due are fed as UNLINK.
	LazyExpire bool
	// Unshared tells that the access to each value is tracked for eviction. Redis
	// does not share small integers then.
	Unshared bool
	// NotifyMask holds the classes of keyspace events that somebody wants.
	NotifyMask uint32
	// OnEvent receives the events of NotifyMask; borrowed bytes.
	OnEvent func(class uint32, event string, key []byte, db int)
	// Feed takes effects, nil when nobody listens.
	Feed Effects

	// Dirty counts changes of the data, as rdb_changes_since_last_save does. A
	// command that changed something is fed verbatim unless it called Effect.
	Dirty   int
	effects int
	words   [][]byte // arguments of the effect being fed, so that they need not escape

	// KeepExpired tells that CLIENT PAUSE is in force: keys that are due count as
	// gone, but stay until a command that writes comes along.
	KeepExpired bool

	// Serving tells that the request has waited for keys and is tried again; Held
	// then says which shards are locked.
	Serving bool
	Held    func(shard int) bool
	block   blockRequest
	needed  []keyspace.Key
	needs   int
	long    long
	short   bool // a key that is needed to serve it is not held
	// Late has those who wait for a key, whose shard is locked, looked at later.
	Late func(db *keyspace.DB, k keyspace.Key)

	MaxBulk int64 // proto-max-bulk-len: the longest string
	// HLLSparseMax is hll-sparse-max-bytes: the longest sparse HyperLogLog.
	HLLSparseMax int64
	Packing      Packing
	DumpForm     DumpForm
	payload      *payloads

	Scratch [64]byte // for formatting numbers
	Buf     []byte   // grows and stays; the handler's own for one call
	Buf2    []byte
	Words   [][]byte // for the arguments of an effect that are not of a fixed number; as Buf

	// List and ZSets are room for the views of a handler: cursors refer to them, so
	// that they would not stay on its stack.
	List  list.List
	ZSets [2]zset.Set
}

// Packing holds the limits within which collections stay packed.
type Packing struct {
	Hash hash.Limits
	List list.Limits
	Set  set.Limits
	ZSet zset.Limits

	Stream stream.Limits
}

// LFU holds the parameters of the frequency counters.
type LFU struct {
	LogFactor int
	DecayTime int // minutes
}

// Begin prepares the context for the next command.
func (c *Ctx) Begin(s *Session, spec *Spec, args [][]byte) {
	c.Sess, c.Spec, c.Args = s, spec, args
	c.DB = s.DB
	c.Dirty, c.effects = 0, 0
}

// EffectCount returns the number of calls of Effect since Begin.
func (c *Ctx) EffectCount() int { return c.effects }

// Effect feeds a command in place of the verbatim request. Called after the
// change, under the same locks; borrowed bytes are copied.
func (c *Ctx) Effect(args ...[]byte) {
	c.effects++
	if c.Feed != nil {
		c.words = append(c.words[:0], args...)
		c.Feed.Append(c.DB.Index(), c.words...)
	}
}

// Relay feeds the request to replicas, but to no log: it concerns no data.
func (c *Ctx) Relay() {
	if c.Feed != nil {
		c.words = append(c.words[:0], c.Args...)
		c.Feed.AppendControl(c.DB.Index(), c.words...)
	}
}

// NoEffect declares that the command needs no record although it changed
// something: what it did is told by other effects.
func (c *Ctx) NoEffect() { c.effects++ }

// Err replies an error; text begins with "-" and the code, e.g. ErrSyntax.
func (c *Ctx) Err(text string) {
	c.St.Errors++
	c.St.OnError(text)
	c.W.Err(text)
}

// WrongType replies the error of a key that holds another type.
func (c *Ctx) WrongType() { c.Err(ErrWrongType) }

// Read looks up key i of the row for reading: an expired key is removed and
// counts as absent, hits and misses are counted, the access is recorded.
func (c *Ctx) Read(i int) keyspace.Entry { return c.ReadKey(c.Keys[i]) }

// ReadKey is Read for a key that the row does not name, whose shard is locked: see
// Need.
func (c *Ctx) ReadKey(k keyspace.Key) keyspace.Entry {
	e := c.find(k)
	if !e.OK() {
		c.St.Misses++
		c.Notify(NotifyKeyMiss, "keymiss", k.Bytes)
		return e
	}
	c.St.Hits++
	c.touch(e)
	return e
}

// ReadNoTouch is Read without recording an access.
func (c *Ctx) ReadNoTouch(i int) keyspace.Entry {
	e := c.find(c.Keys[i])
	if e.OK() {
		c.St.Hits++
		return e
	}
	c.St.Misses++
	c.Notify(NotifyKeyMiss, "keymiss", c.Keys[i].Bytes)
	return e
}

// Peek looks up key i without recording an access or counting.
func (c *Ctx) Peek(i int) keyspace.Entry { return c.find(c.Keys[i]) }

// Write looks up key i for changing it: as Read, but hits and misses are not
// counted.
func (c *Ctx) Write(i int) keyspace.Entry {
	e := c.find(c.Keys[i])
	if e.OK() {
		c.DB.Preserve(c.Keys[i], e)
		c.touch(e)
	}
	return e
}

// ReadWrite is Read of a key whose value may be changed all the same.
func (c *Ctx) ReadWrite(i int) keyspace.Entry {
	e := c.Read(i)
	if e.OK() {
		c.DB.Preserve(c.Keys[i], e)
	}
	return e
}

func (c *Ctx) find(k keyspace.Key) keyspace.Entry {
	e := c.DB.Find(k)
	if e.OK() && e.Expired(c.Now) && c.mayExpire() {
		c.Expire(c.DB, k, e)
		return keyspace.Entry{}
	}
	return e
}

// FindIn looks a key up in any database; an expired key is removed. The caller
// holds the lock of its shard.
func (c *Ctx) FindIn(db *keyspace.DB, k keyspace.Key) keyspace.Entry {
	e := db.Find(k)
	if e.OK() && e.Expired(c.Now) && c.mayExpire() {
		c.Expire(db, k, e)
		return keyspace.Entry{}
	}
	return e
}

// mayExpire reports whether the session decides that keys have expired. A log
// or a master says itself when one is gone: until then its commands, written
// when the key was alive, mean that key.
func (c *Ctx) mayExpire() bool { return c.Sess.Flags&Internal == 0 }

// Expire removes a key that is past its due time, unless such keys are kept.
func (c *Ctx) Expire(db *keyspace.DB, k keyspace.Key, e keyspace.Entry) {
	kept := c.kept(k)
	if c.Feed != nil && (!kept || c.Spec.Flags&Write != 0) {
		// What a command makes of a key that counts as gone (SUNIONSTORE) is fed as the
		// command: the key must be gone where that is carried out, too. Nobody can write to
		// a key that stays, so to tell of its end twice does no harm.
		c.Feed.Append(db.Index(), removal(c.LazyExpire), k.Bytes)
	}
	if kept {
		return
	}
	if c.NotifyMask&NotifyExpired != 0 {
		c.OnEvent(NotifyExpired, "expired", k.Bytes, db.Index())
	}
	c.St.ExpiredKeys++
	c.lost(db, k)
	c.remove(db, k, e)
}

// kept reports whether what is due under a key counts as gone and stays all the same: until
// the pause ends, or the long command that reads it.
func (c *Ctx) kept(k keyspace.Key) bool {
	return c.KeepExpired && c.Spec.Flags&Write == 0 || c.KS.Pinned(k) && !c.ownPins()
}

// Evict removes a key to make room. lazy chooses the command that is fed.
func (c *Ctx) Evict(db *keyspace.DB, k keyspace.Key, e keyspace.Entry, lazy bool) {
	if c.Feed != nil {
		c.Feed.Append(db.Index(), removal(lazy), k.Bytes)
	}
	if c.NotifyMask&NotifyEvicted != 0 {
		c.OnEvent(NotifyEvicted, "evicted", k.Bytes, db.Index())
	}
	c.St.EvictedKeys++
	c.lost(db, k)
	c.remove(db, k, e)
}

// remove deletes a key that nobody has asked to be deleted.
func (c *Ctx) remove(db *keyspace.DB, k keyspace.Key, e keyspace.Entry) {
	c.Unasked = true
	db.Delete(k, e)
	c.Unasked = false
}

// LockShard locks a shard for a handler that locks for itself, until UnlockShard.
func (c *Ctx) LockShard(i int) {
	c.KS.Lock(i)
	if c.Teller != nil {
		c.KS.LendTeller(i, c.Teller)
	}
}

// UnlockShard ends LockShard.
func (c *Ctx) UnlockShard(i int) {
	if c.Teller != nil {
		c.KS.ReturnTeller(i)
	}
	c.KS.Unlock(i)
}

// Flushed tells the clients that cache that any key may have changed. Exclusive
// handlers only.
func (c *Ctx) Flushed() { c.Tracking.Flushed(c.Actor) }

// removal returns the name of the command that tells of a removed key. Both do the
// same here; on a replica they may not.
func removal(lazy bool) []byte {
	if lazy {
		return unlinkName
	}
	return delName
}

var (
	delName    = []byte("DEL")
	unlinkName = []byte("UNLINK")
)

// touch records an access to a record unless the client wants none recorded.
func (c *Ctx) touch(e keyspace.Entry) {
	if c.Sess.Flags&NoTouch == 0 {
		c.Accessed(e)
	}
}

// Accessed records an access to a record.
func (c *Ctx) Accessed(e keyspace.Entry) {
	if c.LFU != nil {
		keyspace.Touch(e.Rec, c.LFU.Bump(object.Load(e.Rec).Access(), c.Now, c.Rng))
		return
	}
	keyspace.Touch(e.Rec, c.Access)
	if c.Unshared {
		e.Visit()
	}
}

// Int returns argument i as an integer; ok is false after the error reply.
func (c *Ctx) Int(i int) (n int64, ok bool) {
	n, ok = num.ParseInt64(c.Args[i])
	if !ok {
		c.Err(ErrNotInt)
	}
	return n, ok
}

// Flooded reports whether the reply is already longer than the client may have output
// waiting, whose connection is then at its end. The handler of a reply that is not
// bounded by the data asks from time to time, and may stop amid the reply if it is.
func (c *Ctx) Flooded() bool {
	if c.long.rest != nil {
		return !c.long.rest()
	}
	c.Sess.LastCmd = c.Spec // for the log
	return c.Host != nil && c.Host.CloseFlooded(c.Sess, len(c.W.B))
}

// FloodStep is the number of elements after which to ask Flooded again.
const FloodStep = 1000

// Count returns argument i as a number of elements that may be negative; ok is false
// after the error reply.
func (c *Ctx) Count(i int) (n int64, ok bool) {
	n, ok = c.Int(i)
	if ok && n == math.MinInt64 {
		c.Err("-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807")
		return 0, false
	}
	return n, ok
}

// Is reports whether argument i is the option name, which is lower case.
// COMPAT: option-nul: all of the word is compared.
func (c *Ctx) Is(i int, name string) bool { return equalFold(c.Args[i], name) }

// StringOf returns the string value of an entry: borrowed; an integer is
// formatted into Scratch.
func (c *Ctx) StringOf(e keyspace.Entry) []byte { return object.StringView(e.Rec, c.Scratch[:]) }
