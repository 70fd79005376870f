package engine_test

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"kvorum/clock"
	"kvorum/command"
	"kvorum/command/all"
	"kvorum/engine"
	"kvorum/keyspace"
	"kvorum/resp"
)

// longBed is an engine whose long commands are run, and held, by a test.
type longBed struct {
	t     *testing.T
	e     *engine.Engine
	w     *engine.Worker
	mu    sync.Mutex
	woken []*command.Session
}

func newLongBed(t *testing.T) *longBed {
	table, err := command.NewTable(all.Families()...)
	if err != nil {
		t.Fatal(err)
	}
	b := &longBed{t: t}
	b.e = engine.New(keyspace.New(4), table, clock.New(), engine.Hooks{
		Deliver: func(*command.Waiter, []byte) {},
		Wake: func(s *command.Session) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.woken = append(b.woken, s)
		},
	})
	b.w = b.e.NewWorker()
	t.Cleanup(func() {
		b.w.Close()
		b.e.Exclusive(func() {
			if err := b.e.KS.MemCheck(); err != nil {
				t.Error(err)
			}
		})
		b.e.KS.Close()
	})
	return b
}

// serve has requests served, one per line, and returns what is replied at once.
func (b *longBed) serve(s *command.Session, lines ...string) string {
	var in []byte
	for _, line := range lines {
		in = resp.AppendCommandStrings(in, strings.Fields(line)...)
	}
	used, _, out := b.w.Serve(s, in, nil)
	if used != len(in) && s.Ticket == nil {
		b.t.Errorf("%q: %d of %d bytes served", lines, used, len(in))
	}
	return string(out)
}

// want is serve of one request with a certain reply.
func (b *longBed) want(s *command.Session, want, line string) {
	b.t.Helper()
	if have := b.serve(s, line); have != want {
		b.t.Errorf("%s: %.200q, want %.200q", line, have, want)
	}
}

const longFields = 20_000

// fill makes a hash of longFields fields.
func (b *longBed) fill(key string) {
	s := b.e.NewSession(nil)
	for i := 0; i < longFields; i += 100 {
		line := "HSET " + key
		for j := range 100 {
			line += fmt.Sprintf(" f%d v%d", i+j, i+j)
		}
		b.want(s, ":100\r\n", line)
	}
}

// fillSorted makes a sorted set of longFields members.
func (b *longBed) fillSorted(key string) {
	s := b.e.NewSession(nil)
	for i := 0; i < longFields; i += 100 {
		line := "ZADD " + key
		for j := range 100 {
			line += fmt.Sprintf(" %d m%d", i+j, i+j)
		}
		b.want(s, ":100\r\n", line)
	}
}

// begin begins a long command and holds it in its middle. finish lets it go on and
// returns the reply.
func (b *longBed) begin(line string) (finish func() string) {
	b.t.Helper()
	for range 100 {
		s := b.e.NewSession(nil)
		b.want(s, "", line)
		if s.Task == nil {
			b.t.Fatalf("%s is no long command", line)
		}
		pieces := make(chan [][]byte, 1)
		var begun sync.WaitGroup
		begun.Add(1)
		go func() {
			w := resp.Writer{Proto: 2}
			begun.Done()
			s.Task(&w)
			pieces <- w.Take()
		}()
		begun.Wait()
		for len(pieces) == 0 && !b.e.KS.AnyPinned() {
			runtime.Gosched()
		}
		release := b.e.HoldLong()
		finish = func() string {
			release()
			reply := <-pieces
			s.Task = nil
			b.w.Finish(s, 0, reply)
			return string(bytes.Join(reply, nil))
		}
		if b.e.KS.AnyPinned() {
			return finish
		}
		finish() // it was too quick
	}
	b.t.Fatalf("%s cannot be held", line)
	return nil
}

// While a long command reads a key, others read it and change all other keys. Who wants
// to change it waits, and is not overtaken by those who read it anew.
func TestALongCommandHoldsUpWritersOfItsKeysOnly(t *testing.T) {
	b := newLongBed(t)
	b.fill("h")
	other, writer := b.e.NewSession(nil), b.e.NewSession(nil)
	finish := b.begin("HGETALL h")
	b.want(other, "+OK\r\n", "SET k v")
	b.want(other, "$2\r\nv5\r\n", "HGET h f5")
	for shard, key := range nearKeys(b.e.KS, "h", 3) {
		b.want(other, "+OK\r\n", fmt.Sprint("SET ", key, " ", shard))
	}
	b.want(writer, "", "HSET h f5 new")
	if writer.Ticket == nil || writer.Flags&command.Postponed == 0 {
		t.Fatal("a command has changed a key that is being read")
	}
	late := b.e.NewSession(nil)
	b.want(late, "", "HGETALL h")
	lateReply := make(chan string)
	go func() {
		var w resp.Writer
		late.Task(&w)
		lateReply <- string(bytes.Join(w.Take(), nil))
	}()
	if reply := finish(); !whole(reply, "v5") {
		t.Errorf("%d bytes: %.100q", len(reply), reply)
	}
	b.mu.Lock()
	if len(b.woken) != 1 || b.woken[0] != writer {
		t.Errorf("woken: %v", b.woken)
	}
	b.mu.Unlock()
	writer.Flags &^= command.Postponed
	b.want(writer, ":0\r\n", "HSET h f5 new")
	if writer.Ticket != nil {
		t.Error("the ticket was not given back")
	}
	if reply := <-lateReply; !whole(reply, "new") {
		t.Errorf("%d bytes: %.100q", len(reply), reply)
	}
	b.want(other, "$3\r\nnew\r\n", "HGET h f5")
}

// whole reports whether a reply has all fields of fill, field f5 with a certain value.
func whole(reply, f5 string) bool {
	return strings.HasPrefix(reply, fmt.Sprintf("*%d\r\n", 2*longFields)) && strings.Count(reply, "\r\n") == 1+4*longFields &&
		strings.Contains(reply, fmt.Sprintf("$2\r\nf5\r\n$%d\r\n%s\r\n", len(f5), f5))
}

// nearKeys returns names of keys in the shard of another.
func nearKeys(ks *keyspace.Keyspace, key string, n int) (keys []string) {
	shard := keyspace.ShardOf(ks.Key([]byte(key)).Hash)
	for i := 0; len(keys) < n; i++ {
		if name := fmt.Sprint("near", i); keyspace.ShardOf(ks.Key([]byte(name)).Hash) == shard {
			keys = append(keys, name)
		}
	}
	return keys
}

// All ways to change or remove a key that is being read wait, in whichever database,
// and leave everything as it is until then; those that only read do not.
func TestWhatWaitsForALongCommand(t *testing.T) {
	b := newLongBed(t)
	b.fill("h")
	setup := b.e.NewSession(nil)
	b.want(setup, ":1\r\n", "RPUSH l 1")
	finish := b.begin("HGETALL h")
	for _, lines := range [][]string{
		{"DEL h"}, {"UNLINK x h"}, {"SET h v"}, {"EXPIRE h 100"}, {"RENAME h g"}, {"RENAME l h"}, {"COPY l h REPLACE"},
		{"MOVE h 1"}, {"HDEL h f1"}, {"HINCRBY h n 1"}, {"FLUSHALL"}, {"FLUSHDB"}, {"SWAPDB 0 1"}, {"SDIFFSTORE h x y"},
		{"MULTI", "SET x 1", "HSET h f1 x", "EXEC"}, {"MULTI", "GET x", "FLUSHALL", "EXEC"}, {"SELECT 1", "SET h v"},
		{"SET y 1", "HSET h f1 x", "SET y 2"},
	} {
		s := b.e.NewSession(nil)
		b.serve(s, lines...)
		if s.Ticket == nil {
			t.Errorf("%q did not wait", lines)
		}
		b.w.EndSession(s)
		if s.Ticket != nil {
			t.Errorf("%q: its client is gone, its ticket is not", lines)
		}
	}
	b.want(setup, "$1\r\n1\r\n", "GET y")
	for _, lines := range [][]string{
		{"HLEN h"}, {"EXISTS h"}, {"TTL h"}, {"COPY h g2"}, {"MULTI", "HGET h f1", "EXEC"}, {"SCAN 0"}, {"TYPE h"}, {"OBJECT FREQ h"}, {"TOUCH h"},
	} {
		s := b.e.NewSession(nil)
		b.serve(s, lines...)
		if s.Ticket != nil && lines[0] != "COPY h g2" { // COPY may write to both, as far as the engine knows
			t.Errorf("%q waits", lines)
		}
		b.w.EndSession(s)
	}
	if reply := finish(); !whole(reply, "v5") {
		t.Errorf("%d bytes: %.100q", len(reply), reply)
	}
	b.want(setup, ":1\r\n", "DEL h")
}

// A key that expires, or would be evicted, while it is read stays until the end.
func TestALongCommandKeepsItsKey(t *testing.T) {
	b := newLongBed(t)
	b.fill("h")
	s := b.e.NewSession(nil)
	b.want(s, ":1\r\n", "PEXPIRE h 100")
	finish := b.begin("HGETALL h")
	for b.serve(s, "EXISTS h") != ":0\r\n" {
		runtime.Gosched()
	}
	b.w.Tick(1 << 62)
	if n := b.e.KS.DB(0).Len(); n != 1 {
		t.Errorf("%d keys", n)
	}
	set := *b.e.Settings()
	set.Memory = engine.MemoryLimit{Max: 1, Policy: engine.AllKeysRandom, Samples: 5}
	b.e.Apply(set)
	b.serve(s, "SET k v")
	set.Memory = engine.MemoryLimit{}
	b.e.Apply(set)
	b.serve(s, "DEL k")
	if n := b.e.KS.DB(0).Len(); n != 1 {
		t.Errorf("%d keys", n)
	}
	if reply := finish(); !whole(reply, "v5") {
		t.Errorf("%d bytes: %.100q", len(reply), reply)
	}
	b.want(s, ":0\r\n", "EXISTS h")
	if n := b.e.KS.DB(0).Len(); n != 0 {
		t.Errorf("%d keys", n)
	}
}

// A long command that writes keeps others from its keys, does it all at once, and those
// who wait for what it made are served.
func TestALongStore(t *testing.T) {
	b := newLongBed(t)
	s := b.e.NewSession(nil)
	b.fillSorted("z")
	waits := b.e.NewSession(nil)
	b.want(waits, "", "BZPOPMIN dst 0")
	finish := b.begin("ZUNIONSTORE dst 1 z")
	b.want(s, ":0\r\n", "EXISTS dst")
	writer := b.e.NewSession(nil)
	b.want(writer, "", "SET dst v")
	b.want(s, ":1\r\n", "EXISTS z")
	b.w.EndSession(writer)
	if reply := finish(); reply != fmt.Sprintf(":%d\r\n", longFields) {
		t.Errorf("%q", reply)
	}
	b.want(s, fmt.Sprintf(":%d\r\n", longFields-1), "ZCARD dst")
	b.w.Released(waits)
	b.want(s, ":2\r\n", "DEL dst z")
}

// A command that only reads, as far as its row says, but may change the form of a value,
// leaves it as it is while it is pinned.
func TestALongCommandKeepsTheFormOfItsKeys(t *testing.T) {
	b := newLongBed(t)
	s := b.e.NewSession(nil)
	b.want(s, ":3\r\n", "ZADD small 1 a 2 b 3 c")
	b.fillSorted("z")
	finish := b.begin("ZUNION 2 z small")
	b.want(s, "*3\r\n$1\r\nc\r\n$1\r\nb\r\n$1\r\na\r\n", "SORT_RO small ALPHA DESC")
	b.want(s, "$8\r\nlistpack\r\n", "OBJECT ENCODING small")
	if reply := finish(); !strings.HasPrefix(reply, fmt.Sprintf("*%d\r\n", longFields+3)) {
		t.Errorf("%.100q", reply)
	}
	b.want(s, "*3\r\n$1\r\nc\r\n$1\r\nb\r\n$1\r\na\r\n", "SORT_RO small ALPHA DESC")
	b.want(s, "$8\r\nskiplist\r\n", "OBJECT ENCODING small")
}

// A long command whose client is gone ends early.
func TestALongCommandIsAbandoned(t *testing.T) {
	b := newLongBed(t)
	b.fill("h")
	s := b.e.NewSession(nil)
	b.want(s, "", "HGETALL h")
	b.w.EndSession(s)
	var w resp.Writer
	s.Task(&w)
	if w.Size() > 10*longFields {
		t.Errorf("%d bytes", w.Size())
	}
	if b.e.KS.AnyPinned() {
		t.Error("the key is still pinned")
	}
}

// A replica whose clients may write is fed by its master only, whether a command is long
// or not.
func TestALongStoreOnAReplica(t *testing.T) {
	b := newLongBed(t)
	s := b.e.NewSession(nil)
	b.fillSorted("z")
	b.e.Exclusive(func() {
		b.e.Feed.Enable()
		b.e.SetRole(engine.Role{Replica: true})
	})
	offset := b.e.Feed.Offset()
	finish := b.begin("ZUNIONSTORE dst 1 z")
	if reply := finish(); reply != fmt.Sprintf(":%d\r\n", longFields) {
		t.Errorf("%q", reply)
	}
	b.e.Exclusive(b.e.Feed.Merge)
	if have := b.e.Feed.Offset(); have != offset {
		t.Errorf("%d bytes in the master's stream", have-offset)
	}
	b.want(s, ":2\r\n", "DEL dst z")
}
