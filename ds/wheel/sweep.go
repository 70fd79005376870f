package wheel

import "kvorum/mem"

// pass is the place a sweep has come to. Its order is that in which tickets may
// move: parked rings before the main ones, in each level 3 before level 0, and the
// late ones last; so a ticket not yet visited stays ahead of the pass.
type pass struct {
	r    *rings // nil: no pass under way
	half int    // -1: the late tickets
	slot int
	prev mem.Handle // last block done of the slot's chain; 0: none or it is gone
}

// leave moves the pass on from parked rings that are about to be given up.
func (s *pass) leave(w *Wheel, r *rings) {
	if s.r == r && s.half >= 0 {
		s.enter(w.after(r))
	}
}

// enter puts the pass at the start of r.
func (s *pass) enter(r *rings) { *s = pass{r: r, half: halfCount - 1} }

// after returns the rings that a pass visits after r.
func (w *Wheel) after(r *rings) *rings {
	for i, p := range w.parked {
		if p == r && i+1 < len(w.parked) {
			return w.parked[i+1]
		}
	}
	return w.main
}

// Sweep goes on with a pass over all tickets: it looks at about budget of them,
// drops those that keep refuses and packs the others into fewer blocks. It
// returns true when the pass is done; the next call begins a new one. Add and Due
// may be called between the calls, and every ticket that was there when the pass
// began and is still held has been visited at its end, some more than once. keep
// must not call the wheel.
func (w *Wheel) Sweep(budget int, keep func(Ticket) bool) (done bool) {
	s := &w.pass
	if s.r == nil {
		s.enter(w.main)
		if len(w.parked) > 0 {
			s.r = w.parked[0]
		}
	}
	for budget > 0 {
		p := w.seek()
		if p == nil {
			w.pass = pass{}
			return true
		}
		budget -= w.sweepBlock(p, budget, keep)
		if *p == 0 && s.half >= 0 {
			s.r.used[s.half].clear(s.slot)
		}
	}
	return false
}

// seek moves the pass to the next block and returns its chain, nil at the end.
func (w *Wheel) seek() *entry {
	s := &w.pass
	for s.half >= 0 {
		if slot := s.r.used[s.half].next(s.slot); slot < slotCount {
			p := &s.r.halves[s.half][slot]
			if slot != s.slot {
				s.slot, s.prev = slot, 0
			}
			if s.prev == 0 || mem.Load64(s.prev, 0) != 0 {
				return p
			}
		}
		s.prev = 0
		if s.slot++; s.slot >= slotCount || s.r.used[s.half].next(s.slot) == slotCount {
			s.slot = 0
			if s.half--; s.half < 0 && s.r != w.main {
				s.enter(w.after(s.r))
			}
		}
	}
	if w.late == 0 || (s.prev != 0 && mem.Load64(s.prev, 0) == 0) {
		return nil
	}
	return &w.late
}

// sweepBlock visits the block of the chain at p that follows the pass, fills it up
// from those after it, and returns the number of tickets visited.
func (w *Wheel) sweepBlock(p *entry, budget int, keep func(Ticket) bool) (visited int) {
	e := *p
	prev := w.pass.prev
	if prev != 0 {
		e = entry(mem.Load64(prev, 0))
	}
	h, room := e.handle(), e.capacity()
	for i := room; i > e.room(); i-- {
		t := mem.Load64(h, i*ticketSize)
		if keep(Ticket(t)) {
			mem.Store64(h, room*ticketSize, t)
			room--
		}
	}
	visited = e.len()
	kept := e.capacity() - room

	next := entry(mem.Load64(h, 0))
	for room > 0 && next != 0 && visited < budget {
		i := next.room()
		for room > 0 && i < next.capacity() {
			i++
			visited++
			t := mem.Load64(next.handle(), i*ticketSize)
			if keep(Ticket(t)) {
				mem.Store64(h, room*ticketSize, t)
				room--
				kept++
			}
		}
		if next = next.withRoom(i); i == next.capacity() {
			next = w.release(next)
		}
	}
	w.count -= visited - kept
	mem.Store64(h, 0, uint64(next))
	if e = e.withRoom(room); kept == 0 {
		e = w.release(e)
	} else {
		if class := classOf(kept); next == 0 && class < e.class() {
			e = w.resize(e, class)
		}
		w.pass.prev = e.handle()
	}
	if prev != 0 {
		mem.Store64(prev, 0, uint64(e))
	} else {
		*p = e
	}
	return visited
}

// classOf returns the class of the smallest block for count tickets.
func classOf(count int) (class int) {
	for count >= blockMin/ticketSize<<class {
		class++
	}
	return class
}

// Free gives about budget blocks back and returns true when none is left: the
// wheel is empty then.
func (w *Wheel) Free(budget int) (done bool) {
	w.pass = pass{}
	for {
		r := w.main
		if len(w.parked) > 0 {
			r = w.parked[0]
		}
		s, ok := r.firstSlot()
		if !ok && r == w.main {
			return w.freeChain(&w.late, &budget)
		}
		if !ok {
			w.parked = w.parked[1:]
			continue
		}
		if !w.freeChain(&r.halves[s.half][s.slot], &budget) {
			return false
		}
		r.used[s.half].clear(s.slot)
	}
}

func (w *Wheel) freeChain(p *entry, budget *int) (done bool) {
	for ; *p != 0; *budget-- {
		if *budget <= 0 {
			return false
		}
		w.count -= p.len()
		*p = w.release(*p)
	}
	return true
}

// Blocks calls fn for every block the wheel holds.
func (w *Wheel) Blocks(fn func(mem.Handle)) {
	w.chains(func(_ *rings, _ source, e entry) {
		for ; e != 0; e = entry(mem.Load64(e.handle(), 0)) {
			fn(e.handle())
		}
	})
}

// chains calls fn for every slot, parked ones first, and for the late tickets, r
// being nil then.
func (w *Wheel) chains(fn func(r *rings, s source, e entry)) {
	for i := range len(w.parked) + 1 {
		r := w.main
		if i < len(w.parked) {
			r = w.parked[i]
		}
		for half, slots := range r.halves {
			if slots == nil {
				continue
			}
			for slot, e := range slots {
				fn(r, r.origin(half, slot), e)
			}
		}
	}
	fn(nil, source{}, w.late)
}
