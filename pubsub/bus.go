package pubsub

import (
	"sync"
	"sync/atomic"

	"kvorum/glob"
	"kvorum/resp"
)

// Kind is a sort of subscription. Each has its own names.
type Kind uint8

// The kinds.
const (
	Channel Kind = iota
	Shard        // sharded channels
	Pattern      // of channels
	kinds
)

// Bus is all subscriptions of a server. The zero value is ready for use.
type Bus struct {
	live [kinds]atomic.Int64 // number of topics

	mu     sync.Mutex
	topics [kinds]map[string]*topic
	names  [kinds][]string // those of topics, by topic.at
	list   []*topic        // patterns, by topic.at
}

// topic is a channel or pattern with subscribers. Guarded by Bus.mu.
type topic struct {
	name   string
	glob   []byte // of a pattern: its name
	kind   Kind
	at     int // in Bus.names and, a pattern, in Bus.list
	count  int // subscribers
	protos [2]int
	groups []group
}

// group is the subscribers of a topic on one loop.
type group struct {
	in      *Inbox
	members []Member
}

// Member is a subscriber in a topic.
type Member struct {
	Sub *Subscriber
	at  int32 // of the topic, in Sub.lists
}

// Words that messages begin with, by Kind.
var messageWords = [kinds][]byte{[]byte("message"), []byte("smessage"), []byte("pmessage")}

// Idle reports whether nobody is subscribed to a channel or pattern.
func (b *Bus) Idle() bool { return b.live[Channel].Load() == 0 && b.live[Pattern].Load() == 0 }

// Publish sends a message to the subscribers of a channel and of the patterns that it
// matches, and returns how many these are. The bytes are borrowed.
//
// Cost: without subscriptions two loads; else the encoding of the message, with one
// allocation for each protocol (and each matching pattern), and a step per loop.
func (b *Bus) Publish(channel, message []byte) (receivers int) {
	if b.Idle() {
		return 0
	}
	b.mu.Lock()
	if t := b.topics[Channel][string(channel)]; t != nil {
		receivers = t.send(channel, message)
	}
	for _, t := range b.list {
		if glob.Match(t.glob, channel) {
			receivers += t.send(channel, message)
		}
	}
	b.mu.Unlock()
	return receivers
}

// PublishShard is Publish for sharded channels, which no pattern matches.
func (b *Bus) PublishShard(channel, message []byte) (receivers int) {
	if b.live[Shard].Load() == 0 {
		return 0
	}
	b.mu.Lock()
	if t := b.topics[Shard][string(channel)]; t != nil {
		receivers = t.send(channel, message)
	}
	b.mu.Unlock()
	return receivers
}

// send puts a message into the inboxes of the topic's loops.
func (t *topic) send(channel, message []byte) int {
	var p Push
	size := 0
	for i, n := range t.protos {
		if n > 0 {
			p.Bytes[i] = t.encode(channel, message)
			size += len(p.Bytes[i])
		}
	}
	if b := p.Bytes[1]; b != nil {
		b[0] = '>' // a push is encoded like an array but for the first byte
	}
	for i := range t.groups {
		p.To = t.groups[i].members
		t.groups[i].in.add(p, size)
	}
	return t.count
}

// encode returns the message as protocol 2 has it.
func (t *topic) encode(channel, message []byte) []byte {
	const rest = 192 // headers, and the room that the encoder wants
	word := messageWords[t.kind]
	dst := make([]byte, 0, len(word)+len(t.name)+len(channel)+len(message)+rest)
	if t.kind == Pattern {
		dst = resp.AppendCommand(dst, word, t.glob, channel, message)
	} else {
		dst = resp.AppendCommand(dst, word, channel, message)
	}
	return dst[:len(dst):len(dst)]
}

// Count returns the number of channels or patterns that somebody is subscribed to.
func (b *Bus) Count(k Kind) int64 { return b.live[k].Load() }

// Subscribers returns the number of subscribers of a channel.
func (b *Bus) Subscribers(k Kind, name []byte) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t := b.topics[k][string(name)]; t != nil {
		return t.count
	}
	return 0
}

// Names returns the channels that somebody is subscribed to, in no order. The slice
// is the caller's. Cost: a copy of the list under the lock, 16 bytes for each.
func (b *Bus) Names(k Kind) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.names[k]...)
}

// lock locks the bus while nothing waits in an inbox, whose loop calls it.
func (b *Bus) lock(in *Inbox) {
	const tries = 16
	for range tries {
		in.Flush()
		b.mu.Lock()
		if !in.Waiting() {
			return
		}
		b.mu.Unlock()
	}
	b.mu.Lock() // messages come faster than we look
	in.Flush()
}

// topic returns the topic of a name, a new one if there is none.
func (b *Bus) topic(k Kind, name []byte) *topic {
	if t := b.topics[k][string(name)]; t != nil {
		return t
	}
	if b.topics[k] == nil {
		b.topics[k] = make(map[string]*topic)
	}
	t := &topic{name: string(name), kind: k, at: len(b.names[k])}
	b.topics[k][t.name] = t
	b.names[k] = append(b.names[k], t.name)
	if k == Pattern {
		t.glob = []byte(t.name)
		b.list = append(b.list, t)
	}
	b.live[k].Add(1)
	return t
}

// forget removes a topic that has no subscribers any more.
func (b *Bus) forget(t *topic) {
	names := b.names[t.kind]
	last := len(names) - 1
	b.topics[t.kind][names[last]].at = t.at
	names[t.at], names[last] = names[last], ""
	b.names[t.kind] = names[:last]
	if t.kind == Pattern {
		b.list[t.at], b.list[last] = b.list[last], nil
		b.list = b.list[:last]
	}
	delete(b.topics[t.kind], t.name)
	if last == 0 { // a map does not shrink
		b.topics[t.kind], b.names[t.kind] = nil, nil
	}
	b.live[t.kind].Add(-1)
}

// join adds a subscriber, whose list has the topic at place at, and returns its place
// in the group of its loop.
func (t *topic) join(s *Subscriber, at int) int32 {
	t.count++
	t.protos[s.proto-2]++
	for i := range t.groups {
		if g := &t.groups[i]; g.in == s.in {
			g.members = append(g.members, Member{s, int32(at)})
			return int32(len(g.members) - 1)
		}
	}
	t.groups = append(t.groups, group{s.in, []Member{{s, int32(at)}}})
	return 0
}

// leave removes the member at a place in the group of its loop.
func (t *topic) leave(s *Subscriber, at int32) {
	t.count--
	t.protos[s.proto-2]--
	for i := range t.groups {
		g := &t.groups[i]
		if g.in != s.in {
			continue
		}
		last := len(g.members) - 1
		if moved := g.members[last]; int(at) != last {
			g.members[at] = moved
			moved.Sub.lists[t.kind][moved.at].at = at
		}
		g.members[last] = Member{}
		if g.members = g.members[:last]; last == 0 {
			end := len(t.groups) - 1
			t.groups[i] = t.groups[end]
			t.groups[end] = group{}
			t.groups = t.groups[:end]
		}
		return
	}
}
