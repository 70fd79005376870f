package wheel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"kvorum/internal/invariants"
	"kvorum/mem"
)

// held is what the model knows of one ticket.
type held struct {
	due   uint64
	early bool // may come before it is due: too far ahead, or the clock went back
	old   bool // was there when the pass of Sweep began
	seen  bool // visited by the pass
}

// twin drives a wheel and, beside it, a plain map from hash to due tick. The hash
// of a ticket is its number.
type twin struct {
	t       testing.TB
	w       *Wheel
	arena   *mem.Arena
	held    map[uint64]*held
	number  uint64
	now     uint64
	latest  uint64 // the highest now so far
	renewed int    // tickets that came early and were added again
	inPass  bool
	buf     []Ticket
}

func newTwin(t testing.TB, now uint64) *twin {
	m := &twin{t: t, arena: mem.NewArena(), held: map[uint64]*held{}, now: now, latest: now}
	m.w = New(m.arena, now)
	t.Cleanup(func() {
		for !m.w.Free(1000) {
		}
		if m.w.Count() != 0 || m.arena.UsedBytes() != 0 {
			t.Errorf("after Free: count %d, %d bytes", m.w.Count(), m.arena.UsedBytes())
		}
		m.arena.Close()
	})
	return m
}

func (m *twin) add(due uint64) {
	m.number++
	h := &held{due: due}
	m.held[m.number] = h
	m.file(m.number, h)
}

func (m *twin) file(number uint64, h *held) {
	h.early = int64(h.due>>eraBits-m.w.main.base>>(eraBits-levelBits)) > farthestEra
	m.w.Add(h.due, number)
}

// setNow moves the clock. What was due before it goes back may come early.
func (m *twin) setNow(now uint64) {
	parks := now>>levelBits < m.w.main.base
	if now < m.now {
		for _, h := range m.held {
			if parks || h.due <= m.latest {
				h.early = true
			}
		}
	}
	m.now = now
	m.latest = max(m.latest, now)
}

// due makes one call with room for n tickets and checks each.
func (m *twin) due(n int) int {
	if len(m.buf) < n {
		m.buf = make([]Ticket, n)
	}
	n = m.w.Due(m.now, m.buf[:n])
	for _, t := range m.buf[:n] {
		h := m.held[t.Hash()]
		if h == nil {
			m.t.Fatalf("ticket %d at %d: not held", t.Hash(), m.now)
		}
		if t.Tick() != h.due&(1<<TickBits-1) {
			m.t.Fatalf("ticket %d: tick %#x of due %#x", t.Hash(), t.Tick(), h.due)
		}
		if h.due <= m.now {
			delete(m.held, t.Hash())
			continue
		}
		if !h.early {
			m.t.Fatalf("ticket %d due at %d came at %d", t.Hash(), h.due, m.now)
		}
		h.old = false
		m.renewed++
		m.file(t.Hash(), h)
	}
	return n
}

// drain calls until nothing is due and checks that nothing due is held.
func (m *twin) drain(n int) {
	for calls := 0; m.due(n) > 0 || m.w.Backlog(m.now) > 0; calls++ {
		if calls > 20*(len(m.held)+1000) {
			m.t.Fatalf("no end at %d: %d held, backlog %d", m.now, len(m.held), m.w.Backlog(m.now))
		}
	}
	for number, h := range m.held {
		if h.due <= m.now {
			m.t.Fatalf("ticket %d due at %d still held at %d", number, h.due, m.now)
		}
	}
}

func (m *twin) check() {
	if err := m.w.Validate(); err != nil {
		m.t.Fatal(err)
	}
	if m.w.Count() != len(m.held) {
		m.t.Fatalf("count %d, want %d", m.w.Count(), len(m.held))
	}
	blocks, bytes := 0, int64(0)
	m.w.Blocks(func(h mem.Handle) {
		blocks++
		bytes += int64(mem.BlockSize(h))
	})
	if used := m.arena.UsedBytes(); used != bytes {
		m.t.Fatalf("%d blocks of %d bytes, arena %d", blocks, bytes, used)
	}
}

// sweep does one slice; at the end of a pass every ticket that was there at its
// beginning must have been seen.
func (m *twin) sweep(budget int, keep func(number uint64) bool) (done bool) {
	if !m.inPass {
		m.inPass = true
		for _, h := range m.held {
			h.old, h.seen = true, false
		}
	}
	visits := 0
	done = m.w.Sweep(budget, func(t Ticket) bool {
		visits++
		h := m.held[t.Hash()]
		if h == nil {
			m.t.Fatalf("sweep visits ticket %d, which is not held", t.Hash())
		}
		h.seen = true
		if !keep(t.Hash()) {
			delete(m.held, t.Hash())
			return false
		}
		return true
	})
	if visits > budget+2*largeCapacity {
		m.t.Fatalf("%d visits with a budget of %d", visits, budget)
	}
	if !done {
		return false
	}
	m.inPass = false
	for number, h := range m.held {
		if h.old && !h.seen {
			m.t.Fatalf("ticket %d due at %d was not swept", number, h.due)
		}
	}
	return true
}

// bytesOf hands out choices of a script and zeros at its end.
type bytesOf []byte

func (b *bytesOf) next() uint64 {
	if len(*b) == 0 {
		return 0
	}
	c := (*b)[0]
	*b = (*b)[1:]
	return uint64(c)
}

// distance returns a number of ticks below 2^36 with about equally many of every
// magnitude.
func (b *bytesOf) distance() uint64 {
	bits := b.next() % 37
	return (b.next()<<32 | b.next()<<24 | b.next()<<16 | b.next()<<8 | b.next()) & (1<<bits - 1)
}

// run does what the script says. With back, the clock also goes back.
func (m *twin) run(script []byte, back bool) {
	b := bytesOf(script)
	for len(b) > 0 {
		switch b.next() % 16 {
		case 0, 1, 2:
			m.add(m.now + b.distance())
		case 3: // a crowd over a short time
			at, width := m.now+b.distance(), b.next()+1
			for i := range b.next() * 8 {
				m.add(at + i%width)
			}
		case 4: // the past
			m.add(m.now - min(m.now, b.distance()))
		case 5, 6:
			m.setNow(m.now + 1)
			m.due(int(b.next() % 64))
		case 7, 8:
			m.setNow(m.now + b.next())
			m.due(int(b.next()%64) + 1)
		case 9:
			m.setNow(m.now + b.distance())
			m.due(int(b.next()%64) + 1)
		case 10:
			m.drain(int(b.next()) + 1)
		case 11: // steps
			n := b.next()
			for range n {
				m.setNow(m.now + 1)
				m.due(16)
			}
		case 12, 13:
			mod := b.next()%7 + 1
			m.sweep(int(b.next())+1, func(n uint64) bool { return n%mod != 0 || mod == 1 })
		case 14:
			if back {
				m.setNow(m.now - min(m.now, b.distance()))
				m.due(int(b.next() % 64))
			}
		case 15:
			if back {
				m.setNow(m.now - min(m.now, b.next()*2))
				m.due(int(b.next() % 64))
			}
			m.check()
		}
	}
	m.check()
	m.drain(100)
	m.check()
	for !m.sweep(1000, func(uint64) bool { return true }) {
	}
	// Everything comes out in the end, at its tick and not before.
	var dues []uint64
	for _, h := range m.held {
		dues = append(dues, h.due)
	}
	slices.Sort(dues)
	for _, due := range slices.Compact(dues) {
		if due > m.now+1 {
			m.setNow(due - 1)
			m.takeAll()
		}
		m.setNow(max(due, m.now))
		m.takeAll()
		if at := m.w.main.earliest(); at <= m.now {
			m.t.Fatalf("something of tick %d left at %d", at, m.now)
		}
	}
	if len(m.held) > 0 {
		m.t.Fatalf("%d tickets did not come", len(m.held))
	}
	m.check()
}

// takeAll takes what is due, until the wheel says that it was all, twice: what is due
// only now is no backlog yet, although a slot may have to be gone through for it.
func (m *twin) takeAll() {
	for idle := 0; idle < 2; idle++ {
		if m.due(64) > 0 || m.w.Backlog(m.now) > 0 {
			idle = -1
		}
	}
}

func FuzzTwin(f *testing.F) {
	f.Add(uint64(0), true, []byte("a quick brown fox jumps over the lazy dog 0123456789"))
	f.Add(uint64(1<<24-3), false, []byte{3, 9, 1, 2, 3, 4, 5, 200, 80, 11, 255, 11, 255, 10, 9, 9, 30, 1, 2, 3, 4, 5, 10, 3})
	f.Add(uint64(27_000_000_000), true, []byte{3, 20, 1, 2, 3, 4, 5, 200, 80, 14, 25, 9, 9, 9, 9, 9, 1, 12, 3, 9, 15, 7, 7, 10, 1})
	f.Fuzz(func(t *testing.T, now uint64, back bool, script []byte) {
		if len(script) > 400 {
			return
		}
		newTwin(t, now%(1<<48)).run(script, back)
	})
}

// The wheel equals a plain list of tickets, whatever the clock does.
func TestEqualsItsTwin(t *testing.T) {
	seeds, length := 300, 600
	if invariants.Enabled || testing.Short() {
		seeds = 40
	}
	first := rand.Uint64()
	for i := range seeds {
		seed := first + uint64(i)
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			script := make([]byte, length)
			for i := range script {
				script[i] = byte(r.Uint32())
			}
			newTwin(t, r.Uint64()>>(16+r.IntN(48))).run(script, seed%2 == 0)
		})
	}
}
