// Package tracking is the server's side of client-side caching: which clients may
// hold which keys in a cache of their own, and telling them when these change.
//
//	reading command ── Remember ──► table of the key's shard: key ► ids of clients
//	change of a key ── Changed ──┬► clients of the key: told once, then forgotten
//	                             └► prefixes that clients listen to: Batch
//	end of a loop's round ── Broadcast ──► one message per prefix
//
// Who may call it. Remember and Changed want the lock of the key's shard; Changed is
// called by the keyspace's Teller, wherever the key changes. TurnOn and Flushed are
// exclusive: no command runs. The rest is safe from any goroutine, but for what a
// Client or Batch says. Lock order: shard < the registry's mutex < a client's; the hook Push
// is called under all of them and must take no lock that stands before them.
//
// I1: a client that was sent the value of a key, and had it remembered, is told after
// the next change of that key, before anybody who sees the change in another way can
// have told it: Changed hands the message over before the shard is unlocked. I2: a
// key is in the table of its shard only, once, with ids in ascending order. I3: ids
// are never reused, so the table may name clients that are gone or track no more: they
// are dropped with the key. I4: the counts of keys and ids are exact whenever no shard
// is locked.
//
// The package must not touch sessions, sockets or the data.
package tracking

import (
	"slices"
	"sync"
	"sync/atomic"

	"kvorum/keyspace"
)

// Hooks are the package's calls to its surroundings.
type Hooks struct {
	// Push hands b, which nobody changes any more, to a client. Perhaps under locks of
	// shards: it must not wait. nil drops all messages.
	Push func(owner any, b []byte)
	// Begin is called when the first client turns tracking on: from now on the keyspace
	// tells of changes. The world stands still.
	Begin func()
	// End is called when nobody has tracked for a while. The world stands still.
	End func()
}

// Mode is how a client tracks. It is not changed once it is in force.
type Mode struct {
	Redirect uint64 // id of the client that gets the messages, 0 for the client itself
	Bcast    bool   // told of all keys with its prefixes, read or not
	OptIn    bool   // keys are remembered only after CLIENT CACHING YES
	OptOut   bool   // and here, unless after CLIENT CACHING NO
	NoLoop   bool   // not told of its own changes
	// Prefixes are those of Bcast, ascending; "" stands for all keys.
	Prefixes []string
}

// Bytes returns about the memory that a mode takes: that of its prefixes.
func (m *Mode) Bytes() (n int) {
	for _, p := range m.Prefixes {
		n += len(p) + prefixBytes
	}
	return n
}

// prefixBytes is what a prefix of a client takes besides its bytes.
const prefixBytes = 64

// Client is a connection, tracking or not. Its methods are safe from any goroutine.
type Client struct {
	ID    uint64
	Owner any // for Hooks.Push

	mode       atomic.Pointer[Mode] // nil: it does not track
	broken     atomic.Bool          // the client that it redirects to is gone
	mu         sync.Mutex           // held while a message is made and handed over, in one form or the other
	resp3      atomic.Bool
	subscribed atomic.Bool
}

// Mode returns how the client tracks, nil if it does not.
func (c *Client) Mode() *Mode { return c.mode.Load() }

// Broken reports whether messages for the client were lost, since the client that
// they are redirected to is gone.
func (c *Client) Broken() bool { return c.broken.Load() }

// SetProto says which version of the protocol (2 or 3) the client speaks. What is
// handed over afterwards is in that version.
func (c *Client) SetProto(version uint8) {
	c.mu.Lock()
	c.resp3.Store(version >= 3)
	c.mu.Unlock()
}

// SetSubscribed says whether the client has subscribed to anything: one of RESP2 gets
// messages redirected to it only then.
func (c *Client) SetSubscribed(on bool) {
	c.mu.Lock()
	c.subscribed.Store(on)
	c.mu.Unlock()
}

// Registry is all clients of a server, and what they track.
type Registry struct {
	hooks Hooks
	table cacheTable

	mu      sync.RWMutex
	clients map[uint64]*Client
	on      map[uint64]*Client // those that track

	count    atomic.Int64 // of on
	prefixes atomic.Pointer[prefixSet]
	began    bool // hooks.Begin was called; exclusive
}

// New returns a registry without clients for the keys of ks.
func New(ks *keyspace.Keyspace, hooks Hooks) *Registry {
	r := &Registry{hooks: hooks, clients: make(map[uint64]*Client), on: make(map[uint64]*Client)}
	r.table.init(ks)
	return r
}

// Join adds a client that has connected.
func (r *Registry) Join(id uint64, owner any) *Client {
	c := &Client{ID: id, Owner: owner}
	r.mu.Lock()
	r.clients[id] = c
	r.mu.Unlock()
	return c
}

// Leave removes a client that is gone.
func (r *Registry) Leave(c *Client) {
	r.TurnOff(c)
	r.mu.Lock()
	delete(r.clients, c.ID)
	r.mu.Unlock()
}

// Has reports whether a client is connected.
func (r *Registry) Has(id uint64) bool { return r.find(id) != nil }

func (r *Registry) find(id uint64) *Client {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.clients[id]
}

// TurnOn puts a mode in force, in place of the one that the client has. The prefixes
// of a client that broadcasts already stay, those of mode are added. Exclusive.
func (r *Registry) TurnOn(c *Client, mode Mode) {
	if !r.began {
		r.began = true
		if r.hooks.Begin != nil {
			r.hooks.Begin()
		}
	}
	if mode.Bcast {
		if len(mode.Prefixes) == 0 {
			mode.Prefixes = []string{""}
		}
		mode.Prefixes = slices.Clone(mode.Prefixes)
		if old := c.Mode(); old != nil {
			mode.Prefixes = append(mode.Prefixes, old.Prefixes...)
		}
		slices.Sort(mode.Prefixes)
		mode.Prefixes = slices.Compact(mode.Prefixes)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if mode.Bcast {
		r.listen(c, mode.Prefixes)
	}
	if r.on[c.ID] == nil {
		r.on[c.ID] = c
		r.count.Add(1)
	}
	c.broken.Store(false)
	c.mode.Store(&mode)
}

// TurnOff ends a client's tracking. What is remembered for it is told to nobody, but
// to the client itself if it tracks again by then.
func (r *Registry) TurnOff(c *Client) {
	mode := c.Mode()
	if mode == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if mode.Bcast {
		r.unlisten(c, mode.Prefixes)
	}
	delete(r.on, c.ID)
	r.count.Add(-1)
	c.mode.Store(nil)
	c.broken.Store(false)
}

// Retire ends the telling of changes, and forgets all keys, if nobody tracks. Whether
// it did; exclusive.
func (r *Registry) Retire() bool {
	if !r.began || r.count.Load() > 0 {
		return false
	}
	r.began = false
	r.table.clear()
	if r.hooks.End != nil {
		r.hooks.End()
	}
	return true
}

// Any reports whether any client tracks.
func (r *Registry) Any() bool { return r.count.Load() > 0 }

// Counts are figures of INFO.
type Counts struct {
	Clients  int64 // that track
	Keys     int64 // remembered
	Items    int64 // ids remembered for them
	Prefixes int64 // that anybody listens to
}

// Counts returns the figures.
func (r *Registry) Counts() Counts {
	c := Counts{Clients: r.count.Load(), Keys: r.table.keys.Load(), Items: r.table.items.Load()}
	if set := r.prefixes.Load(); set != nil {
		c.Prefixes = int64(len(set.byName))
	}
	return c
}

// Bytes returns the memory of what is remembered, live blocks and the spans that they
// lie in.
func (r *Registry) Bytes() (used, spans int64) {
	a := r.table.arena.Load()
	return a.UsedBytes(), a.SpanBytes()
}

// Close gives all memory back. Nothing may be remembered afterwards.
func (r *Registry) Close() { r.table.arena.Load().Close() }
