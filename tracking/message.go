package tracking

import (
	"slices"

	"kvorum/keyspace"
	"kvorum/mem"
	"kvorum/num"
	"kvorum/rng"
)

// Actor is what one goroutine knows of the changes that it makes. Not safe for
// concurrent use.
type Actor struct {
	// Client is whose command runs, nil if nobody's. It is told of its own changes
	// behind the reply: see Own.
	Client *Client
	// Batch collects what is to be broadcast; nil broadcasts each change at once.
	Batch *Batch
	own   []ownMessage
}

// ownMessage is a message of a client about what it did itself.
type ownMessage struct {
	payload  []byte // nil: all keys
	redirect uint64
}

// The parts of messages.
const (
	pushHead      = ">2\r\n$10\r\ninvalidate\r\n"
	messageHead   = "*3\r\n$7\r\nmessage\r\n$20\r\n__redis__:invalidate\r\n"
	brokenHead    = ">2\r\n$21\r\ntracking-redir-broken\r\n:"
	nullResp3     = "_\r\n"
	nullBulkResp2 = "$-1\r\n"
)

// appendKeys appends an array of keys.
func appendKeys(dst []byte, keys ...string) []byte {
	dst = append(num.AppendInt(append(dst, '*'), int64(len(keys))), "\r\n"...)
	for _, key := range keys {
		dst = append(num.AppendInt(append(dst, '$'), int64(len(key))), "\r\n"...)
		dst = append(append(dst, key...), "\r\n"...)
	}
	return dst
}

// appendKey is appendKeys for one key.
func appendKey(dst, key []byte) []byte {
	dst = append(num.AppendInt(append(dst, "*1\r\n$"...), int64(len(key))), "\r\n"...)
	return append(append(dst, key...), "\r\n"...)
}

// all returns the payload that stands for all keys, as the client c writes null.
func (c *Client) all() []byte {
	if c.resp3.Load() {
		return []byte(nullResp3)
	}
	return []byte(nullBulkResp2)
}

// message is what clients are told, in the forms that receivers want: each is made
// once, whatever their number.
type message struct {
	payload []byte
	push    []byte // RESP3; nil until somebody wants it
	channel []byte // RESP2
}

// bytes returns the form for a client, nil if it can get none.
func (m *message) bytes(to *Client, redirected bool) []byte {
	switch {
	case to.resp3.Load():
		if m.push == nil {
			m.push = join(pushHead, m.payload)
		}
		return m.push
	case redirected && to.subscribed.Load():
		if m.channel == nil {
			m.channel = join(messageHead, m.payload)
		}
		return m.channel
	}
	return nil
}

func join(head string, payload []byte) []byte {
	return append(append(make([]byte, 0, len(head)+len(payload)), head...), payload...)
}

// send tells a client, or the one it redirects to.
func (r *Registry) send(c *Client, redirect uint64, m *message) {
	to := c
	if redirect != 0 {
		if to = r.find(redirect); to == nil {
			c.mu.Lock()
			r.push(c, c.breaks(redirect))
			c.mu.Unlock()
			return
		}
	}
	to.mu.Lock()
	r.push(to, m.bytes(to, redirect != 0))
	to.mu.Unlock()
}

// breaks notes that the client c redirects to is gone, and returns what c is told.
func (c *Client) breaks(redirect uint64) []byte {
	c.broken.Store(true)
	if !c.resp3.Load() {
		return nil
	}
	return append(num.AppendUint([]byte(brokenHead), redirect), "\r\n"...)
}

func (r *Registry) push(to *Client, b []byte) {
	if len(b) > 0 && r.hooks.Push != nil {
		r.hooks.Push(to.Owner, b)
	}
}

// Remember notes that a client may have a key in its cache from now on. It tracks, and
// not by prefixes. The caller holds the lock of the key's shard.
func (r *Registry) Remember(c *Client, k keyspace.Key) { r.table.add(k, c.ID) }

// Changed tells of a change of a key. The caller holds the lock of its shard. asked
// says that the actor's client wanted it: a key may also be due, or evicted.
func (r *Registry) Changed(k keyspace.Key, a *Actor, asked bool) {
	if set := r.prefixes.Load(); set != nil {
		r.note(set, k.Bytes, a, asked)
	}
	if slot := r.table.find(k); slot.OK() {
		h := r.table.remove(k, slot)
		r.invalidate(h, a)
		mem.Free(h, mem.KindOther)
	}
}

// invalidate tells the clients of a block.
func (r *Registry) invalidate(h mem.Handle, a *Actor) {
	m := message{payload: appendKey(nil, keyOf(h))}
	for i := range int(mem.Load32(h, offCount)) {
		c := r.find(idAt(h, i))
		if c == nil {
			continue
		}
		switch mode := c.Mode(); {
		case mode == nil || mode.Bcast:
		case c != a.Client:
			r.send(c, mode.Redirect, &m)
		case !mode.NoLoop:
			a.own = append(a.own, ownMessage{m.payload, mode.Redirect})
		}
	}
}

// Flushed tells all clients that no key is what it was, and forgets what is
// remembered. Exclusive.
func (r *Registry) Flushed(a *Actor) {
	r.mu.RLock()
	list := make([]*Client, 0, len(r.on))
	for _, c := range r.on {
		list = append(list, c)
	}
	r.mu.RUnlock()
	slices.SortFunc(list, func(a, b *Client) int { return int(int64(a.ID) - int64(b.ID)) })
	for _, c := range list {
		switch mode := c.Mode(); {
		case mode == nil: // it has left meanwhile
		case c == a.Client:
			a.own = append(a.own, ownMessage{nil, mode.Redirect})
		default:
			r.send(c, mode.Redirect, &message{payload: c.all()})
		}
	}
	r.table.clear()
}

// Own returns what the actor's client is to be told behind the reply to its command,
// appended to dst, and tells the one it redirects to.
func (r *Registry) Own(a *Actor, dst []byte) []byte {
	for _, m := range a.own {
		said := message{payload: m.payload}
		if said.payload == nil {
			said.payload = a.Client.all()
		}
		switch {
		case m.redirect == 0:
			dst = append(dst, said.bytes(a.Client, false)...)
		case r.Has(m.redirect):
			r.send(a.Client, m.redirect, &said)
		default:
			dst = append(dst, a.Client.breaks(m.redirect)...)
		}
	}
	clear(a.own)
	a.own = a.own[:0]
	return dst
}

// HasOwn reports whether Own has something to tell.
func (a *Actor) HasOwn() bool { return len(a.own) > 0 }

// Over reports whether more than max keys are remembered; 0 is no limit.
func (r *Registry) Over(max int64) bool { return max > 0 && r.table.keys.Load() > max }

// Trim forgets random keys, at most effort of them, until no more than max are left,
// and tells their clients as if they had changed. It reports whether it got there. The
// caller is in a batch and holds no lock of a shard.
func (r *Registry) Trim(max int64, effort int, rand *rng.Rand) bool {
	// COMPAT: tracking-noloop: the client whose command this is gets it, too.
	for ; r.Over(max); effort-- {
		if effort == 0 {
			return false
		}
		first := int(rand.Uint64n(keyspace.ShardCount))
		for i := range keyspace.ShardCount {
			if r.drop((first+i)%keyspace.ShardCount, rand) {
				break
			}
		}
	}
	return true
}

// nobody is the actor of what no client does.
var nobody Actor

// drop forgets a random key of a shard and reports whether there was one.
func (r *Registry) drop(shard int, rand *rng.Rand) bool {
	ks := r.table.ks
	ks.Lock(shard)
	defer ks.Unlock(shard)
	h := r.table.sample(shard, rand)
	if h == 0 {
		return false
	}
	k := ks.Key(keyOf(h))
	r.table.remove(k, r.table.find(k))
	r.invalidate(h, &nobody)
	mem.Free(h, mem.KindOther)
	return true
}
