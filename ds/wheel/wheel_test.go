package wheel

import (
	"fmt"
	"math/rand"
	"sort"
	"testing"

	"kvorum/internal/invariants"
	"kvorum/mem"
)

// model is a wheel as a list: the due tick of every ticket by its hash.
type model struct {
	due  map[uint64]uint64
	next uint64 // hash of the next ticket
	now  uint64
}

// harness drives a wheel and its model together.
type harness struct {
	t     testing.TB
	w     *Wheel
	arena *mem.Arena
	m     model
	buf   []Ticket
	far   map[uint64]bool // due beyond the last slot when added
	again map[uint64]bool // came out early and were added again
}

func newHarness(t testing.TB, now uint64) *harness {
	a := mem.NewArena()
	h := &harness{t: t, w: New(a, now), arena: a, m: model{due: map[uint64]uint64{}, now: now}, far: map[uint64]bool{}, again: map[uint64]bool{}}
	t.Cleanup(func() {
		for !h.w.Free(1000) {
		}
		if left := h.bytes(); left != 0 {
			t.Errorf("%d bytes of blocks left after Free", left)
		}
	})
	return h
}

// bytes returns the size of all blocks.
func (h *harness) bytes() int64 { return h.arena.Stats().Used[mem.KindTicket] }

func (h *harness) add(due uint64) {
	h.m.next++
	h.m.due[h.m.next] = due
	h.file(due, h.m.next)
}

func (h *harness) file(due, hash uint64) {
	h.far[hash] = due > h.w.pos && due>>24-h.w.pos>>24 >= farSize
	h.w.Add(due, hash)
}

// got checks one ticket that the wheel handed out and forgets or, if it was
// too far away, adds it again.
func (h *harness) got(t Ticket) {
	due, ok := h.m.due[t.Hash()]
	if !ok {
		h.t.Fatalf("ticket %#x at %d: not held", uint64(t), h.m.now)
	}
	if t.Tick() != due&(1<<TicketBits-1) {
		h.t.Fatalf("ticket %#x: due tick %#x came back as %#x", uint64(t), due, t.Tick())
	}
	if due > h.m.now {
		if !h.far[t.Hash()] {
			h.t.Fatalf("ticket due at %d handed out at %d", due, h.m.now)
		}
		h.file(due, t.Hash())
		h.again[t.Hash()] = true
		return
	}
	delete(h.m.due, t.Hash())
}

// due makes one call with room for n tickets.
func (h *harness) due(n int) int {
	for len(h.buf) < n {
		h.buf = append(h.buf, 0)
	}
	n = h.w.Due(h.m.now, h.buf[:n])
	for _, t := range h.buf[:n] {
		h.got(t)
	}
	return n
}

// settle calls until nothing is due and checks that nothing due is left.
func (h *harness) settle(n int) {
	for calls := 0; ; calls++ {
		if h.due(n) == 0 && h.w.Backlog(h.m.now) == 0 {
			break
		}
		if calls > 1_000_000 {
			h.t.Fatal("the backlog does not end")
		}
	}
	for hash, due := range h.m.due {
		if due <= h.m.now {
			h.t.Fatalf("ticket %d due at %d still held at %d", hash, due, h.m.now)
		}
	}
}

func (h *harness) check() {
	if err := h.w.Validate(); err != nil {
		h.t.Fatal(err)
	}
	if h.w.Count() != len(h.m.due) {
		h.t.Fatalf("Count %d, want %d", h.w.Count(), len(h.m.due))
	}
}

// Each distance lands in another level; none may come early or get lost.
func TestTicketsComeOutAtTheirTick(t *testing.T) {
	for _, now := range []uint64{0, 255, 65535, 1<<24 - 1, 27_343_750_000, 1<<32 + 12345} {
		t.Run(fmt.Sprint(now), func(t *testing.T) {
			h := newHarness(t, now)
			var dues []uint64
			for shift := range 34 {
				for _, d := range []uint64{0, 1, 3} {
					dues = append(dues, now+1<<shift-1+d)
				}
			}
			for _, due := range dues {
				h.add(due)
				h.check()
			}
			sort.Slice(dues, func(i, j int) bool { return dues[i] < dues[j] })
			for _, due := range dues {
				if due > h.m.now {
					h.m.now = due - 1
					h.settle(10)
					h.m.now = due
				}
				h.settle(10)
				h.check()
			}
			if h.w.Count() != 0 {
				t.Fatalf("%d tickets left", h.w.Count())
			}
		})
	}
}

func TestPastTimesCountAsNow(t *testing.T) {
	h := newHarness(t, 1000)
	h.add(7)
	h.add(1000)
	if n := h.due(10); n != 2 {
		t.Fatalf("%d tickets, want 2", n)
	}
	h.add(999)
	if n := h.due(10); n != 1 {
		t.Fatalf("%d tickets, want 1", n)
	}
}

// The claim of the design: with a call each tick and a load of 10 M tickets an
// hour nothing waits for a cascade.
func TestNothingDueWaitsForACascade(t *testing.T) {
	const perTick, hour = 178, 56250 // a twentieth of that here
	seed := rand.Int63()
	r := rand.New(rand.NewSource(seed))
	ticks := uint64(80_000)
	if invariants.Enabled {
		ticks = 3_000
	}
	now := uint64(1<<24 - ticks + 1000) // crosses the rounds of all levels
	h := newHarness(t, now)
	dueAt := map[uint64]int{}
	add := func() {
		due := h.m.now + 1 + uint64(r.Int63n(hour))
		h.add(due)
		dueAt[due]++
	}
	for range perTick * hour / 20 {
		add()
	}
	for range ticks {
		h.m.now++
		for range perTick / 20 {
			add()
		}
		if n := h.due(4000); n != dueAt[h.m.now] {
			t.Fatalf("seed %d: %d tickets at %d, want %d", seed, n, h.m.now, dueAt[h.m.now])
		}
		if b := h.w.Backlog(h.m.now); b != 0 {
			t.Fatalf("seed %d: backlog %d", seed, b)
		}
		delete(dueAt, h.m.now)
	}
	h.check()
}

// A crowd with one due time is more than can be cascaded ahead.
func TestCrowdComesOutInPieces(t *testing.T) {
	const crowd, due = 700_000, 1000
	h := newHarness(t, 0)
	for range crowd {
		h.add(due)
	}
	for h.m.now < due-1 {
		h.m.now += 2
		if n := h.due(100); n != 0 && h.m.now < due {
			t.Fatalf("%d tickets at %d", n, h.m.now)
		}
	}
	h.m.now = due + 5
	if b := h.w.Backlog(h.m.now); b < 5 {
		t.Fatalf("backlog %d with %d tickets due 5 ticks ago", b, crowd)
	}
	h.settle(5000)
	if h.w.Count() != 0 {
		t.Fatalf("%d left", h.w.Count())
	}
}

// A clock that jumps by days must cost by tickets, not by ticks.
func TestJumpsCostNothing(t *testing.T) {
	h := newHarness(t, 5)
	const month = 40_500_000
	for i := range uint64(50) {
		h.add(h.m.now + i*month/50)
	}
	steps := testing.AllocsPerRun(1, func() {
		h.w.Advance(h.m.now)
	})
	if steps != 0 {
		t.Errorf("Advance allocates")
	}
	h.m.now += 1 << 45
	if n := h.due(1000); n != 50 {
		t.Fatalf("%d tickets after the jump, want 50", n)
	}
	h.check()
	h.add(h.m.now + 10)
	h.m.now += 9
	if n := h.due(10); n != 0 {
		t.Fatalf("%d tickets early", n)
	}
	h.m.now++
	if n := h.due(10); n != 1 {
		t.Fatalf("%d tickets, want 1", n)
	}
}

// Wall time can be set back; that may delay but not lose or advance anything.
func TestTimeGoingBackLosesNothing(t *testing.T) {
	h := newHarness(t, 100_000)
	for i := range uint64(1000) {
		h.add(100_000 + i*100)
	}
	h.m.now = 150_000
	h.settle(100)
	h.m.now = 120_000
	for i := range uint64(1000) {
		h.add(120_000 + i*100)
	}
	if n := h.due(1000); n != 0 {
		t.Fatalf("%d tickets although time went back", n)
	}
	h.check()
	h.m.now = 300_000
	h.settle(100)
	if h.w.Count() != 0 {
		t.Fatalf("%d left", h.w.Count())
	}
}

func TestSweepDropsTheStale(t *testing.T) {
	h := newHarness(t, 0)
	for i := range uint64(200_000) {
		h.add(i * i % 3_000_000_000)
	}
	before := h.bytes()
	calls := 0
	for ; !h.w.Sweep(1000, func(t Ticket) bool { return t.Hash()%10 == 0 }); calls++ {
		if calls%20 == 0 {
			if err := h.w.Validate(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if calls < 200 || calls > 201 {
		t.Errorf("%d slices of 1000 for 200000 tickets", calls)
	}
	for hash := range h.m.due {
		if hash%10 != 0 {
			delete(h.m.due, hash)
		}
	}
	h.check()
	if after := h.bytes(); after > before/4 {
		t.Errorf("%d bytes before, %d after dropping nine of ten", before, after)
	}
	h.m.now = 4_000_000_000
	h.settle(1000)
	h.check()
}

func TestFreeEndsEmptyInTheMiddleOfASweep(t *testing.T) {
	h := newHarness(t, 0)
	for i := range uint64(10_000) {
		h.add(i * 1000)
	}
	h.w.Sweep(777, func(Ticket) bool { return true })
	slices := 0
	for ; !h.w.Free(10); slices++ {
		if err := h.w.Validate(); err != nil {
			t.Fatal(err)
		}
	}
	clear(h.m.due)
	h.check()
	if slices == 0 {
		t.Error("freed in one slice")
	}
	blocks := 0
	h.w.Blocks(func(mem.Handle) { blocks++ })
	if blocks != 0 {
		t.Errorf("%d blocks left", blocks)
	}
	h.add(5)
	h.m.now = 5
	h.settle(1)
	h.check()
}

func TestSteadyStateDoesNotAllocate(t *testing.T) {
	w := New(mem.NewArena(), 0)
	var dst [256]Ticket
	now := uint64(0)
	round := func() {
		for i := range uint64(300) {
			w.Add(now+i*7, i)
		}
		now += 20
		for w.Due(now, dst[:]) > 0 {
		}
		w.Sweep(10, keepAll)
	}
	for range 2000 {
		round()
	}
	if n := testing.AllocsPerRun(500, round); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func keepAll(Ticket) bool { return true }

// FuzzModel runs random calls against the list. Bytes choose the calls.
func FuzzModel(f *testing.F) {
	f.Add(int64(1), uint64(0), []byte("aaaaaabbbcdefghijklmnopqrstuvwxyz0123456789"))
	f.Add(int64(2), uint64(1<<32-5), []byte("\x00\x10\x20\x30\x40\x50\x60\x70\x80\x90\xa0\xb0\xc0\xd0\xe0\xf0"))
	f.Fuzz(func(t *testing.T, seed int64, now uint64, calls []byte) {
		if len(calls) > 600 {
			return
		}
		h := newHarness(t, now%(1<<40))
		r := rand.New(rand.NewSource(seed))
		p := pass{seen: map[uint64]bool{}}
		for _, c := range calls {
			h.step(r, &p, c)
		}
		h.check()
		h.settle(100)
	})
}

func TestModelRandomly(t *testing.T) {
	seeds, calls := 25, 1000
	if invariants.Enabled {
		seeds, calls = 5, 300
	}
	for range seeds {
		seed := rand.Int63()
		r := rand.New(rand.NewSource(seed))
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			h := newHarness(t, uint64(r.Int63n(1<<40)))
			p := pass{seen: map[uint64]bool{}}
			for i := range calls {
				h.step(r, &p, byte(r.Intn(256)))
				if i%50 == 0 {
					h.check()
				}
			}
			h.settle(100)
			h.check()
		})
	}
}

// pass follows one pass of Sweep.
type pass struct {
	running bool
	begin   []uint64        // held when the pass began
	seen    map[uint64]bool // looked at since
}

// step makes one random call; the high bits of c choose it.
func (h *harness) step(r *rand.Rand, p *pass, c byte) {
	amount := 1 << (c & 7)
	switch c >> 5 {
	case 0, 1:
		for range amount {
			h.add(h.m.now + uint64(r.Int63n(1<<r.Intn(35)+1)))
		}
	case 2: // many for one instant
		due := h.m.now + uint64(r.Int63n(1<<r.Intn(26)+1))
		for range amount * 40 {
			h.add(due)
		}
	case 3:
		h.m.now += uint64(amount - 1)
		h.due(amount)
	case 4: // a jump
		h.m.now += uint64(r.Int63n(1<<r.Intn(34) + 1))
		h.due(amount)
	case 5:
		h.settle(amount * 10)
	case 6:
		h.sweep(p, amount*3)
	case 7:
		if c&7 == 7 {
			h.w.Advance(h.m.now)
		} else if past := h.m.now - uint64(r.Intn(300)); past < h.m.now {
			h.add(past)
		}
	}
}

// sweep makes one slice and drops every eighth ticket.
func (h *harness) sweep(p *pass, budget int) {
	if !p.running {
		p.running = true
		clear(p.seen)
		p.begin = p.begin[:0]
		for hash := range h.m.due {
			p.begin = append(p.begin, hash)
		}
	}
	done := h.w.Sweep(budget, func(t Ticket) bool {
		p.seen[t.Hash()] = true
		if t.Hash()%8 == 0 {
			delete(h.m.due, t.Hash())
			return false
		}
		return true
	})
	if !done {
		return
	}
	p.running = false
	for _, hash := range p.begin {
		if _, held := h.m.due[hash]; held && !p.seen[hash] && !h.again[hash] {
			h.t.Fatalf("the pass missed ticket %d", hash)
		}
	}
}
