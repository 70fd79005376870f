package hash

import (
	"fmt"

	"kvorum/ds/listpack"
	"kvorum/ds/table"
	"kvorum/mem"
	"kvorum/object"
)

// Validate walks the hash and checks its table, and what a timed hash has beside it
// (I3). O(n log n); for tests.
func (h *Hash) Validate() error {
	if h.pack {
		return h.validatePacked()
	}
	if err := h.table.Validate(object.ByName); err != nil || !h.timed {
		return err
	}
	timed := 0
	for i := range h.table.Buckets() {
		h.table.Walk(i, func(s table.Slot) {
			if object.ElementDue(s.Handle()) != 0 {
				timed++
			}
		})
	}
	order := object.LoadOrder(h.root)
	if err := order.Validate(); err != nil {
		return err
	}
	if int(order.Len()) != timed {
		return fmt.Errorf("hash: %d elements have a due time, the tree has %d", timed, order.Len())
	}
	for c := order.First(); c.Valid(); c.Next() {
		e := c.Entry()
		name := object.ElementName(mem.Handle(e.B))
		if s := h.find(name, object.NameHash(name)); !s.OK() || s.Handle() != mem.Handle(e.B) {
			return fmt.Errorf("hash: the element of %q in the tree is not that of the table", name)
		}
		if due := object.ElementDue(mem.Handle(e.B)); due != int64(e.A) {
			return fmt.Errorf("hash: %q is due at %d, by the tree at %d", name, due, e.A)
		}
	}
	return nil
}

func (h *Hash) validatePacked() error {
	lp := h.packed()
	if _, ok := listpack.Validate(lp, false); !ok {
		return fmt.Errorf("hash: no listpack: %x", lp)
	}
	if !h.timed {
		return nil
	}
	last := int64(1)
	for p := listpack.HeaderSize; p < listpack.End(lp); {
		t := tripleAt(lp, p)
		if last == 0 && t.due != 0 || t.due != 0 && t.due < last {
			return fmt.Errorf("hash: the field at %d is due at %d, the one before it at %d", p, t.due, last)
		}
		last, p = t.due, t.end
	}
	return nil
}
