package wheel

import (
	"fmt"

	"kvorum/mem"
)

// Validate walks the whole wheel and reports the first broken invariant. Debug
// only.
func (w *Wheel) Validate() error {
	var err error
	count := 0
	seen := make(map[mem.Handle]bool)
	w.chains(func(r *rings, s source, e entry) {
		if err == nil {
			var n int
			n, err = validateChain(s, e, r != nil, seen)
			count += n
		}
		if err == nil && r != nil {
			err = r.validateSlot(s, e)
		}
	})
	if err != nil {
		return err
	}
	if count != w.count {
		return fmt.Errorf("wheel: %d tickets counted, %d in chains", w.count, count)
	}
	if p := w.pass.prev; p != 0 && !seen[p] {
		return fmt.Errorf("wheel: sweep stands at block %#x, which is in no chain", uint64(p))
	}
	r := w.main
	if window := r.pos >> levelBits; window != r.base && window != r.base+1 {
		return fmt.Errorf("wheel: cursor in window %d, base %d", window, r.base)
	}
	return nil
}

// validateChain counts the tickets of a chain. Those of slots hold the low bits of
// a tick that the slot stands for.
func validateChain(s source, e entry, inSlot bool, seen map[mem.Handle]bool) (count int, err error) {
	for ; e != 0; e = entry(mem.Load64(e.handle(), 0)) {
		if seen[e.handle()] {
			return count, fmt.Errorf("wheel: block %#x is linked twice", uint64(e.handle()))
		}
		seen[e.handle()] = true
		if e.len() < 1 || e.room() < 0 {
			return count, fmt.Errorf("wheel: block %#x holds %d tickets", uint64(e.handle()), e.len())
		}
		if size := mem.BlockSize(e.handle()); size != e.size() {
			return count, fmt.Errorf("wheel: block %#x of class %d is %d bytes", uint64(e.handle()), e.class(), size)
		}
		if e.class() < classTop && mem.Load64(e.handle(), 0) != 0 {
			return count, fmt.Errorf("wheel: block %#x of class %d is not the last", uint64(e.handle()), e.class())
		}
		count += e.len()
		for i := e.room() + 1; inSlot && i <= e.capacity(); i++ {
			t := Ticket(mem.Load64(e.handle(), i*ticketSize))
			if high := s.first & (1<<TickBits - 1) &^ s.mask; t.Tick()&^s.mask != high {
				return count, fmt.Errorf("wheel: ticket of tick %#x in the slot of tick %#x", t.Tick(), s.first)
			}
		}
	}
	return count, nil
}

// validateSlot checks that the slot has its bit and is one that may hold tickets.
func (r *rings) validateSlot(s source, e entry) error {
	if r.used[s.half].has(s.slot) != (e != 0) {
		return fmt.Errorf("wheel: half %d slot %d: used %t, entry %#x", s.half, s.slot, e == 0, uint64(e))
	}
	if e == 0 {
		return nil
	}
	if s.half < 2 && s.first < r.pos {
		return fmt.Errorf("wheel: tickets of tick %d behind the cursor at %d", s.first, r.pos)
	}
	if s.half >= 2 && s.first>>levelBits <= r.base {
		return fmt.Errorf("wheel: half %d slot %d of tick %d is not cascaded, base %d", s.half, s.slot, s.first, r.base)
	}
	return nil
}
