package pubsub

import (
	"sync"
	"sync/atomic"
)

const (
	// InboxBytesMax bounds the bytes that wait for a loop. What waits for sockets is
	// limited by client-output-buffer-limit.
	//
	// COMPAT: message-inbox: they wait there first.
	InboxBytesMax = 64 << 20
	// InboxBytesHigh is from where on those who publish should give way to the loop.
	InboxBytesHigh = 8 << 20

	entryBytes  = 96      // of an entry besides its message
	entriesKept = 4 << 10 // entries that a drained list keeps room for
)

// Push is an entry of an Inbox: bytes for one owner, or for the members of a topic.
type Push struct {
	// Bytes holds the message in the encoding of protocol 2 and of protocol 3, nil if
	// nobody needs it. It is never changed. If Lost is set there is none.
	Bytes [2][]byte
	To    []Member // if Owner is nil
	Owner any
	Lost  bool // Owner has lost messages
}

// Inbox is what waits for the clients of one loop besides replies: messages of
// subscriptions, invalidations. It keeps the order in which it is added to.
type Inbox struct {
	wake    func()
	deliver func()
	waiting atomic.Bool

	mu    sync.Mutex
	list  []Push
	spare []Push
	bytes int
	lost  map[any]struct{} // owners that are known to have lost something
}

// NewInbox returns the inbox of a loop. wake has the loop call Flush soon; it is
// called by any goroutine, under locks. deliver takes what waits (Take, Done) and
// hands it out; it is called by Flush, on the loop.
func NewInbox(wake, deliver func()) *Inbox { return &Inbox{wake: wake, deliver: deliver} }

// Waiting reports whether there is anything. Any goroutine may ask.
func (in *Inbox) Waiting() bool { return in.waiting.Load() }

// Flush delivers what waits. On the loop.
func (in *Inbox) Flush() {
	if in.waiting.Load() {
		in.deliver()
	}
}

// Push adds b for one owner, in whatever protocol that speaks when it gets it. b must
// not be changed any more. Any goroutine.
func (in *Inbox) Push(owner any, b []byte) {
	in.add(Push{Bytes: [2][]byte{b, b}, Owner: owner}, len(b))
}

// add adds an entry with a message of size bytes.
func (in *Inbox) add(p Push, size int) {
	in.mu.Lock()
	if in.bytes+size > InboxBytesMax {
		in.lose(p)
	} else {
		in.bytes += size + entryBytes
		in.list = append(in.list, p)
	}
	first := len(in.list) > 0 && !in.waiting.Load()
	if first {
		in.waiting.Store(true)
	}
	in.mu.Unlock()
	if first {
		in.wake()
	}
}

// lose notes that the owners of an entry do not get it.
func (in *Inbox) lose(p Push) {
	if in.lost == nil {
		in.lost = make(map[any]struct{})
	}
	tell := func(owner any) {
		if _, told := in.lost[owner]; !told {
			in.lost[owner] = struct{}{}
			in.list = append(in.list, Push{Owner: owner, Lost: true})
		}
	}
	if p.Owner != nil {
		tell(p.Owner)
	}
	for _, m := range p.To {
		tell(m.Sub.Owner)
	}
}

// Take returns what waits, the oldest first, until Done. On the loop, in deliver.
func (in *Inbox) Take() []Push {
	in.mu.Lock()
	defer in.mu.Unlock()
	list := in.list
	in.list, in.spare = in.spare, nil
	in.bytes, in.lost = 0, nil
	in.waiting.Store(false)
	return list
}

// Done gives the list back that Take returned.
func (in *Inbox) Done(list []Push) {
	clear(list)
	if cap(list) > entriesKept {
		return
	}
	in.mu.Lock()
	in.spare = list[:0]
	in.mu.Unlock()
}

// Crowded reports whether so much waits that those who publish should give way. Any
// goroutine.
func (in *Inbox) Crowded() bool {
	if !in.waiting.Load() {
		return false
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.bytes > InboxBytesHigh
}
