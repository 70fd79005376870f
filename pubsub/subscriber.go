package pubsub

// Subscriber is a client with its subscriptions. What is not said otherwise is for
// the goroutine of its loop only.
type Subscriber struct {
	Owner any // of the caller; constant

	in    *Inbox
	proto uint8                    // guarded by Bus.mu
	lists [kinds][]place           // written under Bus.mu too
	index [kinds]map[*topic]uint32 // where in lists, if they are long
	bytes int
}

// place is where a subscriber stands in a topic.
type place struct {
	t  *topic
	at int32 // in the members of its loop; guarded by Bus.mu
}

const (
	// indexFrom is the number of subscriptions from which on they are indexed.
	indexFrom = 16
	// subscriptionBytes is the memory of a subscription besides its name: place,
	// member, its parts of topic and index.
	subscriptionBytes = 96
	// dropStep is how many subscriptions end under one hold of the lock.
	dropStep = 1024
)

// NewSubscriber returns a subscriber without subscriptions. in is the inbox of its
// loop, proto the version of the protocol, 2 or 3.
func NewSubscriber(owner any, in *Inbox, proto uint8) *Subscriber {
	return &Subscriber{Owner: owner, in: in, proto: proto}
}

// Count returns the number of subscriptions of a kind.
func (s *Subscriber) Count(k Kind) int { return len(s.lists[k]) }

// Total returns the number of all subscriptions.
func (s *Subscriber) Total() int {
	return len(s.lists[Channel]) + len(s.lists[Shard]) + len(s.lists[Pattern])
}

// Bytes returns about the memory of the subscriptions.
func (s *Subscriber) Bytes() int { return s.bytes }

// Name returns the name of subscription i of a kind, from 0 to below Count. The order
// changes when one ends: the last one takes its place.
func (s *Subscriber) Name(k Kind, i int) string { return s.lists[k][i].t.name }

// find returns where in its list a topic is, or -1.
func (s *Subscriber) find(t *topic) int {
	if index := s.index[t.kind]; index != nil {
		if i, ok := index[t]; ok {
			return int(i)
		}
		return -1
	}
	for i := range s.lists[t.kind] {
		if s.lists[t.kind][i].t == t {
			return i
		}
	}
	return -1
}

// Subscribe adds a subscription, and reports whether it is new. What waited for the
// loop is delivered before. name is borrowed.
func (b *Bus) Subscribe(s *Subscriber, k Kind, name []byte) bool {
	b.lock(s.in)
	defer b.mu.Unlock()
	t := b.topic(k, name)
	if s.find(t) >= 0 {
		return false
	}
	at := len(s.lists[k])
	s.lists[k] = append(s.lists[k], place{t, t.join(s, at)})
	s.bytes += subscriptionBytes + len(name)
	switch {
	case s.index[k] != nil:
		s.index[k][t] = uint32(at)
	case at >= indexFrom:
		s.index[k] = make(map[*topic]uint32)
		for i, p := range s.lists[k] {
			s.index[k][p.t] = uint32(i)
		}
	}
	return true
}

// Unsubscribe ends a subscription, and reports whether there was one. What waited for
// the loop is delivered before. name is borrowed.
func (b *Bus) Unsubscribe(s *Subscriber, k Kind, name []byte) bool {
	b.lock(s.in)
	defer b.mu.Unlock()
	t := b.topics[k][string(name)]
	if t == nil {
		return false
	}
	i := s.find(t)
	if i < 0 {
		return false
	}
	b.end(s, k, i)
	return true
}

// end ends subscription i of a kind.
func (b *Bus) end(s *Subscriber, k Kind, i int) {
	list := s.lists[k]
	t := list[i].t
	t.leave(s, list[i].at)
	last := len(list) - 1
	if i != last {
		moved := list[last]
		list[i] = moved
		moved.t.members(s.in)[moved.at].at = int32(i)
		if s.index[k] != nil {
			s.index[k][moved.t] = uint32(i)
		}
	}
	list[last] = place{}
	s.lists[k] = list[:last]
	delete(s.index[k], t)
	if last == 0 {
		s.lists[k], s.index[k] = nil, nil
	}
	s.bytes -= subscriptionBytes + len(t.name)
	if t.count == 0 {
		b.forget(t)
	}
}

// members returns the members of a topic on a loop.
func (t *topic) members(in *Inbox) []Member {
	for i := range t.groups {
		if t.groups[i].in == in {
			return t.groups[i].members
		}
	}
	return nil
}

// SetProto says that the client speaks another version of the protocol from now on:
// what waited is delivered before, in the old one.
func (b *Bus) SetProto(s *Subscriber, proto uint8) {
	b.lock(s.in)
	defer b.mu.Unlock()
	for k := range kinds {
		for _, p := range s.lists[k] {
			p.t.protos[s.proto-2]--
			p.t.protos[proto-2]++
		}
	}
	s.proto = proto
}

// Proto returns the index in Push.Bytes of what the subscriber gets. In deliver.
func (s *Subscriber) Proto() uint8 { return s.proto - 2 }

// Drop ends all subscriptions, without a word to the client.
func (b *Bus) Drop(s *Subscriber) {
	for s.Total() > 0 {
		b.lock(s.in)
		left := dropStep
		for k := range kinds {
			for n := len(s.lists[k]); n > 0 && left > 0; n-- {
				b.end(s, k, n-1)
				left--
			}
		}
		b.mu.Unlock()
	}
}
