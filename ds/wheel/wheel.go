// Package wheel keeps expiry tickets: 8 bytes for each key with a TTL, handed
// back when the TTL is over, at a cost that depends on what is due and not on
// how many tickets there are.
//
// # The problem
//
// A hierarchical wheel files far tickets coarsely and must refile ("cascade")
// a whole coarse slot when its time comes. Done in one go that is a pause of
// milliseconds; done in pieces after its time has come it delays what is due.
// Here a slot is cascaded one round ahead of time, in pieces, into a second
// half of the finer ring.
//
//	tick 64 ms    level 0   2 x 256 slots of 1 tick       this round and the next
//	              level 1   2 x 256 slots of 2^8  ticks   16 s
//	              level 2   2 x 256 slots of 2^16 ticks   70 min
//	              level 3       256 slots of 2^24 ticks   12 days
//
//	level 1      ... | slot r | slot r+1 | slot r+2 | slot r+3 | ...
//	                    empty     being       full
//	                            cascaded ahead
//	level 0      | round r            | round r+1           |
//	                   ^ pos
//
// A round of level k is 2^(8(k+1)) ticks. With pos in round r, level k holds
// the tickets due in rounds r and r+1, so a new ticket for these goes straight
// to level k; what the coarser slot of round r+1 still has is cascaded while
// round r lasts, at most CascadeMax tickets a call. At one call a tick, 256
// calls, half a million tickets move before they are due; if more are there, or
// after a jump in time, the rest is urgent: it is cascaded first and whatever is
// due goes straight to the caller.
//
// A ticket holds the low 24 bits of its due tick. Those and the slot's place
// give the whole tick, so nothing but the tickets is read in a cascade. Tickets
// due beyond the last slot of level 3 (8.7 years) wait there, come out early,
// and the caller adds them again.
//
// # Memory
//
// A slot is a chain of blocks; only the first one is not full.
//
//	slot ──► | link | ticket ... |──►| link | 63 tickets |──► 0
//	slot, link = handle << 8 | size class << 6 | number of tickets
//
// Blocks have 512 bytes; a chain of one block starts with 64 and doubles, so
// that few volatile keys do not cost 512 bytes each. A wheel itself is 14.5 KB
// on Go's heap, without pointers.
//
// # Invariants
//
//	I1  pos <= the time of the last call; no ticket is filed before pos.
//	I2  A ticket is handed out at its due tick or later, but never earlier
//	    unless it was too far away. It is not handed out later if Due is
//	    called each tick and cascades keep up.
//	I3  Level k holds only tickets of its rounds r and r+1, and coarser slots
//	    of these rounds only what has not been cascaded yet.
//	I4  A slot's bit in busy is set exactly if it has tickets, in its chain or
//	    in the rest that Sweep has not looked at.
//	I5  No call costs more than CascadeMax moves plus len(dst) tickets, plus a
//	    constant, however far time jumps.
//
// Not safe for concurrent use: the caller holds the lock of whatever the wheel
// belongs to. The package must not know keys, records or milliseconds.
//
// Rejected: reading the due time from the record in a cascade (one cache miss
// for each ticket, 7 ms pauses); one ring with 4096 slots at level 0 (cascades
// get rarer, not shorter).
package wheel

import (
	"math/bits"

	"kvorum/mem"
)

// TicketBits of the due tick are kept in a ticket, HashBits of the hash.
const (
	TicketBits = 24
	HashBits   = 40
)

// Ticket stands for one key with a due time: hash << TicketBits | due tick.
type Ticket uint64

// Hash returns the hash bits the ticket was added with.
func (t Ticket) Hash() uint64 { return uint64(t) >> TicketBits }

// Tick returns the low TicketBits bits of the due tick it was added with.
func (t Ticket) Tick() uint64 { return uint64(t) & (1<<TicketBits - 1) }

// CascadeMax is the largest number of tickets that one call of Due refiles.
const CascadeMax = 2000

const (
	levelBits = 8 // a round of level k has 2^levelBits slots
	roundSize = 1 << levelBits
	ringSize  = 2 * roundSize // slots of levels 0 to 2: two rounds
	farSize   = roundSize     // slots of level 3
	levels    = 4
	slotCount = (levels-1)*ringSize + farSize
	far       = levels - 1
)

// Wheel holds tickets. Make it with New.
type Wheel struct {
	arena *mem.Arena
	pos   uint64 // oldest tick whose slot may hold tickets
	count int
	busy  [slotCount / 64]uint64
	slots [slotCount]ref
	sweep sweep
}

// New returns an empty wheel that takes its blocks from a. nowTick is the
// present time in ticks.
func New(a *mem.Arena, nowTick uint64) *Wheel {
	return &Wheel{arena: a, pos: nowTick, sweep: newSweep()}
}

// Count returns the number of tickets held.
func (w *Wheel) Count() int { return w.count }

// Add files a ticket for dueTick; hash40 has HashBits bits. A time that has
// passed counts as now. Cost: about 20 ns.
func (w *Wheel) Add(dueTick, hash40 uint64) {
	t := Ticket(hash40<<TicketBits | dueTick&(1<<TicketBits-1))
	w.push(w.slotOf(max(dueTick, w.pos)), t)
	w.count++
}

// slotOf returns the slot for a tick from pos on.
func (w *Wheel) slotOf(tick uint64) int {
	// Whole rounds of level k between pos and the tick; 0 or 1 fits.
	if tick>>levelBits-w.pos>>levelBits <= 1 {
		return slotAt(0, tick)
	}
	if tick>>(2*levelBits)-w.pos>>(2*levelBits) <= 1 {
		return slotAt(1, tick>>levelBits)
	}
	if tick>>(3*levelBits)-w.pos>>(3*levelBits) <= 1 {
		return slotAt(2, tick>>(2*levelBits))
	}
	return slotAt(far, min(tick>>(3*levelBits), w.pos>>(3*levelBits)+farSize-1))
}

// slotAt returns the slot of level that holds unit, a time in units of that
// level's slots.
func slotAt(level int, unit uint64) int {
	if level == far {
		return far*ringSize + int(unit%farSize)
	}
	return level*ringSize + int(unit%ringSize)
}

// unit returns pos in units of level's slots.
func (w *Wheel) unit(level int) uint64 {
	return w.pos >> (level * levelBits)
}

// has reports whether a slot has tickets.
func (w *Wheel) has(slot int) bool {
	return w.busy[slot/64]>>(slot%64)&1 != 0
}

// Advance tells the wheel the time without taking tickets: pos moves over what
// is empty. Due does the same; Advance is for an owner that adds tickets after
// a long rest. Cost: O(1).
func (w *Wheel) Advance(nowTick uint64) {
	for w.pos < nowTick && w.skip(nowTick) {
	}
}

// Due moves tickets due at nowTick or before to dst and returns their number.
// Fewer than len(dst) means that no more are due, or that a cascade is behind:
// Backlog tells. In any case a piece of the coming cascades is done, see
// CascadeMax. A nowTick before the last one finds what is due at that time
// already filed as due and nothing else.
func (w *Wheel) Due(nowTick uint64, dst []Ticket) (n int) {
	moves := CascadeMax
	for {
		if w.pos <= nowTick {
			n += w.take(slotAt(0, w.pos), dst[n:])
		}
		if n == len(dst) {
			break
		}
		if w.pos < nowTick && w.skip(nowTick) {
			continue
		}
		level := w.urgent()
		if level == 0 || moves == 0 {
			break
		}
		// The round of pos cannot be left before this slot is empty.
		got, moved := w.cascade(level, w.unit(level), nowTick, dst[n:], moves)
		n += got
		moves -= moved
	}
	w.cascadeAhead(moves)
	return n
}

// cascadeAhead spends moves on the slots of the coming rounds.
func (w *Wheel) cascadeAhead(moves int) {
	for level := 1; level < levels && moves > 0; level++ {
		unit := w.unit(level)
		for u := unit; u <= unit+1; u++ {
			if w.has(slotAt(level, u)) {
				_, moved := w.cascade(level, u, 0, nil, moves)
				moves -= moved
			}
		}
	}
}

// urgent returns the finest level whose slot of the present round has tickets
// left, or 0.
func (w *Wheel) urgent() int {
	for level := 1; level < levels; level++ {
		if w.has(slotAt(level, w.unit(level))) {
			return level
		}
	}
	return 0
}

// Backlog returns the age in ticks of the oldest due ticket, 0 if none is due
// or all became due just now. While a cascade is behind it is an upper bound
// and at least 1, so that 0 after a Due that found nothing means all is done.
func (w *Wheel) Backlog(nowTick uint64) uint64 {
	if nowTick < w.pos {
		return 0
	}
	oldest := nowTick
	if w.has(slotAt(0, w.pos)) {
		oldest = w.pos
	} else if next, ok := w.next(); ok {
		oldest = min(oldest, next)
	}
	for level := 1; level < levels; level++ {
		if unit := w.unit(level); w.has(slotAt(level, unit)) {
			oldest = min(oldest, unit<<(level*levelBits), nowTick-1)
		}
	}
	return nowTick - oldest
}

// skip moves pos on to the next tick that may have tickets, at most to
// nowTick > pos. It reports false if pos cannot move because the present round
// of some level still has tickets in a coarser slot.
func (w *Wheel) skip(nowTick uint64) bool {
	if w.has(slotAt(0, w.pos)) {
		return false
	}
	to := nowTick
	if next, ok := w.next(); ok {
		to = min(to, next)
	}
	for level := 1; level < levels; level++ {
		shift := level * levelBits
		if to>>shift != w.pos>>shift && w.has(slotAt(level, w.pos>>shift)) {
			// Within the round all slots may be looked at; its last
			// tick is as far as it goes.
			to = min(to, w.pos>>shift<<shift+(1<<shift-1))
			if to == w.pos {
				return false
			}
		}
	}
	w.pos = to
	return true
}

// next returns the first tick after pos at which a ticket may be filed: that of
// a slot of level 0, or the start of a coarser slot. The slots of the present
// rounds of coarser levels do not count: see urgent.
func (w *Wheel) next() (tick uint64, ok bool) {
	for level := range levels {
		unit := w.unit(level)
		shift := level * levelBits
		size := uint64(ringSize)
		if level == far {
			size = farSize
		}
		// The rest of the round, and then for the finer levels the next
		// round. A slot of the next round may also still wait in the
		// coarser level, at the same time or later: that is found next.
		if u, ok := w.scan(level, unit+1, min(unit-unit%roundSize+2*roundSize, unit+size)); ok {
			tick = u << shift
			return w.earlier(level, tick), true
		}
	}
	return 0, false
}

// earlier returns the earliest of tick, found at level, and the starts of
// coarser slots: the next round's slot may still hold tickets of any tick in it.
func (w *Wheel) earlier(level int, tick uint64) uint64 {
	for level++; level < levels; level++ {
		unit := w.unit(level)
		if w.has(slotAt(level, unit+1)) {
			tick = min(tick, (unit+1)<<(level*levelBits))
		}
	}
	return tick
}

// scan returns the first unit in [from, to) whose slot of level has tickets.
// to-from is less than the size of the ring.
func (w *Wheel) scan(level int, from, to uint64) (unit uint64, ok bool) {
	for from < to {
		slot := slotAt(level, from)
		bit := uint64(slot % 64)
		if word := w.busy[slot/64] >> bit; word != 0 {
			from += uint64(bits.TrailingZeros64(word))
			return from, from < to
		}
		from += 64 - bit
	}
	return 0, false
}
