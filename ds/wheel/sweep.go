package wheel

import "math/bits"

// sweep is the state of a pass over all slots, from the coarsest level down.
// Tickets only ever move to finer levels, so none can slip past the pass.
type sweep struct {
	slot int // the slot being swept, or the next one
	rest ref // tickets taken off that slot and not looked at yet
}

func newSweep() sweep { return sweep{slot: slotCount - 1} }

// Sweep continues a pass that looks at every ticket and drops those for which
// keep says no; it looks at about budget tickets and reports whether the pass
// is complete (the next call starts a new one). Any calls may lie between two
// slices. A ticket that was there when the pass began and is still there when
// it ends has been looked at, perhaps more than once. keep must not use the
// wheel. Blocks are repacked on the way.
func (w *Wheel) Sweep(budget int, keep func(Ticket) bool) (done bool) {
	for budget > 0 {
		s := &w.sweep
		if s.rest == 0 {
			slot, ok := w.busyFrom(s.slot)
			if !ok {
				*s = newSweep()
				return true
			}
			s.slot, s.rest = slot, w.slots[slot]
			w.slots[slot] = 0
		}
		budget -= w.sweepBlock(budget, keep)
		if s.rest == 0 {
			w.settle(s.slot)
			s.slot--
		}
	}
	return false
}

// sweepBlock looks at up to budget tickets of the first block of the rest and
// returns their number.
func (w *Wheel) sweepBlock(budget int, keep func(Ticket) bool) int {
	r := w.sweep.rest
	n := r.count()
	left := max(n-budget, 0)
	for i := n - 1; i >= left; i-- {
		if t := r.at(i); keep(t) {
			w.push(w.sweep.slot, t)
		} else {
			w.count--
		}
	}
	if left > 0 {
		w.sweep.rest = r - ref(n-left)
	} else {
		w.sweep.rest = w.freeBlock(r)
	}
	return n - left
}

// busyFrom returns the last slot that has tickets, not after slot.
func (w *Wheel) busyFrom(slot int) (int, bool) {
	if slot < 0 {
		return 0, false
	}
	word := w.busy[slot/64] << (63 - slot%64) >> (63 - slot%64)
	for i := slot / 64; ; word = w.busy[i] {
		if word != 0 {
			return i*64 + 63 - bits.LeadingZeros64(word), true
		}
		if i == 0 {
			return 0, false
		}
		i--
	}
}

// Free frees up to budget blocks with all their tickets and reports whether
// the wheel is empty. An empty wheel can be used again.
func (w *Wheel) Free(budget int) (done bool) {
	for ; budget > 0; budget-- {
		slot, ok := w.busyFrom(slotCount - 1)
		if !ok {
			w.sweep = newSweep()
			return true
		}
		r := w.first(slot)
		w.count -= r.count()
		w.shorten(slot, r, 0)
	}
	return w.count == 0
}
