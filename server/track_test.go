package server_test

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kvorum/resp"
	"kvorum/server/servertest"
)

// The model of clients that cache. Pairs of keys have versions that only grow; who
// writes a version says so once the server has acknowledged it. Clients keep what they
// read until they are told that it changed. Two things must hold:
//
//   - what was acknowledged before a client asks for a sign of life is known to its
//     cache when the sign comes;
//   - a reply is never newer than the messages in front of it: a pair is written first
//     key first, so if the second is read, a cached first one is as new.

// cachePairs is the number of pairs of keys.
const cachePairs = 24

// pairs are the keys of a run and what is known of them.
type pairs struct {
	mu      [cachePairs]sync.Mutex // held by who writes
	version [cachePairs]int64      // guarded by mu
	acked   [cachePairs]atomic.Int64
	// ackedOwn is acked without what nobody's command did: it is told to those who
	// listen to prefixes at the end of a loop's round.
	ackedOwn [cachePairs]atomic.Int64
}

func firstKey(i int) string  { return "first:" + strconv.Itoa(i) }
func secondKey(i int) string { return "second:" + strconv.Itoa(i) }

// change changes a pair, in one of several ways.
func (p *pairs) change(c *servertest.Conn, r *rand.Rand, i int) {
	p.mu[i].Lock()
	defer p.mu[i].Unlock()
	p.version[i]++
	v := strconv.FormatInt(p.version[i], 10)
	first, second := firstKey(i), secondKey(i)
	do := func(commands ...[]string) {
		var wire []byte
		for _, words := range commands {
			wire = resp.AppendCommandStrings(wire, words...)
		}
		c.Write(wire)
		for range commands {
			c.Read()
		}
	}
	switch r.IntN(8) {
	case 0:
		do([]string{"MULTI"}, []string{"SET", first, v}, []string{"SET", second, v}, []string{"EXEC"})
	case 1:
		do([]string{"DEL", second, first}) // nothing cached is as new as nothing
	case 2:
		do([]string{"SET", first, v, "PX", "1"}, []string{"SET", second, v, "PX", "1"})
		for _, key := range []string{first, second} {
			for c.Do("EXISTS", key) != ":0" {
				time.Sleep(time.Millisecond)
			}
		}
		p.ackedOwn[i].Store(p.version[i])
		p.version[i]++
		p.acked[i].Store(p.version[i])
		return
	default:
		do([]string{"SET", first, v}, []string{"SET", second, v})
	}
	p.ack(i)
}

// ack notes that the version of a pair is acknowledged.
func (p *pairs) ack(i int) {
	p.acked[i].Store(p.version[i])
	p.ackedOwn[i].Store(p.version[i])
}

// flush empties the server.
func (p *pairs) flush(c *servertest.Conn) {
	for i := range p.mu {
		p.mu[i].Lock()
	}
	c.Do("FLUSHALL")
	for i := range p.mu {
		p.version[i]++
		p.ack(i)
		p.mu[i].Unlock()
	}
}

// cacher is a client that caches.
type cacher struct {
	*servertest.Conn
	t        *testing.T
	messages *servertest.Conn // where messages come; the same, or another
	mode     int
	cache    map[string]int64
	told     int
}

// hear applies a message.
func (c *cacher) hear(v resp.Value) {
	c.told++
	keys := v.Elems[len(v.Elems)-1]
	if keys.Null {
		clear(c.cache)
	}
	for _, key := range keys.Elems {
		delete(c.cache, string(key.Str))
	}
}

// reply returns the next reply of a connection, having heard the messages in front of it.
func (c *cacher) reply(from *servertest.Conn) resp.Value {
	for {
		v := from.Read()
		if v.Type != '>' && !(v.Type == '*' && len(v.Elems) == 3 && string(v.Elems[0].Str) == "message") {
			return v
		}
		c.hear(v)
	}
}

// read reads a key into the cache and returns its version, 0 if it is not there.
func (c *cacher) read(key string) int64 {
	c.Send("GET", key)
	v := c.reply(c.Conn)
	n, _ := strconv.ParseInt(string(v.Str), 10, 64)
	if delete(c.cache, key); n > 0 {
		c.cache[key] = n
	}
	return n
}

// check asks for a sign of life and compares the cache with what had been acknowledged
// before.
func (c *cacher) check(p *pairs) {
	var acked [cachePairs]int64
	for i := range acked {
		if acked[i] = p.acked[i].Load(); slices.Contains(cacherModes[c.mode].words, "BCAST") {
			acked[i] = p.ackedOwn[i].Load()
		}
	}
	c.messages.Send("PING")
	c.reply(c.messages)
	for i, want := range acked {
		for _, key := range []string{firstKey(i), secondKey(i)} {
			if have, ok := c.cache[key]; ok && have < want {
				c.t.Errorf("%s, %s: version %d is cached, %d was acknowledged", cacherModes[c.mode].name, key, have, want)
				delete(c.cache, key)
			}
		}
	}
}

// cacherModes are ways to track; messages says which connection gets them.
var cacherModes = []struct {
	name     string
	redirect uint8 // protocol of the client redirected to; 0: none
	causal   bool  // nothing in a reply is newer than the messages in front of it
	words    []string
}{
	{"default", 0, true, nil},
	{"optout", 0, true, []string{"OPTOUT"}},
	{"noloop", 0, true, []string{"NOLOOP"}},
	{"bcast", 0, false, []string{"BCAST"}},
	{"prefixes", 0, false, []string{"BCAST", "PREFIX", "first:", "PREFIX", "second:", "NOLOOP"}},
	{"redirect2", 2, false, nil},
	{"redirect3", 3, false, []string{"OPTOUT"}},
	{"redirect bcast", 2, false, []string{"BCAST"}},
}

func newCacher(t *testing.T, in *servertest.Instance, mode int) *cacher {
	m := cacherModes[mode]
	c := &cacher{Conn: in.Dial(), t: t, mode: mode, cache: make(map[string]int64)}
	c.messages = c.Conn
	words := append([]string{"CLIENT", "TRACKING", "ON"}, m.words...)
	if m.redirect != 0 {
		c.messages = in.Dial()
		words = append(words, "REDIRECT", strings.TrimPrefix(c.messages.Do("CLIENT", "ID"), ":"))
	}
	switch m.redirect {
	case 0:
		c.Do("HELLO", "3")
	case 2:
		c.messages.Do("SUBSCRIBE", "__redis__:invalidate")
	case 3:
		c.messages.Do("HELLO", "3")
	}
	c.Want("+OK", words...)
	return c
}

// run reads and checks until stop.
func (c *cacher) run(p *pairs, r *rand.Rand, causal bool, stop <-chan struct{}) {
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		i := r.IntN(cachePairs)
		c.read(firstKey(i))
		if n%3 == 0 {
			c.check(p)
		}
		j := r.IntN(cachePairs)
		second := c.read(secondKey(j))
		if first, ok := c.cache[firstKey(j)]; ok && causal && first < second {
			c.t.Errorf("%s is cached as %d when %s is read as %d", firstKey(j), first, secondKey(j), second)
		}
	}
}

// TestCachesAreNeverStale: clients in all modes cache while others write, with keys
// that expire, FLUSHALL, and a table that is too small.
func TestCachesAreNeverStale(t *testing.T) {
	const writers, length = 4, 1500 * time.Millisecond
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	in := servertest.Start(t, "io-threads 4", "tracking-table-max-keys 30")
	p := new(pairs)
	stop := make(chan struct{})
	var all sync.WaitGroup
	var cachers []*cacher
	for n := range 2 * len(cacherModes) {
		mode := n % len(cacherModes)
		c := newCacher(t, in, mode)
		cachers = append(cachers, c)
		all.Go(func() { c.run(p, rand.New(rand.NewPCG(seed, uint64(n))), cacherModes[mode].causal, stop) })
	}
	for n := range writers {
		c := in.Dial()
		all.Go(func() {
			r := rand.New(rand.NewPCG(seed, 1000+uint64(n)))
			for {
				select {
				case <-stop:
					return
				default:
				}
				if r.IntN(200) == 0 {
					p.flush(c)
				}
				p.change(c, r, r.IntN(cachePairs))
			}
		})
	}
	time.Sleep(length) // how long it runs, nothing waits for it
	close(stop)
	all.Wait()
	for n, c := range cachers {
		if c.check(p); c.told == 0 {
			t.Errorf("%s was told nothing", cacherModes[n%len(cacherModes)].name)
		}
	}
}
