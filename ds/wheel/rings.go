package wheel

import "math/bits"

// half is one round of a level: its slots by the level's bits of the tick.
type half [slotCount]entry

// bitmap tells which slots of a half have tickets.
type bitmap [slotCount / 64]uint64

func (b *bitmap) has(i int) bool { return b[i>>6&3]>>(i&63)&1 != 0 }
func (b *bitmap) set(i int)      { b[i>>6&3] |= 1 << (i & 63) }
func (b *bitmap) clear(i int)    { b[i>>6&3] &^= 1 << (i & 63) }
func (b *bitmap) empty() bool    { return b[0]|b[1]|b[2]|b[3] == 0 }

// next returns the first used slot from i on, slotCount if there is none.
func (b *bitmap) next(i int) int {
	for ; i < slotCount; i = i&^63 + 64 {
		if rest := b[i>>6&3] >> (i & 63); rest != 0 {
			return i + bits.TrailingZeros64(rest)
		}
	}
	return slotCount
}

// rings is the set of levels that belong to one cursor. Halves 0 and 1 are level
// 0, the even and the odd window; 2 and 3 level 1, 4 and 5 level 2 likewise; half
// 6 is level 3.
type rings struct {
	base   uint64 // first window of level 0
	pos    uint64 // cursor: the tick that is taken next
	halves [halfCount]*half
	used   [halfCount]bitmap
}

func newRings(now uint64) *rings { return &rings{base: baseOf(now), pos: now} }

// baseOf returns the first window of level 0 for a cursor that starts at now.
func baseOf(now uint64) uint64 {
	if now < graceTicks {
		return 0
	}
	return (now - graceTicks) >> levelBits
}

// locate returns where a ticket due at tick >= pos belongs.
func (r *rings) locate(tick uint64) (half, slot int) {
	window := tick >> levelBits
	if window-r.base <= 1 {
		return int(window & 1), int(tick & slotMask)
	}
	round := window >> levelBits
	if round-r.base>>levelBits <= 1 {
		return 2 + int(round&1), int(window & slotMask)
	}
	era, first := round>>levelBits, r.base>>(2*levelBits)
	if era-first <= 1 {
		return 4 + int(era&1), int(round & slotMask)
	}
	return halfCount - 1, int(min(era, first+farthestEra) & slotMask)
}

// source is a slot of a level above 0, with the ticks it stands for.
type source struct {
	half, slot int
	first      uint64 // first tick
	mask       uint64 // bits of the tick that the tickets hold
}

// source returns the slot of level 1 to 3 that is cascaded in the present: the one
// after the slot that base lies in.
func (r *rings) source(level int) source {
	n := r.base>>(levelBits*(level-1)) + 1
	s := source{half: halfCount - 1, slot: int(n & slotMask)}
	if level < levelTop {
		s.half = 2*level + int(n>>levelBits&1)
	}
	s.first = n << (levelBits * level)
	s.mask = 1<<(levelBits*level) - 1
	return s
}

// origin returns the ticks that a slot stands for.
func (r *rings) origin(half, slot int) source {
	level := half / 2
	high := r.base >> (levelBits * level) // number of the level's first half
	switch {
	case level < levelTop:
		if int(high&1) != half&1 {
			high++
		}
		high = high<<levelBits | uint64(slot)
	default:
		high = r.base >> (levelBits * (levelTop - 1))
		high += (uint64(slot) - high) & slotMask
	}
	return source{half, slot, high << (levelBits * level), 1<<(levelBits*level) - 1}
}

// overdue tells whether the cursor has reached a slot that is not cascaded.
func (r *rings) overdue() bool {
	if r.pos>>levelBits == r.base {
		return false
	}
	for level := 1; level <= levelTop; level++ {
		if s := r.source(level); r.pos >= s.first && r.used[s.half].has(s.slot) {
			return true
		}
	}
	return false
}

// settle gives the window before the cursor's up once the cursor is far enough in.
// Nothing is overdue.
func (r *rings) settle() {
	if r.pos>>levelBits != r.base && r.pos&slotMask >= graceTicks {
		r.base++
	}
}

// closing tells whether the next window begins soon or has begun.
func (r *rings) closing() bool { return r.pos+closingTicks >= (r.base+1)<<levelBits }

// next returns the first tick with tickets from the cursor to the end of its
// window.
func (r *rings) next() (tick uint64, ok bool) {
	slot := r.used[r.pos>>levelBits&1].next(int(r.pos & slotMask))
	return r.pos&^slotMask + uint64(slot), slot < slotCount
}

// nextWindow returns the first window after the cursor's that may hold tickets,
// the largest number there is if all are empty.
func (r *rings) nextWindow() uint64 {
	window := ^uint64(0) >> levelBits
	if r.pos>>levelBits == r.base && !r.used[(r.base+1)&1].empty() {
		window = r.base + 1
	}
	for level := 1; level < levelTop; level++ {
		first := r.base >> (levelBits * level)
		for n := first; n <= first+1; n++ {
			if slot := r.used[2*level+int(n&1)].next(0); slot < slotCount {
				window = min(window, (n<<levelBits|uint64(slot))<<(levelBits*(level-1)))
				break
			}
		}
	}
	if era, ok := r.nextEra(); ok {
		window = min(window, era<<(levelBits*(levelTop-1)))
	}
	return window
}

// nextEra returns the first round of 2^24 ticks with a used slot in level 3.
func (r *rings) nextEra() (era uint64, ok bool) {
	b := &r.used[halfCount-1]
	if b.empty() {
		return 0, false
	}
	era = r.base>>(levelBits*(levelTop-1)) + 1
	slot := b.next(int(era & slotMask))
	if slot == slotCount {
		slot = b.next(0)
	}
	return era + (uint64(slot)-era)&slotMask, true
}

// earliest returns a tick that no ticket is before: that of the earliest ticket
// if it is in level 0, else the first of its slot. The largest number if there is
// none.
func (r *rings) earliest() uint64 {
	if r.overdue() {
		return r.pos
	}
	if tick, ok := r.next(); ok {
		return tick
	}
	window := r.nextWindow()
	if window == ^uint64(0)>>levelBits {
		return ^uint64(0)
	}
	tick := window << levelBits
	if window != r.base+1 {
		return tick
	}
	for level := 1; level <= levelTop; level++ {
		if s := r.source(level); s.first == tick && r.used[s.half].has(s.slot) {
			return tick
		}
	}
	return tick + uint64(r.used[window&1].next(0))
}

func (r *rings) empty() bool {
	_, ok := r.firstSlot()
	return !ok
}

// firstSlot returns the first slot with tickets, from level 0 up.
func (r *rings) firstSlot() (source, bool) {
	for half := range r.used {
		if slot := r.used[half].next(0); slot < slotCount {
			return r.origin(half, slot), true
		}
	}
	return source{}, false
}
