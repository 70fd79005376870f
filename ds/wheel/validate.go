package wheel

import (
	"fmt"

	"kvorum/mem"
)

// Validate walks the whole wheel and returns an error that names the first
// thing that is not as the package comment says. Cost: every ticket is read.
func (w *Wheel) Validate() error {
	total := 0
	for slot := range slotCount {
		n, err := w.validateSlot(slot)
		if err != nil {
			return fmt.Errorf("wheel: at tick %d, slot %d: %w", w.pos, slot, err)
		}
		total += n
	}
	if total != w.count {
		return fmt.Errorf("wheel: %d tickets, counted as %d", total, w.count)
	}
	return nil
}

// validateSlot checks one slot and returns its number of tickets.
func (w *Wheel) validateSlot(slot int) (n int, err error) {
	chains := [2]ref{w.slots[slot], 0}
	if w.sweep.slot == slot {
		chains[1] = w.sweep.rest
	}
	level, unit := w.unitOf(slot)
	for _, chain := range chains {
		for r := chain; r != 0; r = r.next() {
			if err := validateBlock(r, r == chain); err != nil {
				return 0, err
			}
			n += r.count()
			for i := range r.count() {
				if err := w.validateTicket(r.at(i), level, unit); err != nil {
					return 0, err
				}
			}
		}
	}
	if w.has(slot) != (n > 0) {
		return 0, fmt.Errorf("busy bit %v with %d tickets", w.has(slot), n)
	}
	if n > 0 && unit < w.unit(level) {
		return 0, fmt.Errorf("level %d: unit %d has passed, now at %d", level, unit, w.unit(level))
	}
	return n, nil
}

// validateBlock checks the shape of a block.
func validateBlock(r ref, first bool) error {
	switch {
	case r.count() == 0 || r.count() > r.capacity():
		return fmt.Errorf("a block of class %d has %d tickets", r.class(), r.count())
	case !first && (r.class() != classMax || r.count() != r.capacity()):
		return fmt.Errorf("an inner block of class %d has %d tickets", r.class(), r.count())
	case r.class() != classMax && r.next() != 0:
		return fmt.Errorf("a block follows one of class %d", r.class())
	}
	return nil
}

// unitOf returns the level of a slot and the unit it stands for.
func (w *Wheel) unitOf(slot int) (level int, unit uint64) {
	level = min(slot/ringSize, far)
	size := uint64(ringSize)
	first := w.unit(level) - w.unit(level)%roundSize
	if level == far {
		size, first = farSize, w.unit(far)
	}
	place := uint64(slot - level*ringSize)
	return level, first + (place-first)%size
}

// validateTicket checks that the bits of a ticket fit its slot.
func (w *Wheel) validateTicket(t Ticket, level int, unit uint64) error {
	shift := level * levelBits
	want := unit << shift & (1<<TicketBits - 1) >> shift << shift
	if got := t.Tick() >> shift << shift; got != want && !(level == 0 && unit == w.pos) {
		return fmt.Errorf("level %d, unit %d: ticket of tick %#x", level, unit, t.Tick())
	}
	return nil
}

// Blocks calls fn for every block of memory the wheel holds.
func (w *Wheel) Blocks(fn func(h mem.Handle)) {
	for slot := range slotCount {
		for r := w.slots[slot]; r != 0; r = r.next() {
			fn(r.handle())
		}
	}
	for r := w.sweep.rest; r != 0; r = r.next() {
		fn(r.handle())
	}
}
