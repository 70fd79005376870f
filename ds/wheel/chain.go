package wheel

import "kvorum/mem"

// entry names a block of tickets, in a slot or as the link of the block before.
//
//	| unused 14 | class 2 | room 8 | handle 40 |
//
// A block is 64 << class bytes; only the last one of a chain is smaller than 512,
// for most slots hold few tickets. Room is the number of free places. A block fills
// from its end: the places in use are room+1 .. capacity, in words; word 0 is the
// link. So a ticket is added without a look at the size of the block, and one with
// room 0, as well as no block at all, has to grow.
type entry uint64

const (
	roomShift  = mem.HandleBits
	roomOne    = 1 << roomShift
	roomMask   = 1<<8 - 1
	classShift = roomShift + 8
	classTop   = 3

	ticketSize    = 8
	blockMin      = 64
	largeCapacity = blockMin<<classTop/ticketSize - 1
)

func (e entry) handle() mem.Handle { return mem.Handle(e & (1<<mem.HandleBits - 1)) }
func (e entry) room() int          { return int(e >> roomShift & roomMask) }
func (e entry) class() int         { return int(e >> classShift & classTop) }
func (e entry) size() int          { return blockMin << e.class() }
func (e entry) capacity() int      { return e.size()/ticketSize - 1 }
func (e entry) len() int           { return e.capacity() - e.room() }

func (e entry) withRoom(room int) entry {
	return e&^(roomMask<<roomShift) | entry(room)<<roomShift
}

// put adds t, due at tick, to its slot of r, or to the late ones if the cursor has
// passed tick.
func (w *Wheel) put(r *rings, tick uint64, t Ticket) {
	if tick < r.pos {
		if w.late == 0 {
			w.lateSince = r.pos
		}
		w.push(&w.late, t)
		return
	}
	i, slot := r.locate(tick)
	h := r.halves[i]
	if h == nil {
		h = new(half)
		r.halves[i] = h
	}
	p := &h[slot&slotMask]
	if *p == 0 {
		r.used[i].set(slot)
	}
	w.push(p, t)
}

// push adds t to the chain at p.
func (w *Wheel) push(p *entry, t Ticket) {
	e := *p
	room := e.room()
	if room == 0 {
		e = w.grow(e)
		room = e.room()
	}
	mem.Store64(e.handle(), room*ticketSize, uint64(t))
	*p = e - roomOne
}

// grow returns a chain like e whose first block has room.
//
//go:noinline
func (w *Wheel) grow(e entry) entry {
	switch {
	case e == 0:
		return w.newBlock(0, 0)
	case e.class() < classTop && mem.Load64(e.handle(), 0) == 0:
		return w.resize(e, e.class()+1)
	}
	return w.newBlock(classTop, e)
}

// newBlock returns an empty block linked to next.
func (w *Wheel) newBlock(class int, next entry) entry {
	h := w.arena.Alloc(blockMin<<class, mem.KindTicket)
	mem.Store64(h, 0, uint64(next))
	e := entry(h) | entry(class)<<classShift
	return e.withRoom(e.capacity())
}

// resize moves the tickets of e, the last block of its chain, to one of another
// class.
func (w *Wheel) resize(e entry, class int) entry {
	size := e.len() * ticketSize
	to := w.newBlock(class, 0)
	copy(mem.View(to.handle(), to.size())[to.size()-size:], mem.View(e.handle(), e.size())[e.size()-size:])
	to = to.withRoom(to.capacity() - e.len())
	if w.pass.prev == e.handle() {
		w.pass.prev = to.handle()
	}
	w.release(e)
	return to
}

// pop takes one ticket from the chain at p, which is not empty. The caller counts.
func (w *Wheel) pop(p *entry) Ticket {
	e := *p
	room := e.room() + 1
	t := Ticket(mem.Load64(e.handle(), room*ticketSize))
	if e += roomOne; room == e.capacity() {
		e = w.release(e)
	}
	*p = e
	return t
}

// take moves tickets of the chain at p to dst until one of them ends and returns
// their number.
func (w *Wheel) take(p *entry, dst []Ticket) (n int) {
	e := *p
	for n < len(dst) && e != 0 {
		h, room := e.handle(), e.room()
		for end := min(e.capacity(), room+len(dst)-n); room < end; n++ {
			room++
			dst[n] = Ticket(mem.Load64(h, room*ticketSize))
		}
		if e = e.withRoom(room); room == e.capacity() {
			e = w.release(e)
		}
	}
	*p = e
	w.count -= n
	return n
}

// release frees a block and returns the one it linked to.
func (w *Wheel) release(e entry) entry {
	h := e.handle()
	if h == w.pass.prev {
		w.pass.prev = 0
	}
	next := entry(mem.Load64(h, 0))
	w.arena.Free(h, mem.KindTicket)
	return next
}
