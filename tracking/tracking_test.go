package tracking

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"kvorum/keyspace"
	"kvorum/rng"
)

// fixture is a registry whose messages are kept, by id of their receivers.
type fixture struct {
	*Registry
	ks  *keyspace.Keyspace
	got map[uint64][]string
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{ks: keyspace.New(1), got: make(map[uint64][]string)}
	f.Registry = New(f.ks, Hooks{Push: func(owner any, b []byte) {
		id := owner.(uint64)
		f.got[id] = append(f.got[id], string(b))
	}})
	t.Cleanup(func() {
		f.Close()
		f.ks.Close()
	})
	return f
}

// join adds a client that speaks RESP3.
func (f *fixture) join(id uint64) *Client {
	c := f.Join(id, id)
	c.SetProto(3)
	return c
}

// under runs fn with the lock of a key's shard.
func (f *fixture) under(key string, fn func(k keyspace.Key)) {
	k := f.ks.Key([]byte(key))
	shard := keyspace.ShardOf(k.Hash)
	f.ks.Lock(shard)
	fn(k)
	f.ks.Unlock(shard)
}

func invalidate(keys ...string) string { return pushHead + string(appendKeys(nil, keys...)) }

// TestTableEqualsModel: whatever is remembered and changed, exactly the clients of a
// key are told, once, and the counts are right.
func TestTableEqualsModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	f := newFixture(t)
	const clients = 40
	var list []*Client
	for id := range uint64(clients) {
		c := f.join(id + 1)
		f.TurnOn(c, Mode{})
		list = append(list, c)
	}
	model := make(map[string]map[uint64]bool)
	for range 30_000 {
		key := fmt.Sprintf("%s%d", strings.Repeat("k", r.IntN(3)*40), r.IntN(400))
		switch r.IntN(10) {
		default:
			c := list[r.IntN(clients)]
			f.under(key, func(k keyspace.Key) { f.Remember(c, k) })
			if model[key] == nil {
				model[key] = make(map[uint64]bool)
			}
			model[key][c.ID] = true
		case 0, 1:
			clear(f.got)
			f.under(key, func(k keyspace.Key) { f.Changed(k, &Actor{}, true) })
			if have, want := slices.Sorted(maps.Keys(f.got)), slices.Sorted(maps.Keys(model[key])); !slices.Equal(have, want) {
				t.Fatalf("%s: %v were told, want %v", key, have, want)
			}
			for id, messages := range f.got {
				if len(messages) != 1 || messages[0] != invalidate(key) {
					t.Fatalf("%d got %q", id, messages)
				}
			}
			delete(model, key)
		}
	}
	items := 0
	for _, ids := range model {
		items += len(ids)
	}
	if c := f.Counts(); c.Keys != int64(len(model)) || c.Items != int64(items) || c.Clients != clients {
		t.Errorf("counts %+v, want %d keys with %d items", c, len(model), items)
	}
	clear(f.got)
	f.Flushed(&Actor{})
	if used, _ := f.Bytes(); used != 0 || f.Counts().Keys != 0 || len(f.got) != clients || f.got[1][0] != pushHead+nullResp3 {
		t.Errorf("after all keys went: %d bytes, %+v, %d told, %q", used, f.Counts(), len(f.got), f.got[1])
	}
}

// TestTrimTellsClients: keys that are forgotten for want of room are told as changed.
func TestTrimTellsClients(t *testing.T) {
	f := newFixture(t)
	c := f.join(1)
	f.TurnOn(c, Mode{NoLoop: true})
	for i := range 300 {
		f.under(fmt.Sprint(i), func(k keyspace.Key) { f.Remember(c, k) })
	}
	r := rng.New(7)
	if f.Trim(0, 1, r) != true || f.Trim(100, 150, r) != false || f.Counts().Keys != 150 {
		t.Errorf("%d keys are left of 300 after an effort of 150", f.Counts().Keys)
	}
	if !f.Trim(100, 150, r) || f.Counts().Keys != 100 || len(f.got[1]) != 200 {
		t.Errorf("%d keys are left, %d were told", f.Counts().Keys, len(f.got[1]))
	}
}

// TestBroadcastIsOneMessageForEachPrefix: with the keys in order, without those that a
// client with NOLOOP changed itself.
func TestBroadcastIsOneMessageForEachPrefix(t *testing.T) {
	f := newFixture(t)
	all, own, other := f.join(1), f.join(2), f.join(3)
	f.TurnOn(all, Mode{Bcast: true})
	f.TurnOn(own, Mode{Bcast: true, NoLoop: true, Prefixes: []string{"b", "aa"}})
	f.TurnOn(own, Mode{Bcast: true, NoLoop: true, Prefixes: []string{"c"}})
	if got := own.Mode().Prefixes; !slices.Equal(got, []string{"aa", "b", "c"}) {
		t.Errorf("prefixes %q", got)
	}
	var b Batch
	by := func(c *Client, asked bool, keys ...string) {
		for _, key := range keys {
			f.under(key, func(k keyspace.Key) { f.Changed(k, &Actor{Client: c, Batch: &b}, asked) })
		}
	}
	by(other, true, "b2", "b1", "b2", "aa", "a")
	by(own, true, "aa", "b3", "b2")
	by(own, false, "aa1")
	if len(f.got) > 0 {
		t.Error("a message before its time")
	}
	f.Broadcast(&b)
	if want := []string{invalidate("a", "aa", "aa1", "b1", "b2", "b3")}; !slices.Equal(f.got[1], want) {
		t.Errorf("all: %q, want %q", f.got[1], want)
	}
	if want := []string{invalidate("aa1"), invalidate("b1")}; !slices.Equal(f.got[2], want) {
		t.Errorf("own: %q, want %q", f.got[2], want)
	}
	by(other, true, "b1")
	f.TurnOff(all)
	f.Leave(own)
	clear(f.got)
	f.Broadcast(&b)
	if len(f.got) > 0 || f.Counts() != (Counts{}) {
		t.Errorf("after all have gone: %v, %+v", f.got, f.Counts())
	}
}

// TestRedirectedMessages: to whom, in which form, and what happens when nobody is there.
func TestRedirectedMessages(t *testing.T) {
	f := newFixture(t)
	c, to := f.join(1), f.Join(2, uint64(2))
	f.TurnOn(c, Mode{Redirect: 2})
	change := func() {
		f.under("k", func(k keyspace.Key) {
			f.Remember(c, k)
			f.Changed(k, &Actor{}, true)
		})
	}
	change()
	to.SetSubscribed(true)
	change()
	to.SetProto(3)
	change()
	if want := []string{messageHead + "*1\r\n$1\r\nk\r\n", invalidate("k")}; !slices.Equal(f.got[2], want) || f.got[1] != nil {
		t.Errorf("%v, want %q", f.got, want)
	}
	f.Leave(to)
	change()
	if want := []string{brokenHead + "2\r\n"}; !slices.Equal(f.got[1], want) || !c.Broken() {
		t.Errorf("%q, broken %v", f.got[1], c.Broken())
	}
}

// A client may leave on its own loop while all are told of a flush.
func TestAClientLeavesDuringAFlush(t *testing.T) {
	f := newFixture(t)
	first, second := f.join(1), f.join(2)
	f.TurnOn(first, Mode{})
	f.TurnOn(second, Mode{})
	push := f.hooks.Push
	f.hooks.Push = func(owner any, b []byte) {
		push(owner, b)
		if owner == first.Owner {
			f.Leave(second)
		}
	}
	f.Flushed(&Actor{})
	if len(f.got[1]) != 1 || len(f.got[2]) != 0 {
		t.Errorf("messages: %q", [][]string{f.got[1], f.got[2]})
	}
}
