package pubsub

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"kvorum/glob"
)

// client is a subscriber with what it got and what it should have got.
type client struct {
	sub  *Subscriber
	got  []string
	want []string
	subs [kinds]map[string]bool
}

// loops makes inboxes whose owners are clients of the test.
func loops(n int) []*Inbox {
	list := make([]*Inbox, n)
	for i := range list {
		var in *Inbox
		in = NewInbox(func() {}, func() {
			waiting := in.Take()
			for _, p := range waiting {
				if p.Owner != nil {
					c := p.Owner.(*client)
					c.got = append(c.got, string(p.Bytes[0]))
				}
				for _, m := range p.To {
					c := m.Sub.Owner.(*client)
					c.got = append(c.got, string(p.Bytes[m.Sub.Proto()]))
				}
			}
			in.Done(waiting)
		})
		list[i] = in
	}
	return list
}

// wire is a message as a dumb encoder makes it.
func wire(proto uint8, words ...string) string {
	head := '*'
	if proto == 3 {
		head = '>'
	}
	text := fmt.Sprintf("%c%d\r\n", head, len(words))
	for _, w := range words {
		text += fmt.Sprintf("$%d\r\n%s\r\n", len(w), w)
	}
	return text
}

// model is a bus beside sets of names.
type model struct {
	*rand.Rand
	bus     Bus
	ins     []*Inbox
	clients []*client
}

var (
	modelChannels = []string{"a", "ab", "abc", "b", "", "news"}
	modelPatterns = []string{"*", "a*", "ab?", "[ab]", "news"}
)

func (m *model) name(k Kind) string {
	if m.IntN(3) == 0 {
		return fmt.Sprint(m.IntN(60)) // enough to need an index
	}
	if k == Pattern {
		return modelPatterns[m.IntN(len(modelPatterns))]
	}
	return modelChannels[m.IntN(len(modelChannels))]
}

// TestBusEqualsModel: whatever subscriptions come and go, everybody gets what is
// published while subscribed, once for each subscription, in order, in the protocol
// spoken then, and counts agree.
func TestBusEqualsModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	m := &model{Rand: rand.New(rand.NewPCG(seed, 0)), ins: loops(3)}
	for i := range 12 {
		c := &client{}
		c.sub = NewSubscriber(c, m.ins[i%3], uint8(2+i%2))
		for k := range kinds {
			c.subs[k] = map[string]bool{}
		}
		m.clients = append(m.clients, c)
	}
	for range 8_000 {
		m.step(t)
	}
	for _, in := range m.ins {
		in.Flush()
	}
	for i, c := range m.clients {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("client %d got %d messages, not the %d it should", i, len(c.got), len(c.want))
		}
		m.bus.Drop(c.sub)
		if c.sub.Bytes() != 0 {
			t.Errorf("client %d has %d bytes without subscriptions", i, c.sub.Bytes())
		}
	}
	for k := range kinds {
		if n := m.bus.Count(k); n != 0 || len(m.bus.topics[k]) != 0 || len(m.bus.Names(k)) != 0 {
			t.Errorf("%d topics of kind %d are left", n, k)
		}
	}
}

func (m *model) step(t *testing.T) {
	c := m.clients[m.IntN(len(m.clients))]
	k := Kind(m.IntN(int(kinds)))
	name := m.name(k)
	switch n := m.IntN(100); {
	case n < 30:
		if fresh := m.bus.Subscribe(c.sub, k, []byte(name)); fresh == c.subs[k][name] {
			t.Fatalf("Subscribe %q: new %v", name, fresh)
		}
		c.subs[k][name] = true
	case n < 50:
		if ended := m.bus.Unsubscribe(c.sub, k, []byte(name)); ended != c.subs[k][name] {
			t.Fatalf("Unsubscribe %q: %v", name, ended)
		}
		delete(c.subs[k], name)
	case n < 51:
		m.bus.Drop(c.sub)
		for k := range kinds {
			clear(c.subs[k])
		}
	case n < 54:
		m.bus.SetProto(c.sub, uint8(2+m.IntN(2)))
	case n < 58:
		m.ins[m.IntN(len(m.ins))].Flush()
	case n < 62:
		m.compare(t, c)
	default:
		m.publish(t, k == Shard, name)
	}
}

// publish sends a message and tells the model who should get it.
func (m *model) publish(t *testing.T, shard bool, channel string) {
	text := fmt.Sprint(m.Uint32())
	var got, want int
	kind, word := Channel, "message"
	if shard {
		kind, word = Shard, "smessage"
		got = m.bus.PublishShard([]byte(channel), []byte(text))
	} else {
		got = m.bus.Publish([]byte(channel), []byte(text))
	}
	for _, c := range m.clients {
		proto := c.sub.Proto() + 2
		if c.subs[kind][channel] {
			want++
			c.want = append(c.want, wire(proto, word, channel, text))
		}
	}
	if !shard {
		for _, topic := range m.bus.list { // the order of patterns is the bus's own
			for _, c := range m.clients {
				if c.subs[Pattern][topic.name] && glob.Match([]byte(topic.name), []byte(channel)) {
					want++
					c.want = append(c.want, wire(c.sub.Proto()+2, "pmessage", topic.name, channel, text))
				}
			}
		}
	}
	if got != want {
		t.Fatalf("Publish %q: %d receivers, not %d", channel, got, want)
	}
}

// compare compares the lists of a client and the counts of topics.
func (m *model) compare(t *testing.T, c *client) {
	for k := range kinds {
		var names []string
		for i := range c.sub.Count(k) {
			names = append(names, c.sub.Name(k, i))
		}
		slices.Sort(names)
		if want := slices.Sorted(maps.Keys(c.subs[k])); !slices.Equal(names, want) {
			t.Fatalf("kind %d: %q, not %q", k, names, want)
		}
		for _, name := range names {
			count := 0
			for _, other := range m.clients {
				if other.subs[k][name] {
					count++
				}
			}
			if n := m.bus.Subscribers(k, []byte(name)); n != count {
				t.Fatalf("%q has %d subscribers, not %d", name, n, count)
			}
		}
	}
}

// TestInboxIsBounded: a loop that does not come round gets no more than the bound;
// who misses something is told of once.
func TestInboxIsBounded(t *testing.T) {
	var bus Bus
	woken := 0
	in := NewInbox(func() { woken++ }, func() { t.Error("delivered") })
	owners := []*client{{}, {}}
	for _, c := range owners {
		c.sub = NewSubscriber(c, in, 2)
	}
	in.deliver = func() {}
	for _, c := range owners {
		bus.Subscribe(c.sub, Channel, []byte("c"))
	}
	message := []byte(strings.Repeat("x", 1<<20))
	for range InboxBytesMax/len(message) + 10 {
		bus.Publish([]byte("c"), message)
	}
	if !in.Crowded() {
		t.Error("the inbox is not crowded")
	}
	size, lost := 0, map[any]int{}
	for _, p := range in.Take() {
		size += len(p.Bytes[0])
		if p.Lost {
			lost[p.Owner]++
		}
	}
	if size > InboxBytesMax || size < InboxBytesMax/2 {
		t.Errorf("%d bytes waited", size)
	}
	if lost[owners[0]] != 1 || lost[owners[1]] != 1 {
		t.Errorf("lost: %v", lost)
	}
	if woken != 1 || in.Waiting() || in.Crowded() {
		t.Errorf("woken %d times, waiting %v", woken, in.Waiting())
	}
}

// TestPublishAllocates: nothing without a subscriber, else one encoding for each
// protocol, however many subscribers there are.
func TestPublishAllocates(t *testing.T) {
	var bus Bus
	ins := loops(2)
	channel, message := []byte("channel"), []byte("a message of some bytes")
	check := func(what string, want float64) {
		t.Helper()
		got := testing.AllocsPerRun(200, func() {
			bus.Publish(channel, message)
			for _, in := range ins {
				in.Flush()
			}
		})
		if got != want {
			t.Errorf("%s: %.1f allocations, not %.0f", what, got, want)
		}
	}
	check("without subscribers", 0)
	var clients []*client
	for i := range 100 {
		c := &client{got: make([]string, 0, 1<<20)}
		c.sub = NewSubscriber(c, ins[i%2], 2)
		clients = append(clients, c)
	}
	// What the inboxes' test double keeps is not the bus's.
	for _, in := range ins {
		in.deliver = func() { in.Done(in.Take()) }
	}
	bus.Subscribe(clients[0].sub, Channel, []byte("other"))
	check("another channel", 0)
	for _, c := range clients {
		bus.Subscribe(c.sub, Channel, channel)
	}
	check("100 subscribers", 1)
	bus.SetProto(clients[0].sub, 3)
	check("two protocols", 2)
}
