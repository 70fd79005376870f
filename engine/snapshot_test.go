package engine_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kvorum/clock"
	"kvorum/engine"
	"kvorum/keyspace"
	"kvorum/rdb"
	"kvorum/snapshot"
)

// What could break: a snapshot that is not the data of its cut. Workers execute random
// commands of all families; at the cut, while the world stands still, a copy of all
// keys is made; what the snapshot then gives is compared with it, key by key and
// element by element.

// form is what keys are staged in.
var form = rdb.Form{Version: rdb.VersionMax}

// frames splits staged bytes.
func frames(b []byte) (out []string) {
	for len(b) > 0 {
		n := int(binary.LittleEndian.Uint32(b) &^ (1 << 31))
		out = append(out, string(b[4:4+n]))
		b = b[4+n:]
	}
	return out
}

// content is a key as text that does not depend on the order of elements.
func content(b []byte) (name, value string) {
	f := frames(b)
	start := f[0]
	name = f[1]
	width := 0
	switch start[len(start)-1] {
	case 4, 5: // hash, sorted set
		width = 2
	case 2: // set
		width = 1
	case 24: // hash with TTLs on fields
		return name, timedContent(f)
	}
	if width == 0 {
		return name, fmt.Sprintf("%x %q", start, f[2:])
	}
	var elements []string
	for i := 3; i < len(f); i += width {
		elements = append(elements, strings.Join(f[i:i+width], "="))
	}
	slices.Sort(elements)
	return name, fmt.Sprintf("%x %x %q", start, f[2], elements)
}

// timedContent is content for a table of fields with due times, which are told relative
// to what stands in front.
func timedContent(f []string) string {
	base := int64(binary.LittleEndian.Uint64([]byte(f[2])))
	var elements []string
	for i := 4; i < len(f); i += 3 {
		due := length(f[i])
		if due != 0 {
			due += base - 1
		}
		elements = append(elements, fmt.Sprintf("%s=%s until %d", f[i+1], f[i+2], due))
	}
	slices.Sort(elements)
	return fmt.Sprintf("%x %x %q", f[0], f[3], elements)
}

// length reads a length as files have it.
func length(b string) int64 {
	switch b[0] >> 6 {
	case 0:
		return int64(b[0])
	case 1:
		return int64(b[0]&63)<<8 | int64(b[1])
	}
	if len(b) == 5 {
		return int64(binary.BigEndian.Uint32([]byte(b[1:])))
	}
	return int64(binary.BigEndian.Uint64([]byte(b[1:])))
}

// dump returns all keys as they are. The world stands still.
func dump(ks *keyspace.Keyspace) map[string]string {
	out := make(map[string]string)
	for i := range ks.DBCount() {
		for shard := range keyspace.ShardCount {
			ks.DB(i).ScanShard(shard, func(e keyspace.Entry) {
				name, value := content(form.StageKey(nil, e.Rec))
				out[strconv.Itoa(i)+"/"+name] = value
			})
		}
	}
	return out
}

// collector is a sink that remembers.
type collector struct {
	keys   map[string]string
	err    error
	slow   time.Duration // what each call takes: a slow disk
	failAt int           // fail after so many calls, 0 never
	calls  int
	open   []byte       // of a key that comes in parts
	parts  map[byte]int // by type
}

var errSink = errors.New("disk full")

func newCollector() *collector {
	return &collector{keys: make(map[string]string), parts: make(map[byte]int)}
}

// Keys implements snapshot.Sink.
func (c *collector) Keys(db int, b []byte, more bool) error {
	if c.calls++; c.failAt > 0 && c.calls > c.failAt {
		return errSink
	}
	if c.slow > 0 {
		time.Sleep(c.slow)
	}
	if more || len(c.open) > 0 {
		c.open = append(c.open, b...)
		if more {
			return nil
		}
		b, c.open = c.open, nil
		start := frames(b)[0]
		c.parts[start[len(start)-1]]++
	}
	name, value := content(b)
	name = strconv.Itoa(db) + "/" + name
	if old, ok := c.keys[name]; ok && c.err == nil {
		c.err = fmt.Errorf("%s twice: %s and %s", name, old, value)
	}
	c.keys[name] = value
	return nil
}

// differs compares what came with what there was at the cut.
func (c *collector) differs(want map[string]string) error {
	if c.err != nil {
		return c.err
	}
	for name, value := range want {
		if got, ok := c.keys[name]; !ok {
			return fmt.Errorf("%s = %.300s is missing", name, value)
		} else if got != value {
			return fmt.Errorf("%s is\n%.3000s, was\n%.3000s", name, got, value)
		}
	}
	if len(c.keys) != len(want) {
		return fmt.Errorf("%d keys, there were %d", len(c.keys), len(want))
	}
	return nil
}

// chatter makes random commands.
type chatter struct {
	r    *rand.Rand
	keys int
	big  int // elements that a collection may get
}

func (g *chatter) key(kind string) string { return kind + strconv.Itoa(g.r.IntN(g.keys)) }
func (g *chatter) num(n int) string       { return strconv.Itoa(g.r.IntN(n)) }

func (g *chatter) word() string {
	switch g.r.IntN(8) {
	case 0:
		return strings.Repeat("x", 1+g.r.IntN(300))
	case 1:
		return strings.Repeat("blob", 300+g.r.IntN(300))
	case 2:
		return strconv.Itoa(g.r.IntN(100000))
	}
	return "v" + strconv.Itoa(g.r.IntN(1000))
}

// names are the kinds of keys, with the commands that change them.
var templates = []string{
	"SET s V", "SET s V KEEPTTL", "SET s V PX D", "SETEX s 100 V", "GETSET s V", "GETDEL s", "GETEX s PX D", "GETEX s PERSIST",
	"APPEND s V", "SETRANGE s N V", "INCR i", "INCRBYFLOAT i 1.5", "MSET s V s V i N", "SETBIT b N 1", "BITFIELD b SET u8 N 7",
	"BITOP OR b b b", "PFADD p V V", "PFCOUNT p", "PFMERGE p p p", "EXPIRE s 100", "PEXPIRE h D", "PERSIST h", "PERSIST s",
	"DEL s s", "DEL h", "UNLINK l", "DEL S", "DEL z", "DEL x", "RENAME s s", "RENAME h h", "RENAME z z", "RENAME l l", "RENAME x x", "COPY s s REPLACE",
	"COPY h h REPLACE", "COPY z z REPLACE", "COPY S S REPLACE", "COPY l l", "COPY x x REPLACE", "MOVE s 1", "MOVE h 1", "MOVE z 1", "MOVE l 1", "MOVE x 1", "RENAMENX S S",
	"HSET h E V", "HSET h E V E V E V", "HSET h E N E N", "HSET h E V E V E V E V", "HDEL h E E E", "HINCRBY h n 3", "HINCRBYFLOAT h f 1.5", "HSETNX h E V", "HPEXPIRE H D FIELDS 3 E E E", "HPERSIST H FIELDS 2 E E", "HPEXPIRE H 100000 FIELDS 2 E E", "HPEXPIRE H 0 FIELDS 1 E",
	"HSET H E V E V E V E V", "DEL H", "RENAME H H",
	"SADD S E E E E", "SADD S N N N N", "SADD S V V", "SREM S E E E", "SPOP S", "SPOP S N", "SPOP S M", "SMOVE S S E", "SUNIONSTORE S S S", "SINTERSTORE S S S", "SDIFFSTORE S S S",
	"ZADD z N E N E N E", "ZADD z N E N E", "ZADD z N V", "ZINCRBY z N E", "ZREM z E E", "ZPOPMIN z", "ZPOPMAX z N", "ZREMRANGEBYRANK z 0 3", "ZREMRANGEBYSCORE z 7 9",
	"ZUNIONSTORE z 2 z z", "ZRANGESTORE z z 0 N", "GEOADD g 13.3 38.1 E",
	"RPUSH l V V V", "LPUSH l V V V", "RPUSH l V V V V V V", "LPOP l", "RPOP l N", "LSET l 0 V", "LSET l -1 V", "LINSERT l BEFORE v1 V", "LREM l 1 v1", "LTRIM l 1 -2", "LTRIM l 0 5",
	"LMOVE l l LEFT RIGHT", "RPOPLPUSH l l", "LMPOP 2 l l LEFT COUNT N", "LPUSHX l V",
	"XADD x * a V b V", "XADD x * E V", "XADD x MAXLEN N * a V", "XDEL x 1-1", "XTRIM x MAXLEN N", "XGROUP CREATE x g 0 MKSTREAM", "XGROUP CREATECONSUMER x g C", "XREADGROUP GROUP g C COUNT 3 STREAMS x >",
	"XREADGROUP GROUP g C COUNT 3 NOACK STREAMS x >", "XAUTOCLAIM x g C 0 0 COUNT 3", "XACK x g 1-1", "XSETID x 99999999999999-1", "XGROUP SETID x g 0", "XGROUP DESTROY x g", "XGROUP DELCONSUMER x g C",
	"XCLAIM x g C 0 1-1 FORCE",
	"SELECT 0", "SELECT 1", "SELECT 2",
}

// growing are commands that make collections large: the last words of each come again
// and again.
var growing = []struct {
	line  string
	words string
}{
	{"HSET h", "E V"}, {"HSET h", "E N"}, {"SADD S", "E"}, {"SADD S", "V"}, {"ZADD z", "N E"}, {"ZADD z", "N E"}, {"ZADD z", "N E"}, {"ZADD z", "N V"},
	{"RPUSH l", "V"}, {"LPUSH l", "V"}, {"XADD x *", "E V"}, {"XADD x *", "E V"}, {"XADD x *", "a V"},
}

// global are commands that concern all data.
var global = []string{"SWAPDB 0 1", "SWAPDB 1 2", "FLUSHDB", "SWAPDB 2 0"}

// line returns a random command.
func (g *chatter) line(now int64) [][]byte {
	t := templates[g.r.IntN(len(templates))]
	switch n := g.r.IntN(400); {
	case n == 0:
		t = global[g.r.IntN(len(global))]
	case n < 120:
		more := growing[n%len(growing)]
		t = more.line + strings.Repeat(" "+more.words, 1+g.r.IntN(30))
	}
	var args [][]byte
	for i, w := range strings.Fields(t) {
		switch {
		case i == 0:
		case w == "V":
			w = g.word()
		case w == "N":
			w = g.num(400)
		case w == "M":
			w = g.num(2 * g.big)
		case w == "E":
			w = "e" + g.num(g.big)
		case w == "C":
			w = "c" + g.num(4)
		case w == "D":
			w = strconv.Itoa(1 + g.r.IntN(300))
		case w == "1-1":
			w = strconv.FormatInt(now, 10) + "-" + g.num(30)
		case w == "g" && t[0] == 'X':
			w = "g" + g.num(3)
		case len(w) == 1 && strings.Contains("sibphlSzgxH", w):
			w = g.key(w)
		}
		args = append(args, []byte(w))
	}
	return args
}

// shot is a snapshot under way and what it should give.
type shot struct {
	s    *snapshot.Snapshot
	got  *collector
	want map[string]string
	done chan error
}

func begin(tb testing.TB, e *engine.Engine, got *collector) shot {
	tb.Helper()
	out := shot{got: got}
	var err error
	e.Exclusive(func() {
		out.want = dump(e.KS)
		out.s, err = e.BeginSnapshot(&form)
	})
	if err != nil {
		tb.Fatal(err)
	}
	out.done = make(chan error, 1)
	go func() { out.done <- out.s.Run(got) }()
	return out
}

// finish lets a worker carry a snapshot to its end and compares.
func (s shot) finish(w *engine.Worker) error {
	for i := int64(0); ; i++ {
		select {
		case err := <-s.done:
			if err != nil {
				return err
			}
			return s.got.differs(s.want)
		default:
			w.Tick(i * 1_000_000_000)
			runtime.Gosched()
		}
	}
}

// press has the engine press the nodes of lists that are further than depth from both
// ends.
func press(e *engine.Engine, depth int) {
	settings := *e.Settings()
	settings.Packing.List.Depth = depth
	e.Apply(settings)
}

func TestSnapshotIsTheDataOfItsCut(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	parts := make(map[byte]int)
	for round := range uint64(3) {
		m := clock.NewManual(1_700_000_000_000)
		c := m.Clock()
		now := c.NowMs
		e := newEngine(t, c)
		w := e.NewWorker()
		s := e.NewSession(nil)
		g := &chatter{r: rand.New(rand.NewPCG(seed, round)), keys: 1 + int(round)*3, big: []int{100, 2000}[round%2]}
		step := func(n int) {
			for range n {
				w.Do(s, g.line(now())...)
				if g.r.IntN(20) == 0 {
					m.Advance(1)
				}
				if g.r.IntN(200) == 0 {
					press(e, g.r.IntN(4))
				}
			}
		}
		step(1500)
		var running []shot
		for begun, tick := 0, int64(0); begun < 4 || len(running) > 0; tick++ {
			if begun < 4 && len(running) < keyspace.WalksMax && g.r.IntN(8) == 0 {
				begun++
				got := newCollector()
				if g.r.IntN(3) == 0 {
					got.failAt = 1 + g.r.IntN(50)
				}
				running = append(running, begin(t, e, got))
			}
			step(g.r.IntN(40))
			for _, one := range running {
				one.s.Step(g.r.IntN(4 << 10))
			}
			e.KS.Reclaim(g.r.IntN(40))
			if e.KS.CompactStep(g.r.IntN(40)); g.r.IntN(20) == 0 {
				e.KS.CompactBegin(1)
			}
			if g.r.IntN(60) == 0 {
				w.Tick(tick * 1_000_000_000)
			}
			if len(running) > 0 && running[0].s.Walked() {
				if err := running[0].finish(w); err != nil && !(errors.Is(err, errSink) && running[0].got.failAt > 0) {
					t.Fatalf("round %d: %v", round, err)
				}
				for typ, n := range running[0].got.parts {
					parts[typ] += n
				}
				running = running[1:]
			}
		}
		for range 5000 {
			w.Tick(int64(1e15))
		}
		if err := e.KS.MemCheck(); err != nil {
			t.Fatal(err)
		}
		w.Close()
	}
	t.Logf("collections in parts, by type: %v", parts)
}

func TestSnapshotUnderSeveralWorkers(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	real := clock.New()
	now := real.NowMs
	e := newEngine(t, real)
	var stop atomic.Bool
	var done atomic.Int64 // commands
	more := func(count int64) {
		for from := done.Load(); done.Load() < from+count; {
			runtime.Gosched()
		}
	}
	var all sync.WaitGroup
	for i := range 3 {
		all.Add(1)
		go func() {
			defer all.Done()
			w := e.NewWorker()
			defer w.Close()
			s := e.NewSession(nil)
			g := &chatter{r: rand.New(rand.NewPCG(seed, uint64(i))), keys: 40, big: 2000}
			for n := int64(0); !stop.Load(); n++ {
				w.Do(s, g.line(now())...)
				w.Tick(n * 100_000)
				done.Add(1)
			}
		}()
	}
	w := e.NewWorker()
	for range 3 {
		more(1000)
		first := begin(t, e, newCollector())
		more(20)
		second := begin(t, e, newCollector())
		for _, one := range []shot{first, second} {
			if err := one.finish(w); err != nil {
				t.Error(err)
			}
		}
	}
	stop.Store(true)
	all.Wait()
	w.Close()
	if err := e.KS.MemCheck(); err != nil {
		t.Error(err)
	}
}

// A snapshot that is given up amid large collections leaves no trace, and the next one
// is right.
func TestSnapshotCancelled(t *testing.T) {
	value := strings.Repeat("v", 40)
	e := newEngine(t, clock.New())
	press(e, 1)
	w, s := e.NewWorker(), e.NewSession(nil)
	defer w.Close()
	for i := range 5 {
		do(w, s, repeat(fmt.Sprintf("HSET h%d", i), "f%d "+value, 1000))
		do(w, s, repeat(fmt.Sprintf("RPUSH l%d", i), value+"%d", 1000))
	}
	for round := range 6 {
		one := begin(t, e, newCollector())
		other := begin(t, e, newCollector())
		for i := range round {
			one.s.Step(10000)
			do(w, s, fmt.Sprintf("HSET h%d f%d new f%d new", i%5, i*10, i*20))
			do(w, s, fmt.Sprintf("LPOP l%d 3", i%5))
		}
		one.s.Cancel(nil)
		if err := one.finish(w); !errors.Is(err, snapshot.ErrCancelled) {
			t.Fatalf("a cancelled snapshot ended with %v", err)
		}
		if err := other.finish(w); err != nil {
			t.Fatal(err)
		}
		for i := int64(1); !one.s.Walked(); i++ {
			w.Tick(i * 1_000_000_000_000)
		}
		if err := e.KS.MemCheck(); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(e.Snapshots()); n != 0 {
		t.Fatalf("%d snapshots are left", n)
	}
}

// A slow sink makes the walk wait, not the memory grow.
func TestSnapshotWaitsForItsSink(t *testing.T) {
	e := newEngine(t, clock.New())
	w, s := e.NewWorker(), e.NewSession(nil)
	defer w.Close()
	value := strings.Repeat("v", 10_000)
	for i := range 2000 {
		do(w, s, fmt.Sprintf("SET k%d %s", i, value))
	}
	got := newCollector()
	got.slow = 20 * time.Microsecond
	one := begin(t, e, got)
	if err := one.finish(w); err != nil {
		t.Fatal(err)
	}
	if peak := one.s.Stats().Peak; peak > 10<<20 {
		t.Fatalf("%d bytes waited for the sink", peak)
	}
}

// repeat returns a line with words that count up: "RPUSH l" and "e%d" gives RPUSH l e0 e1 ...
func repeat(line, words string, n int) string {
	for i := range n {
		line += " " + strings.ReplaceAll(words, "%d", strconv.Itoa(i))
	}
	return line
}

// Changes that take a whole collection apart while a snapshot is amid it.
func TestSnapshotOfWhatFallsApart(t *testing.T) {
	value := strings.Repeat("v", 40)
	real := clock.New()
	for _, c := range []struct{ make, change string }{
		{repeat("SADD k", "m%d", 600), "SPOP k 570"},
		{repeat("SADD k", "m%d", 600), "SPOP k 600"},
		{repeat("SADD k", "m%d", 600), "SINTERSTORE k k k"},
		{repeat("RPUSH k", value+"%d", 600), "LTRIM k 0 2"},
		{repeat("RPUSH k", value+"%d", 600), "RPOP k 597"},
		{repeat("RPUSH k", value+"%d", 600), "LTRIM k 1 0"},
		{repeat("RPUSH k", value+"%d", 600), "LINSERT k AFTER " + value + "500 x"},
		{repeat("RPUSH k", value+"%d", 600), "LREM k 0 " + value + "300"},
		{repeat("ZADD k", "%d m%d", 600), "ZREMRANGEBYRANK k 0 590"},
		{repeat("ZADD k", "%d m%d", 600), "ZUNIONSTORE k 2 k k"},
		{repeat("HSET k", "f%d "+value, 600), repeat("HDEL k", "f%d", 599)},
		{repeat("HSET k", "f%d "+value, 600), "HPEXPIRE k 100000 FIELDS 1 f5"},
		{repeat("HSET k", "f%d "+value, 600), repeat("HPEXPIRE k 100000 FIELDS 500", "f%d", 500)},
		{repeat("HSET k", "f%d "+value, 600), repeat("HPEXPIRE k 0 FIELDS 500", "f%d", 500)},
		{repeat("HSET k", "f%d "+value, 600), "SET k string"},
		{repeat("HSET k", "f%d "+value, 600), "DEL k"},
		{repeat("HSET k", "f%d "+value, 600), "RENAME k j"},
		{repeat("HSET k", "f%d "+value, 600), "COPY k j"},
		{repeat("HSET k", "f%d "+value, 600), "PEXPIRE k 1"},
		{repeat("HSET k", "f%d "+value, 600), "MOVE k 1"},
		{repeat("HSET k", "f%d "+value, 600), "SWAPDB 0 1"},
		{repeat("HSET k", "f%d "+value, 600), "FLUSHDB"},
		{repeat("XADD k *", "f%d "+value, 600), "XTRIM k MAXLEN 0"},
	} {
		for _, steps := range []int{0, 2, 3} {
			name := fmt.Sprintf("%.20s then %.20s after %d steps", c.make, c.change, steps)
			e := newEngine(t, real)
			press(e, min(steps, 1))
			w, s := e.NewWorker(), e.NewSession(nil)
			for i := range 4 {
				if got := do(w, s, c.make); got[0] == '-' {
					t.Fatalf("%.50s: %s", c.make, got)
				}
				do(w, s, "RENAME k k"+strconv.Itoa(i))
			}
			do(w, s, c.make)
			do(w, s, c.make)
			first := begin(t, e, newCollector())
			do(w, s, "SET other value")
			second := begin(t, e, newCollector())
			k := e.KS.Key([]byte("k"))
			e.KS.Lock(keyspace.ShardOf(k.Hash))
			e.KS.DB(0).Preserve(k, e.KS.DB(0).Find(k)) // it is cut, and the first to be read
			e.KS.Unlock(keyspace.ShardOf(k.Hash))
			for range steps {
				first.s.Step(2000)
				second.s.Step(500)
			}
			if got := do(w, s, c.change); got[0] == '-' {
				t.Fatalf("%.50s: %s", c.change, got)
			}
			for i := range 8 {
				do(w, s, "DEL k"+strconv.Itoa(i/2))
				first.s.Step(100)
				if e.KS.CompactBegin(1) {
					for e.KS.CompactStep(50) {
					}
				}
				e.KS.Reclaim(10)
			}
			for _, one := range []shot{first, second} {
				if err := one.finish(w); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
			for e.KS.Reclaim(100) {
			}
			if err := e.KS.MemCheck(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			w.Close()
			e.KS.Close()
		}
	}
}
