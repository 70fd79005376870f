package wheel

import "kvorum/mem"

// ref names the first block of a chain: handle << 8 | class << 6 | count, where
// count is the number of tickets in that block and its size is 64 << class. The
// zero ref is the empty chain; a ref to a block without tickets does not occur.
type ref uint64

const (
	classBits  = 2
	countBits  = 6
	refShift   = classBits + countBits
	classMax   = 1<<classBits - 1
	blockMin   = 64
	ticketSize = 8
	linkSize   = 8
)

func makeRef(h mem.Handle, class, count int) ref {
	return ref(h)<<refShift | ref(class<<countBits) | ref(count)
}

func (r ref) handle() mem.Handle { return mem.Handle(r >> refShift) }
func (r ref) class() int         { return int(r>>countBits) & classMax }
func (r ref) count() int         { return int(r) & (1<<countBits - 1) }

// capacity is the number of tickets that fit the block: 7, 15, 31 or 63.
func (r ref) capacity() int { return blockMin/ticketSize<<r.class() - linkSize/ticketSize }

// next returns the chain after the block.
func (r ref) next() ref { return ref(mem.Load64(r.handle(), 0)) }

// at returns ticket i of the block.
func (r ref) at(i int) Ticket {
	return Ticket(mem.Load64(r.handle(), linkSize+i*ticketSize))
}

// put writes ticket i of the block.
func (r ref) put(i int, t Ticket) {
	mem.Store64(r.handle(), linkSize+i*ticketSize, uint64(t))
}

// push files t in a slot.
func (w *Wheel) push(slot int, t Ticket) {
	r := w.slots[slot]
	n := r.count()
	if r == 0 || n == r.capacity() {
		r = w.makeRoom(slot, r)
		n = r.count()
	}
	r.put(n, t)
	w.slots[slot] = r + 1
}

// makeRoom returns the slot's chain, now r, with a first block that has room.
func (w *Wheel) makeRoom(slot int, r ref) ref {
	switch {
	case r == 0:
		w.busy[slot/64] |= 1 << (slot % 64)
		return w.newBlock(0, 0)
	case r.class() == classMax:
		return w.newBlock(classMax, r)
	}
	// Only a chain of one block has a small one: let it grow.
	grown := w.newBlock(r.class()+1, 0)
	n := r.count()
	copy(mem.View(grown.handle(), linkSize+n*ticketSize)[linkSize:], mem.View(r.handle(), linkSize+n*ticketSize)[linkSize:])
	w.arena.Free(r.handle(), mem.KindTicket)
	return grown + ref(n)
}

// newBlock returns an empty block in front of the chain next.
func (w *Wheel) newBlock(class int, next ref) ref {
	h := w.arena.Alloc(blockMin<<class, mem.KindTicket)
	mem.Store64(h, 0, uint64(next))
	return makeRef(h, class, 0)
}

// freeBlock frees the first block of a chain and returns the rest.
func (w *Wheel) freeBlock(r ref) ref {
	next := r.next()
	w.arena.Free(r.handle(), mem.KindTicket)
	return next
}

// first returns the chain of a slot, or what Sweep holds of it, or 0.
func (w *Wheel) first(slot int) ref {
	r := w.slots[slot]
	if r == 0 && w.sweep.rest != 0 && w.sweep.slot == slot {
		// Sweep starts over with this slot: what it saw of it is gone.
		r, w.sweep.rest = w.sweep.rest, 0
		w.slots[slot] = r
	}
	return r
}

// shorten makes n the number of tickets in the first block r of a slot. An
// empty block is freed.
func (w *Wheel) shorten(slot int, r ref, n int) {
	if n > 0 {
		w.slots[slot] = r - ref(r.count()-n)
		return
	}
	w.slots[slot] = w.freeBlock(r)
	w.settle(slot)
}

// settle clears the busy bit of a slot that has no more tickets.
func (w *Wheel) settle(slot int) {
	if w.slots[slot] == 0 && (w.sweep.rest == 0 || w.sweep.slot != slot) {
		w.busy[slot/64] &^= 1 << (slot % 64)
	}
}

// take moves tickets of a slot to dst until one of them is exhausted.
func (w *Wheel) take(slot int, dst []Ticket) (n int) {
	for n < len(dst) {
		r := w.first(slot)
		if r == 0 {
			break
		}
		left := r.count()
		for ; left > 0 && n < len(dst); n++ {
			left--
			dst[n] = r.at(left)
		}
		w.shorten(slot, r, left)
	}
	w.count -= n
	return n
}

// cascade refiles tickets of the slot of level for unit: those due at nowTick
// go to dst, others to finer slots, until the slot or dst or moves is
// exhausted. got tickets went to dst, moved ones to finer slots.
func (w *Wheel) cascade(level int, unit, nowTick uint64, dst []Ticket, moves int) (got, moved int) {
	slot := slotAt(level, unit)
	start := unit << (level * levelBits)
	within := uint64(1)<<(level*levelBits) - 1
	for full := false; !full && moved < moves; {
		r := w.first(slot)
		if r == 0 {
			break
		}
		if next := r.next(); next != 0 {
			mem.Prefetch(mem.Ptr(next.handle()))
		}
		left := r.count()
		for left > 0 && moved < moves {
			t := r.at(left - 1)
			tick := start | uint64(t)&within
			if tick > nowTick {
				w.push(w.slotOf(max(tick, w.pos)), t)
				moved++
			} else if got < len(dst) {
				dst[got] = t
				got++
			} else {
				full = true
				break
			}
			left--
		}
		w.shorten(slot, r, left)
	}
	w.count -= got
	return got, moved
}
