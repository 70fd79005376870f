package wheel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"kvorum/internal/invariants"
	"kvorum/mem"
)

func keepAll(uint64) bool { return true }

// Every distance lands in another level or half; none may come early or late,
// wherever the clock stands in the rounds of the levels.
func TestTicketsComeAtTheirTick(t *testing.T) {
	for _, now := range []uint64{0, 63, 64, 255, 65535, 1<<24 - 1, 27_343_750_000, 1<<32 + 12345} {
		t.Run(fmt.Sprint(now), func(t *testing.T) {
			m := newTwin(t, now)
			var dues []uint64
			for shift := range 36 {
				for _, d := range []uint64{0, 1, 3} {
					dues = append(dues, now+1<<shift-1+d)
				}
			}
			for _, due := range dues {
				m.add(due)
				m.check()
			}
			slices.Sort(dues)
			for _, due := range dues {
				if due > m.now {
					m.setNow(due - 1)
					m.drain(10)
					m.setNow(due)
				}
				m.drain(10)
				m.check()
			}
		})
	}
}

func TestPastTicksAreDueAtOnce(t *testing.T) {
	m := newTwin(t, 1000)
	m.add(7)
	m.add(1000)
	if n := m.due(10); n != 2 {
		t.Fatalf("%d tickets, want 2", n)
	}
	m.setNow(1300)
	m.due(10)
	m.add(0)
	m.add(1299)
	m.add(1300)
	if n := m.due(10); n != 3 {
		t.Fatalf("%d tickets, want 3", n)
	}
}

// With a call per tick all tickets come in the first call of their tick, whatever
// boundary is crossed, and no call moves more than a piece.
func TestNothingDueWaitsForACascade(t *testing.T) {
	const hour = 56_250
	ticks, perTick := uint64(70_000), 8
	if invariants.Enabled || testing.Short() {
		ticks, perTick = 4000, 5
	}
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	m := newTwin(t, 1<<32-ticks/2) // crosses rounds of all levels
	dueAt := map[uint64]int{}
	add := func() {
		due := m.now + 1 + r.Uint64N(hour)
		m.add(due)
		dueAt[due]++
	}
	for range perTick * hour {
		add()
	}
	for range ticks {
		m.setNow(m.now + 1)
		want := dueAt[m.now]
		if n := m.due(want + 10); n != want {
			t.Fatalf("seed %d: %d tickets at %d, want %d", seed, n, m.now, want)
		}
		if b := m.w.Backlog(m.now + 5); b > 5 {
			t.Fatalf("seed %d: backlog %d", seed, b)
		}
		for range perTick {
			add()
		}
	}
	m.check()
}

// A crowd due within one window is cascaded before it is due.
func TestCrowdIsCascadedAhead(t *testing.T) {
	crowd := 150_000
	if invariants.Enabled || testing.Short() {
		crowd = 20_000
	}
	m := newTwin(t, 0)
	const first = 5 << levelBits
	for i := range crowd {
		m.add(first + uint64(i&slotMask))
	}
	for m.now < first-1 {
		m.setNow(m.now + 1)
		if n := m.due(1); n != 0 {
			t.Fatalf("%d tickets at %d", n, m.now)
		}
	}
	if s := m.w.main.source(1); m.w.main.used[s.half].has(s.slot) {
		t.Fatal("not cascaded at the end of the window before")
	}
	m.check()
}

// Backlog is the age of the oldest due ticket while Due keeps up with the clock.
func TestBacklogIsTheAgeOfTheOldest(t *testing.T) {
	m := newTwin(t, 1000)
	for _, due := range []uint64{1010, 1020, 1300} {
		m.add(due)
	}
	var dst [1]Ticket
	for _, step := range []struct{ now, backlog uint64 }{{1009, 0}, {1010, 0}, {1011, 1}, {1030, 20}} {
		if b := m.w.Backlog(step.now); b != step.backlog {
			t.Fatalf("at %d: backlog %d, want %d", step.now, b, step.backlog)
		}
	}
	for _, want := range []uint64{10, 0} {
		if n := m.w.Due(1030, dst[:]); n != 1 {
			t.Fatal("no ticket")
		}
		delete(m.held, dst[0].Hash())
		if b := m.w.Backlog(1030); b != want {
			t.Fatalf("backlog %d, want %d", b, want)
		}
	}
	m.setNow(1200)
	m.drain(4)
	if b := m.w.Backlog(1301); b != 1 {
		t.Fatalf("backlog %d over the end of the window, want 1", b)
	}
	m.add(3) // was due long ago, but waits since now
	if b := m.w.Backlog(1203); b != 3 {
		t.Fatalf("backlog %d of a late ticket, want 3", b)
	}
}

// A leap of the clock costs by tickets, not by ticks: 2^45 of them are skipped.
func TestLeapsCostByTickets(t *testing.T) {
	m := newTwin(t, 5)
	const month = 40_500_000
	for i := range uint64(5000) {
		m.add(m.now + i*month/5000)
	}
	m.setNow(m.now + 1<<45)
	for calls := 0; len(m.held) > 0; calls++ {
		if m.due(100); calls > 60 {
			t.Fatalf("%d tickets left after %d calls", len(m.held), calls)
		}
	}
	m.check()
	m.add(m.now + 10)
	m.setNow(m.now + 9)
	m.drain(10)
	m.setNow(m.now + 1)
	if n := m.due(10); n != 1 {
		t.Fatalf("%d tickets, want 1", n)
	}
}

// When nobody called for long, one call still moves a bounded number of tickets,
// and the calls together hand out what is due.
func TestLeapIntoACrowdIsDoneInPieces(t *testing.T) {
	crowd := uint64(100_000)
	if invariants.Enabled || testing.Short() {
		crowd = 10_000
	}
	m := newTwin(t, 0)
	for i := range crowd {
		m.add(1<<18 + i*65536/crowd)
	}
	m.setNow(1<<18 + 30_000)
	due := int(crowd * 30_000 / 65536)
	got, calls := 0, 0
	for ; got < due; calls++ {
		n := m.due(32)
		if got += n; n == 0 && m.w.Backlog(m.now) == 0 {
			break
		}
	}
	if got < due || calls > int(crowd)/16 {
		t.Fatalf("%d of %d in %d calls", got, due, calls)
	}
	m.drain(32)
	m.check()
}

// A step back within the grace delays nothing, brings nothing early and parks
// nothing.
func TestSmallStepBackIsExact(t *testing.T) {
	for _, at := range []uint64{1000, 1023, 1024, 1030, 1090} {
		m := newTwin(t, 900)
		m.setNow(at)
		m.drain(10)
		for d := range uint64(200) {
			m.add(at - graceTicks + d)
		}
		m.w.Due(at, nil)
		fresh := m.now - graceTicks
		m.setNow(fresh)
		m.drain(1000) // those added late come at once
		if len(m.w.parked) != 0 {
			t.Fatal("parked")
		}
		m.renewed = 0
		for range 300 {
			m.setNow(m.now + 1)
			m.drain(10)
		}
		if m.renewed != 0 || len(m.held) != 0 {
			t.Fatalf("at %d: %d early, %d left", at, m.renewed, len(m.held))
		}
	}
}

// After a long step back tickets come at their time by the new clock, none twice
// early, also when the clock swings to and fro.
func TestLongStepBackDelaysNothing(t *testing.T) {
	m := newTwin(t, 100_000_000)
	for i := range uint64(20_000) {
		m.add(m.now + i*i%70_000_000)
	}
	for _, step := range []int64{-3_000_000, 50, -700, 40, -90_000, 1 << 20, -(1 << 20), -1000, -1000, -1000, -1000, 5_000_000} {
		m.setNow(m.now + uint64(step))
		m.due(10)
		m.check()
		for i := range uint64(100) {
			m.add(m.now + i*i)
		}
		m.setNow(m.now + 1)
		m.due(10)
		m.check()
	}
	m.renewed = 0
	m.drain(1000)
	if m.renewed > len(m.held) {
		t.Fatalf("%d renewals of %d tickets", m.renewed, len(m.held))
	}
	for range 100 {
		m.setNow(m.now + 1000)
		m.drain(1000)
	}
	if len(m.w.parked) != 0 {
		t.Fatalf("%d rings still parked", len(m.w.parked))
	}
	m.check()
}

func TestSweepDropsAndPacks(t *testing.T) {
	m := newTwin(t, 0)
	for i := range uint64(100_000) {
		m.add(i * i % 500_000)
	}
	before := m.arena.UsedBytes()
	calls := 1
	for ; !m.sweep(1000, func(n uint64) bool { return n%10 == 0 }); calls++ {
		if calls%20 == 0 {
			m.check()
		}
	}
	if calls > 101 {
		t.Errorf("%d slices of 1000 for 100000 tickets", calls)
	}
	m.check()
	if after := m.arena.UsedBytes(); after > before/4 {
		t.Errorf("%d bytes before, %d after dropping nine of ten", before, after)
	}
	m.setNow(600_000)
	m.drain(1000)
}

func TestFreeInSlices(t *testing.T) {
	m := newTwin(t, 1_000_000)
	for i := range uint64(10_000) {
		m.add(m.now - 100 + i*1000)
	}
	m.setNow(10_000)
	m.due(10)
	m.sweep(777, keepAll)
	slices := 0
	for ; !m.w.Free(10); slices++ {
		if err := m.w.Validate(); err != nil {
			t.Fatal(err)
		}
	}
	if slices < 10 {
		t.Errorf("freed in %d slices", slices)
	}
	clear(m.held)
	m.inPass = false
	m.check()
	m.add(m.now + 5)
	m.setNow(m.now + 5)
	if n := m.due(1); n != 1 {
		t.Fatal("an empty wheel is usable again")
	}
}

// Steady state: the same load over and over allocates nothing in Go's heap.
func TestSteadyStateDoesNotAllocate(t *testing.T) {
	if invariants.Enabled {
		t.Skip("checked builds of mem allocate")
	}
	w := New(mem.NewArena(), 0)
	var dst [64]Ticket
	now := uint64(0)
	keep := func(Ticket) bool { return true }
	round := func() {
		for i := range uint64(300) {
			w.Add(now+i*i, i)
		}
		now += 20
		for w.Due(now, dst[:]) > 0 {
		}
		w.Backlog(now)
		w.Sweep(10, keep)
	}
	for range 8000 {
		round()
	}
	if n := testing.AllocsPerRun(1000, round); n != 0 {
		t.Errorf("%v allocations", n)
	}
	for !w.Free(1000) {
	}
}

// The wheel's own memory: a wheel with tickets of an hour and of years at once.
func TestOwnMemoryIsSmall(t *testing.T) {
	m := newTwin(t, 1<<40)
	for shift := range 36 {
		m.add(m.now + 1<<shift)
	}
	size := 0
	for _, h := range m.w.main.halves {
		if h != nil {
			size += len(h) * 8
		}
	}
	if size > 16<<10 {
		t.Errorf("%d bytes of slots", size)
	}
}
