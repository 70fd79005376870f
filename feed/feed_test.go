package feed

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"kvorum/resp"
)

// reader parses the stream as a replica would.
type reader struct {
	t    *testing.T
	c    *Cursor
	rest []byte
	p    resp.Parser
	req  resp.Request
	lim  resp.Limits
}

func newReader(t *testing.T, f *Feed, offset int64, opt CursorOptions) *reader {
	t.Helper()
	c, err := f.NewCursor(offset, opt)
	if err != nil {
		t.Fatal(err)
	}
	return &reader{t: t, c: c, lim: resp.DefaultLimits()}
}

// commands returns what can be read, one string per command.
func (r *reader) commands() (out []string) {
	r.t.Helper()
	for {
		b, err := r.c.Next()
		if err != nil {
			r.t.Fatal(err)
		}
		if len(b) == 0 {
			return out
		}
		// In two steps, as a socket that takes a part would.
		half := (len(b) + 1) / 2
		r.c.Advance(half)
		r.rest = append(r.rest, b[:half]...)
		r.c.Advance(len(b) - half)
		r.rest = append(r.rest, b[half:]...)
		for {
			n, ok, _, perr := r.p.Next(r.rest, &r.req, &r.lim)
			if perr != nil {
				r.t.Fatalf("stream broken at %d: %v", r.c.Offset(), perr)
			}
			if !ok {
				break
			}
			out = append(out, string(bytes.Join(r.req.Args, []byte(" "))))
			r.rest = r.rest[n:]
		}
	}
}

func words(s string) [][]byte { return bytes.Split([]byte(s), []byte(" ")) }

func wantCommands(t *testing.T, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestStreamForm: SELECT when the database changes, MULTI around several
// effects of a group and not around one, nothing while disabled, SELECT after
// a cut.
func TestStreamForm(t *testing.T) {
	f := New(100, 1<<20)
	a, b := f.NewRing(), f.NewRing()
	r := newReader(t, f, 100, CursorOptions{})
	a.Append(0, words("SET lost 0")...)
	a.Begin()
	a.Append(0, words("SET lost 1")...)
	a.End()
	f.Enable()
	a.Append(0, words("SET k 1")...)
	b.Append(0, words("SET k 2")...)
	a.Append(3, words("SET k 3")...)
	b.Begin()
	b.Append(3, words("DEL k")...)
	b.End()
	b.Begin()
	b.End()
	b.Begin()
	b.Append(1, words("SET k 4")...)
	a.Append(1, words("SET between 5")...) // before b's group: that takes its number at End
	b.Begin()
	b.Append(1, words("SET k 6")...)
	b.End()
	b.Append(2, words("SET k 7")...)
	b.End()
	a.AppendEncoded(2, resp.AppendCommandStrings(nil, "PERSIST", "k"))
	a.Flush()
	b.Flush()
	wantCommands(t, r.commands(), "SELECT 0", "SET k 1", "SET k 2", "SELECT 3", "SET k 3", "DEL k",
		"SELECT 1", "SET between 5", "MULTI", "SET k 4", "SET k 6", "SELECT 2", "SET k 7", "EXEC", "PERSIST k")
	if n, off := f.Merged(); n != 7 || n != a.Last() || off != r.c.Offset() || off != f.Offset() {
		t.Errorf("merged %d at %d, last %d, offset %d, cursor %d", n, off, a.Last(), f.Offset(), r.c.Offset())
	}
	if off := f.Cut(); off != r.c.Offset() {
		t.Errorf("cut at %d, cursor at %d", off, r.c.Offset())
	}
	a.Append(2, words("SET k 8")...)
	f.Disable()
	a.Append(2, words("SET lost 2")...)
	a.Flush()
	wantCommands(t, r.commands(), "SELECT 2", "SET k 8")
	f.Enable()
	a.Begin()
	a.Append(2, words("SET k 8")...)
	a.Append(2, words("SET k 8")...)
	a.End()
	f.Disable()
	wantCommands(t, r.commands(), "MULTI", "SELECT 2", "SET k 8", "SET k 8", "EXEC")
	f.AppendRaw(resp.AppendCommandStrings(nil, "SET", "raw", "1"))
	f.AppendControl(resp.AppendCommandStrings(nil, "PING"))
	f.Enable()
	a.Append(2, words("SET k 9")...)
	a.Close()
	b.Close()
	wantCommands(t, r.commands(), "SET raw 1", "PING", "SELECT 2", "SET k 9")
	if s := f.Stats(); len(f.rings) != 0 || s.RingBytes != 0 || s.Effects != 10 || s.Cursors != 1 {
		t.Errorf("%d rings, %+v", len(f.rings), s)
	}
}

// model is data under locks: every key counts the effects on it.
type model struct {
	keys [16]struct {
		sync.Mutex
		seq int
	}
}

// work runs n commands on random keys: locks ascending, effects while they are
// held, groups for several keys, now and then an effect larger than a chunk.
func (m *model) work(r *Ring, rnd *rand.Rand, who, n int, wait func()) {
	big := bytes.Repeat([]byte("x"), chunkSize+chunkSize/2)
	for i := range n {
		first := rnd.IntN(len(m.keys))
		last := min(first+rnd.IntN(4)*rnd.IntN(2), len(m.keys)-1)
		for k := first; k <= last; k++ {
			m.keys[k].Lock()
		}
		if last > first {
			r.Begin()
		}
		for k := first; k <= last; k++ {
			m.keys[k].seq++
			pad := []byte("-")
			if rnd.IntN(300) == 0 {
				pad = big
			}
			r.Append(k%3, []byte("SET"), strconv.AppendInt(nil, int64(k), 10), strconv.AppendInt(nil, int64(m.keys[k].seq), 10),
				strconv.AppendInt(nil, int64(who), 10), strconv.AppendInt(nil, int64(i), 10), pad)
		}
		if last > first {
			r.End()
		}
		for k := first; k <= last; k++ {
			m.keys[k].Unlock()
		}
		if i%16 == 0 {
			r.FlushLazy()
			r.Throttle()
			wait()
		}
	}
	r.Flush()
}

// check verifies that the stream's commands are in lock order: each key's
// numbers and each worker's commands are consecutive, groups are whole, the
// database is right.
type check struct {
	t     *testing.T
	keys  map[int]int
	who   map[int]int
	db    int
	group []string
	in    bool
	count int
}

func (c *check) commands(cmds []string) {
	c.t.Helper()
	for _, s := range cmds {
		w := strings.Split(s, " ")
		switch w[0] {
		case "SELECT":
			c.db, _ = strconv.Atoi(w[1])
		case "MULTI":
			if c.in {
				c.t.Fatal("MULTI in MULTI")
			}
			c.in, c.group = true, nil
		case "EXEC":
			if len(c.group) < 2 {
				c.t.Fatalf("group of %d", len(c.group))
			}
			c.in = false
		case "SET":
			var n [4]int
			for i := range n {
				n[i], _ = strconv.Atoi(w[i+1])
			}
			k, seq, who, i := n[0], n[1], n[2], n[3]
			if c.keys[k]+1 != seq || k%3 != c.db {
				c.t.Fatalf("key %d: %d after %d in db %d", k, seq, c.keys[k], c.db)
			}
			c.keys[k] = seq
			id := fmt.Sprint(who, " ", i)
			if c.in && len(c.group) > 0 {
				if c.group[0] != id {
					c.t.Fatalf("command %s within group of %s", id, c.group[0])
				}
			} else if c.who[who] != i {
				c.t.Fatalf("worker %d: command %d, want %d", who, i, c.who[who])
			} else {
				c.who[who]++
			}
			c.group = append(c.group, id)
			c.count++
		default:
			c.t.Fatalf("unexpected %q", s)
		}
	}
}

// TestMergedOrderIsLockOrder: many goroutines, one locked model, the sequencer
// running, a reader that follows. Every effect arrives once, in an order in
// which the locks were held.
func TestMergedOrderIsLockOrder(t *testing.T) {
	for _, sequencer := range []bool{true, false} {
		t.Run(fmt.Sprint("sequencer=", sequencer), func(t *testing.T) {
			const workers, each = 8, 3000
			f := New(0, 1<<20)
			f.Enable()
			stop, ready := make(chan struct{}), make(chan struct{}, 1)
			var run, work sync.WaitGroup
			if sequencer {
				run.Go(func() { f.Run(stop) })
			}
			var m model
			notify := func() {
				select {
				case ready <- struct{}{}:
				default:
				}
			}
			r := newReader(t, f, 0, CursorOptions{Hold: true, Notify: notify})
			for who := range workers {
				ring := f.NewRing()
				rnd := rand.New(rand.NewPCG(7, uint64(who)))
				work.Go(func() {
					m.work(ring, rnd, who, each, runtime.Gosched)
					ring.Close()
				})
			}
			done := make(chan struct{})
			go func() { work.Wait(); close(done) }()
			c := check{t: t, keys: map[int]int{}, who: map[int]int{}}
			for running := true; running; {
				c.commands(r.commands())
				select {
				case <-ready:
				case <-done:
					running = false
				}
			}
			close(stop)
			run.Wait()
			f.Cut() // fails if a number is missing
			c.commands(r.commands())
			total := 0
			for k := range m.keys {
				total += m.keys[k].seq
				if c.keys[k] != m.keys[k].seq {
					t.Errorf("key %d: %d effects arrived of %d", k, c.keys[k], m.keys[k].seq)
				}
			}
			if c.count != total || c.in || len(r.rest) != 0 {
				t.Errorf("%d effects of %d, in group %v, %d bytes left", c.count, total, c.in, len(r.rest))
			}
			if s := f.Stats(); s.RingBytes != 0 || len(f.rings) != 0 {
				t.Errorf("left behind: %+v, %d rings", s, len(f.rings))
			}
		})
	}
}

// TestAppendNeverWaits: with nobody merging, the mutex held by somebody else,
// and far more than a ring should hold, Append goes on; Throttle then brings
// the ring below its bound.
func TestAppendNeverWaits(t *testing.T) {
	f := New(0, 1<<20)
	f.Enable()
	r := f.NewRing()
	value := bytes.Repeat([]byte("v"), 1000)
	f.mu.Lock()
	for range 3 * RingBytesMax / len(value) {
		r.Append(0, []byte("SET"), []byte("k"), value)
	}
	r.Flush()
	f.mu.Unlock()
	if s := f.Stats(); s.RingBytes < 3*RingBytesMax {
		t.Fatalf("ring holds %d", s.RingBytes)
	}
	r.Throttle()
	if s := f.Stats(); s.RingBytes > RingBytesMax || s.Overruns != 0 {
		t.Fatalf("%+v", s)
	}
	// A number taken by a goroutine that stands still: Throttle gives up.
	gap := f.counter.Add(1)
	for range 3 * RingBytesMax / len(value) {
		r.Append(0, []byte("SET"), []byte("k"), value)
	}
	r.Throttle()
	if s := f.Stats(); s.Overruns != 1 || s.Effects != gap-1 {
		t.Fatalf("%+v, gap at %d", s, gap)
	}
}

// TestOnlyFlushLazyIsLazy: effects reach the stream with Flush at once, with
// FlushLazy after lazyFlushes calls or lazyEffects effects.
func TestOnlyFlushLazyIsLazy(t *testing.T) {
	f := New(0, 0)
	f.Enable()
	r := f.NewRing()
	merged := func() uint64 { n, _ := f.Merged(); return n }
	r.Append(0, words("DEL k")...)
	r.Flush()
	if merged() != 1 {
		t.Fatalf("flush merged %d", merged())
	}
	r.Append(0, words("DEL k")...)
	calls := 0
	for ; merged() != 2; calls++ {
		r.FlushLazy()
	}
	if calls != lazyFlushes {
		t.Errorf("merged with lazy flush %d", calls)
	}
	for range lazyEffects {
		r.Append(0, words("DEL k")...)
	}
	r.FlushLazy()
	if merged() != 2+lazyEffects {
		t.Errorf("merged %d of many", merged())
	}
}

// TestSequencerFinishesWhatFlushLeaves: more than a Flush may merge arrives
// without any further call by the worker.
func TestSequencerFinishesWhatFlushLeaves(t *testing.T) {
	f := New(0, 1<<30)
	f.Enable()
	stop, ready := make(chan struct{}), make(chan struct{}, 1)
	var run sync.WaitGroup
	run.Go(func() { f.Run(stop) })
	r := f.NewRing()
	c, err := f.NewCursor(0, CursorOptions{Notify: func() {
		select {
		case ready <- struct{}{}:
		default:
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	value := bytes.Repeat([]byte("v"), 1000)
	for range 20 { // so that the sequencer has been asleep in between
		for range 10 * sliceSize / len(value) {
			r.Append(0, []byte("SET"), []byte("k"), value)
		}
		r.Flush()
		for {
			if n, off := f.Merged(); n == r.Last() && c.Offset() == off {
				break
			}
			b, err := c.Next()
			if err != nil {
				t.Fatal(err)
			}
			if c.Advance(len(b)); len(b) == 0 {
				<-ready
			}
		}
	}
	close(stop)
	run.Wait()
}

// TestRingsKeepLittle: after a burst a ring keeps a few chunks only, and uses
// those again.
func TestRingsKeepLittle(t *testing.T) {
	f := New(0, 0)
	f.Enable()
	r := f.NewRing()
	value := bytes.Repeat([]byte("v"), 1000)
	for range 4 << 20 / len(value) {
		r.Append(0, []byte("SET"), []byte("k"), value)
	}
	f.Merge()
	spares := 0
	for c := r.returned.Load(); c != nil; c = c.link {
		spares++
	}
	if spares == 0 || spares > sparesMax || int(r.spares.Load()) != spares {
		t.Errorf("%d spare chunks, counted %d", spares, r.spares.Load())
	}
}

// TestSlowCursorGetsErrGone: the window moves on, a cursor left behind is told
// so, one that holds is not left behind, borrowed bytes stay what they were.
func TestSlowCursorGetsErrGone(t *testing.T) {
	const keep = 3 * pageSize
	f := New(0, keep)
	f.Enable()
	r := f.NewRing()
	value := bytes.Repeat([]byte("v"), 1000)
	slow := newReader(t, f, 0, CursorOptions{})
	holding := newReader(t, f, 0, CursorOptions{Hold: true})
	grow := func() {
		for range 10 * pageSize / len(value) {
			r.Append(0, []byte("SET"), []byte("k"), value)
		}
		f.Merge()
	}
	r.Append(0, words("SET k first")...)
	f.Merge()
	borrowed, err := slow.c.Next()
	if err != nil {
		t.Fatal(err)
	}
	copied := bytes.Clone(borrowed)
	slow.c.Advance(1)
	grow()
	if s := f.Stats(); s.Start != 0 {
		t.Fatalf("held bytes dropped: %+v", s)
	}
	held := holding.commands()
	if len(held) != 2+10*pageSize/len(value) {
		t.Fatalf("holding cursor read %d commands", len(held))
	}
	grow()
	holding.commands()
	grow()
	s := f.Stats()
	if s.Start == 0 || s.End-s.Start < keep {
		t.Fatalf("window %+v", s)
	}
	if !bytes.Equal(borrowed, copied) {
		t.Error("borrowed bytes changed")
	}
	if _, err := slow.c.Next(); !errors.Is(err, ErrGone) {
		t.Errorf("slow cursor: %v", err)
	}
	slow.c.Close()
	holding.c.Release()
	grow()
	s = f.Stats()
	if n := s.End - s.Start; n < keep || n >= keep+2*pageSize || s.WindowBytes > keep+(2+freePagesMax)*pageSize {
		t.Errorf("window of %d bytes, %+v", n, s)
	}
	for _, off := range []int64{s.Start - 1, s.End + 1, -1} {
		if _, err := f.NewCursor(off, CursorOptions{}); !errors.Is(err, ErrGone) {
			t.Errorf("cursor at %d: %v", off, err)
		}
	}
	f.SetWindow(0)
	if s := f.Stats(); s.End-s.Start >= 2*pageSize {
		t.Errorf("window not shrunk: %+v", s)
	}
	f.Reset(5)
	if _, err := holding.c.Next(); !errors.Is(err, ErrGone) {
		t.Errorf("cursor after reset: %v", err)
	}
	if s := f.Stats(); s.Start != 5 || s.End != 5 || f.Offset() != 5 {
		t.Errorf("after reset: %+v", s)
	}
}

// TestControlIsSkipped: a cursor of the AOF sees no PINGs, wherever pages end.
func TestControlIsSkipped(t *testing.T) {
	f := New(0, 1<<20)
	f.Enable()
	r := f.NewRing()
	all := newReader(t, f, 0, CursorOptions{})
	data := newReader(t, f, 0, CursorOptions{SkipControl: true})
	ping := resp.AppendCommandStrings(nil, "PING")
	var want []string
	pings := 0
	for i := range 20000 {
		r.Append(0, words("SET k "+strconv.Itoa(i))...)
		f.Merge()
		want = append(want, "SET k "+strconv.Itoa(i))
		for range i % 3 {
			f.AppendControl(ping)
			pings++
		}
	}
	if got := all.commands(); len(got) != 1+len(want)+pings {
		t.Errorf("%d commands in all", len(got))
	}
	wantCommands(t, data.commands()[1:], want...)
	if all.c.Offset() != data.c.Offset() || data.c.Lag() != 0 {
		t.Errorf("offsets %d, %d", all.c.Offset(), data.c.Offset())
	}
}

// TestNotifyOncePerWait: a cursor is woken when it waited, once, and when it
// has lost its place.
func TestNotifyOncePerWait(t *testing.T) {
	f := New(0, 1<<20)
	f.Enable()
	r := f.NewRing()
	calls := 0
	cursors := make([]*reader, 2*notifyFew)
	for i := range cursors {
		cursors[i] = newReader(t, f, 0, CursorOptions{Notify: func() { calls++ }})
	}
	step := func(want int) {
		t.Helper()
		calls = 0
		r.Append(0, words("SET k v")...)
		r.Flush()
		if calls != want {
			t.Errorf("%d calls, want %d", calls, want)
		}
	}
	step(0)
	for _, c := range cursors {
		c.commands()
	}
	step(len(cursors))
	step(0)
	cursors[0].commands()
	cursors[1].commands()
	cursors[1].c.Close()
	step(1)
	cursors[0].commands()
	calls = 0
	f.Reset(0)
	if calls != 1 {
		t.Errorf("%d calls after reset", calls)
	}
}

// TestAppendAllocatesNothing: I6, merging and reading included.
func TestAppendAllocatesNothing(t *testing.T) {
	f := New(0, 1<<20)
	f.Enable()
	r := f.NewRing()
	c, err := f.NewCursor(0, CursorOptions{Notify: func() {}})
	if err != nil {
		t.Fatal(err)
	}
	key, value, name := []byte("key:000000001234"), bytes.Repeat([]byte("v"), 32), []byte("SET")
	args := [][]byte{name, key, value}
	run := func() {
		for range 100 {
			r.Append(0, name, key, value)
			r.Begin()
			r.Append(0, args...)
			r.Append(1, args...)
			r.End()
			r.Flush()
			r.Throttle()
		}
		for {
			b, err := c.Next()
			if err != nil {
				t.Fatal(err)
			}
			if len(b) == 0 {
				break
			}
			c.Advance(len(b))
		}
	}
	for range 200 {
		run()
	}
	if n := testing.AllocsPerRun(500, run); n >= 1 {
		t.Errorf("%v allocations in 300 effects", n)
	}
}

// A cursor that begins to hold keeps what follows, and what it has lost is not found.
func TestCursorBeginsToHold(t *testing.T) {
	f := New(0, 0)
	c, err := f.NewCursor(0, CursorOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Hold(); err != nil {
		t.Fatal(err)
	}
	page := make([]byte, pageSize)
	for range 8 {
		f.AppendRaw(page)
	}
	for n := 0; n < 8*pageSize; {
		b, err := c.Next()
		if err != nil || len(b) == 0 {
			t.Fatalf("%d bytes at %d: %v", len(b), n, err)
		}
		n += len(b)
		c.Advance(len(b))
	}
	c.Release()
	for range 8 {
		f.AppendRaw(page)
	}
	if err := c.Hold(); err != ErrGone {
		t.Errorf("%v behind the window", err)
	}
}

// What only a holding cursor kept goes as it moves on, also when nothing more is written.
func TestHeldPagesGoWithTheCursor(t *testing.T) {
	f := New(0, 0)
	c, err := f.NewCursor(0, CursorOptions{Hold: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	page := make([]byte, pageSize)
	for range 32 {
		f.AppendRaw(page)
	}
	for {
		b, err := c.Next()
		if err != nil {
			t.Fatal(err)
		}
		if len(b) == 0 {
			break
		}
		c.Advance(len(b))
	}
	if n := f.Stats().WindowBytes; n > 8*pageSize {
		t.Errorf("%d bytes are kept behind the cursor", n)
	}
}
