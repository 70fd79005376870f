package tracking

import (
	"cmp"
	"maps"
	"slices"
	"sync/atomic"
)

// Prefixes that clients listen to (BCAST). The set is replaced as a whole when a
// client comes or goes, so that who changes keys reads it without a lock. A key is
// looked up once for each length that prefixes have, not once for each prefix.

// prefixSet is all prefixes in force. It is not changed.
type prefixSet struct {
	byName  map[string]*prefix
	lengths []int // of the prefixes, ascending, without duplicates
}

// prefix is one of them.
type prefix struct {
	name    string
	clients atomic.Pointer[[]*Client] // ascending by id; the list is not changed
}

// Batch is what one goroutine has still to broadcast. Not safe for concurrent use.
type Batch struct {
	keys  map[*prefix]map[string]*Client // with the client that changed the key last
	count int
}

// batchMax is the number of keys after which a batch is told before its time.
const batchMax = 1 << 16

// Empty reports whether nothing waits.
func (b *Batch) Empty() bool { return b.count == 0 }

// listen adds a client to prefixes. The caller holds mu.
func (r *Registry) listen(c *Client, names []string) {
	next := &prefixSet{byName: make(map[string]*prefix)}
	if old := r.prefixes.Load(); old != nil {
		maps.Copy(next.byName, old.byName)
	}
	for _, name := range names {
		p := next.byName[name]
		if p == nil {
			p = &prefix{name: name}
			p.clients.Store(new([]*Client))
			next.byName[name] = p
		}
		list := *p.clients.Load()
		at, found := slices.BinarySearchFunc(list, c.ID, func(c *Client, id uint64) int { return cmp.Compare(c.ID, id) })
		if !found {
			list = slices.Insert(slices.Clone(list), at, c)
			p.clients.Store(&list)
		}
	}
	r.publish(next)
}

// unlisten removes a client from prefixes. The caller holds mu.
func (r *Registry) unlisten(c *Client, names []string) {
	next := &prefixSet{byName: maps.Clone(r.prefixes.Load().byName)}
	for _, name := range names {
		p := next.byName[name]
		list := slices.DeleteFunc(slices.Clone(*p.clients.Load()), func(have *Client) bool { return have == c })
		p.clients.Store(&list)
		if len(list) == 0 {
			delete(next.byName, name)
		}
	}
	r.publish(next)
}

func (r *Registry) publish(set *prefixSet) {
	if len(set.byName) == 0 {
		r.prefixes.Store(nil)
		return
	}
	for name := range set.byName {
		set.lengths = append(set.lengths, len(name))
	}
	slices.Sort(set.lengths)
	set.lengths = slices.Compact(set.lengths)
	r.prefixes.Store(set)
}

// note notes a key that has changed for each prefix that it has.
func (r *Registry) note(set *prefixSet, key []byte, a *Actor, asked bool) {
	batch, by := a.Batch, a.Client
	if !asked {
		by = nil
	}
	var own Batch
	if batch == nil {
		batch = &own
	}
	for _, size := range set.lengths {
		if size > len(key) {
			break
		}
		if p := set.byName[string(key[:size])]; p != nil {
			batch.add(p, key, by)
		}
	}
	if a.Batch == nil || batch.count >= batchMax {
		r.Broadcast(batch)
	}
}

func (b *Batch) add(p *prefix, key []byte, by *Client) {
	if b.keys == nil {
		b.keys = make(map[*prefix]map[string]*Client)
	}
	keys := b.keys[p]
	if keys == nil {
		keys = make(map[string]*Client)
		b.keys[p] = keys
	}
	keys[string(key)] = by
	b.count++
}

// Broadcast tells the clients what the batch has gathered, in one message for each
// prefix, and empties it.
func (r *Registry) Broadcast(b *Batch) {
	if b.Empty() {
		return
	}
	list := slices.SortedFunc(maps.Keys(b.keys), func(a, b *prefix) int { return cmp.Compare(a.name, b.name) })
	for _, p := range list {
		r.broadcast(p, b.keys[p])
	}
	*b = Batch{}
}

func (r *Registry) broadcast(p *prefix, changed map[string]*Client) {
	var all *message
	keys := slices.Sorted(maps.Keys(changed))
	for _, c := range *p.clients.Load() {
		mode := c.Mode()
		if mode == nil {
			continue
		}
		if mode.NoLoop {
			if payload := others(keys, changed, c); payload != nil {
				r.send(c, mode.Redirect, &message{payload: payload})
			}
			continue
		}
		if all == nil {
			all = &message{payload: appendKeys(nil, keys...)}
		}
		r.send(c, mode.Redirect, all)
	}
}

// others returns the payload of those keys that a client has not itself changed last,
// nil if there are none.
func others(keys []string, changed map[string]*Client, c *Client) []byte {
	var left []string
	for _, key := range keys {
		if changed[key] != c {
			left = append(left, key)
		}
	}
	if left == nil {
		return nil
	}
	return appendKeys(nil, left...)
}
