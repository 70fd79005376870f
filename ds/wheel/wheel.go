// Package wheel keeps expiry tickets until they are due: a hierarchical timing
// wheel whose tickets live off-heap, 8 bytes each.
//
//	level 0  2 x 256 slots of 1 tick       windows base, base+1
//	level 1  2 x 256 slots of 2^8 ticks    the next 256 to 511 windows
//	level 2  2 x 256 slots of 2^16 ticks
//	level 3      256 slots of 2^24 ticks   beyond: the farthest slot
//
//	slot --> block 512: | link 8 | 63 tickets | --> block --> ... --> block 64 .. 512
//	ticket: | hash 40 | low bits of the due tick 24 |
//
// A window is 256 ticks, aligned. Levels 0 to 2 hold two of their rounds at a
// time, the present and the next one, so a slot of a higher level is cascaded
// while the window before it runs: a piece of about pieceMax tickets by the first
// call of Due in a tick and by every call that finds little due; near the end of
// the window by every call. By the time its tickets may be due, the slot is empty.
// At 20 calls a second that holds for some 180,000 tickets per window of 16 s. A
// cascade reads only the tickets themselves: a slot of level n fixes all bits of
// the due tick above the low 8n.
//
// When Due was not called for long or the clock leapt, a slot may be met that is
// not cascaded: Due then goes through its tickets itself and hands out those that
// are due, again at most pieceMax of them per call. Until it is through, due
// tickets may hide in the rest: Backlog is not 0 then, even if Due returned 0.
// Time that holds no tickets is skipped without looking at its ticks.
//
// A clock that goes back moves the cursor back while it stays in the windows of
// level 0, at least graceTicks. Beyond, all tickets are parked and put into fresh
// rings piece by piece; if the clock comes back to where it was sooner than that,
// the parked ones count as due at once. Only a clock that does so parkedMax times
// over before the first are done makes one long call. A ticket may thus be handed out early,
// and is when it was due at an earlier clock or lies more than 2^32 ticks ahead:
// callers check, and add it again.
//
// Invariants, for every set of rings:
//
//	I1  base <= window of pos <= base+1; all level 0 slots below pos are empty.
//	I2  Level 1 holds windows from base+1 on (base+1 is being cascaded), level 2
//	    rounds of 2^16 ticks from the next one on, level 3 of 2^24 likewise.
//	I3  A slot's bit in used is set if and only if it has a block. A block holds
//	    at least one ticket; all but the last of a chain are 512 bytes.
//	I4  The 24 bits of a ticket are the low bits of the tick its slot stands for.
//	I5  Count is the number of tickets in all chains.
//	I6  A ticket moves only to a lower level or from parked rings to the main
//	    ones, never inside a level: Sweep goes the same way and misses none.
//
// Cost: Add and a ticket handed out are a few ns, a ticket cascaded about 10 ns.
// Not safe for concurrent use: the caller holds the lock that guards the wheel.
// The package must not read a clock and must not know what a ticket's hash means.
package wheel

import (
	"kvorum/mem"
)

const (
	// TickBits is the number of low bits of its due tick that a ticket keeps.
	TickBits = 24
	// HashBits is the number of bits a ticket has for its owner.
	HashBits = 40

	levelBits   = 8
	slotCount   = 1 << levelBits
	slotMask    = slotCount - 1
	levelTop    = 3
	halfCount   = 2*levelTop + 1
	eraBits     = levelTop * levelBits
	farthestEra = slotCount - 1

	// pieceMax bounds the tickets that one call of Due moves: ~15 µs.
	pieceMax = 768
	// graceTicks is how far the cursor is in a window before the one before it is
	// given up: a clock that goes back by less needs no parking.
	graceTicks = 64
	// closingTicks before a window ends every call of Due cascades.
	closingTicks = 64
	// parkedMax is the number of sets of rings that may wait to be put into the
	// main one; with one more all are put there in one go.
	parkedMax = 4
)

// Ticket stands for one promise to look at something at its due tick.
type Ticket uint64

// Hash returns the 40 bits given to Add.
func (t Ticket) Hash() uint64 { return uint64(t) >> TickBits }

// Tick returns the low 24 bits of the due tick given to Add.
func (t Ticket) Tick() uint64 { return uint64(t) & (1<<TickBits - 1) }

// Wheel holds tickets. Make one with New.
type Wheel struct {
	arena     *mem.Arena
	main      *rings
	late      entry    // tickets added when they were due already
	lateSince uint64   // cursor when the oldest of late was added, or earlier
	count     int      // tickets held
	pieceTick uint64   // tick of the last regular cascade piece
	parked    []*rings // rings left by a clock that went back
	pass      pass
}

// New returns an empty wheel whose clock stands at nowTick. Its blocks come from
// a, counted as mem.KindTicket; Free gives them back.
func New(a *mem.Arena, nowTick uint64) *Wheel {
	return &Wheel{arena: a, main: newRings(nowTick)}
}

// Count returns the number of tickets held.
func (w *Wheel) Count() int { return w.count }

// Add adds a ticket that is due at dueTick. The low 40 bits of hash40 come back
// from Ticket.Hash. A ticket for a tick that the wheel has passed is due at once.
// O(1).
func (w *Wheel) Add(dueTick, hash40 uint64) {
	w.count++
	w.put(w.main, dueTick, Ticket(hash40<<TickBits|dueTick&(1<<TickBits-1)))
}

// Due takes tickets that are due at nowTick, at most len(dst), in about the order
// of their ticks, and returns their number. It also does a bounded piece of the
// wheel's own work: call it at least every few ticks, also when nothing is due.
// Tickets may come early, see the package comment. If it returns 0 and Backlog is
// not 0, work is under way and the next call goes on with it; so it may be for what
// is due at nowTick itself, which is no backlog yet.
func (w *Wheel) Due(nowTick uint64, dst []Ticket) (n int) {
	if nowTick < w.main.pos {
		w.rewind(nowTick)
	}
	r := w.main
	n = w.take(&w.late, dst)
	n, budget := w.collect(r, nowTick, dst, n, pieceMax)
	if len(w.parked) > 0 {
		n, budget = w.unpark(nowTick, dst, n, budget)
	}
	if n < len(dst) || nowTick != w.pieceTick || r.closing() {
		w.pieceTick = nowTick
		w.cascade(r, budget)
	}
	return n
}

// Backlog returns for how many ticks the oldest ticket that is due at nowTick has
// been waiting: since its due tick, or since it was added if that was later. 0 if
// none is. While the wheel has to go through a slot that should have been cascaded
// before, the result is an upper bound.
func (w *Wheel) Backlog(nowTick uint64) uint64 {
	oldest := w.main.earliest()
	if w.late != 0 {
		oldest = min(oldest, w.lateSince)
	}
	for _, p := range w.parked {
		oldest = min(oldest, p.pos)
	}
	if oldest >= nowTick {
		return 0
	}
	return nowTick - oldest
}

// collect moves the cursor of r towards now and takes what is due on the way.
func (w *Wheel) collect(r *rings, now uint64, dst []Ticket, n, budget int) (int, int) {
	for n < len(dst) {
		if r.pos>>levelBits != r.base {
			n, budget = w.overtake(r, now, dst, n, budget)
			if r.overdue() {
				break
			}
			r.settle()
		}
		if tick, ok := r.next(); ok && tick <= now {
			r.pos = tick
			half, slot := int(tick>>levelBits&1), int(tick&slotMask)
			p := &r.halves[half][slot]
			n += w.take(p, dst[n:])
			if *p == 0 {
				r.used[half].clear(slot)
			}
			continue
		}
		if now>>levelBits == r.pos>>levelBits {
			r.pos = now
			r.settle()
			break
		}
		window := min(r.nextWindow(), now>>levelBits)
		r.base = window - 1
		r.pos = window << levelBits
	}
	return n, budget
}

// overtake goes through slots of higher levels that the cursor has reached
// although they are not cascaded, until they are empty, dst is full or the budget
// is used up.
func (w *Wheel) overtake(r *rings, now uint64, dst []Ticket, n, budget int) (int, int) {
	for level := 1; level <= levelTop; level++ {
		s := r.source(level)
		if r.pos < s.first || !r.used[s.half].has(s.slot) {
			continue
		}
		p := &r.halves[s.half][s.slot]
		for *p != 0 && n < len(dst) && budget > 0 {
			t := w.pop(p)
			budget--
			if tick := s.first | uint64(t)&s.mask; tick > now {
				w.put(r, tick, t)
				continue
			}
			dst[n] = t
			n++
			w.count--
		}
		if *p == 0 {
			r.used[s.half].clear(s.slot)
		}
	}
	return n, budget
}

// cascade moves about budget tickets of the slots that come next to lower levels.
func (w *Wheel) cascade(r *rings, budget int) {
	for level := 1; level <= levelTop; level++ {
		s := r.source(level)
		if !r.used[s.half].has(s.slot) {
			continue
		}
		if budget <= 0 {
			return
		}
		budget = w.pour(r, r, s, budget)
	}
}

// pour moves about budget tickets of the slot s of from into to and returns what
// is left of the budget.
func (w *Wheel) pour(to, from *rings, s source, budget int) int {
	p := &from.halves[s.half][s.slot]
	for budget > 0 && *p != 0 {
		e := *p
		h := e.handle()
		mem.Prefetch(mem.Ptr(entry(mem.Load64(h, 0)).handle()))
		for i := e.room() + 1; i <= e.capacity(); i++ {
			t := mem.Load64(h, i*ticketSize)
			w.put(to, s.first|t&s.mask, Ticket(t))
		}
		budget -= e.len()
		*p = w.release(e)
	}
	if *p == 0 {
		from.used[s.half].clear(s.slot)
	}
	return budget
}

// rewind makes the cursor follow a clock that went back to now.
func (w *Wheel) rewind(now uint64) {
	r := w.main
	switch {
	case now>>levelBits >= r.base:
		r.pos = now
	case r.empty():
		r.pos, r.base = now, baseOf(now)
	default:
		w.parked = append(w.parked, r)
		w.main = newRings(now)
		if len(w.parked) > parkedMax {
			w.unparkAll()
		}
	}
}

// unpark takes tickets of parked rings whose cursor the clock has reached, and
// puts others into the main rings.
func (w *Wheel) unpark(now uint64, dst []Ticket, n, budget int) (int, int) {
	kept := w.parked[:0]
	for _, r := range w.parked {
		for s, ok := r.firstSlot(); ok; s, ok = r.firstSlot() {
			if now < r.pos {
				if budget <= 0 {
					break
				}
				budget = w.pour(w.main, r, s, budget)
				continue
			}
			if n == len(dst) {
				break
			}
			p := &r.halves[s.half][s.slot]
			n += w.take(p, dst[n:])
			if *p == 0 {
				r.used[s.half].clear(s.slot)
			}
		}
		if !r.empty() {
			kept = append(kept, r)
			continue
		}
		w.pass.leave(w, r)
	}
	clear(w.parked[len(kept):])
	w.parked = kept
	return n, budget
}

// unparkAll puts all parked tickets into the main rings, however many there are.
func (w *Wheel) unparkAll() {
	for _, r := range w.parked {
		for s, ok := r.firstSlot(); ok; s, ok = r.firstSlot() {
			w.pour(w.main, r, s, w.count)
		}
		w.pass.leave(w, r)
	}
	clear(w.parked)
	w.parked = w.parked[:0]
}
