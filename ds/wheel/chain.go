package wheel

import "kvorum/mem"

// entry names a block of tickets, in a slot or as the link of the block before.
//
//	| unused 15 | large 1 | room 8 | handle 40 |
//
// Room is the number of free places. A block fills from its end: the places in use
// are room+1 .. capacity, in words; word 0 is the link. So a ticket is added
// without knowing the size of the block, and a block with room 0, as well as no
// block at all, asks for a new one.
type entry uint64

const (
	roomShift = mem.HandleBits
	roomOne   = 1 << roomShift
	roomMask  = 1<<8 - 1
	largeBit  = 1 << (roomShift + 8)

	ticketSize    = 8
	largeBlock    = 512
	smallBlock    = 64 // the last one of a chain: most slots hold few tickets
	largeCapacity = largeBlock/ticketSize - 1
	smallCapacity = smallBlock/ticketSize - 1
)

func (e entry) handle() mem.Handle { return mem.Handle(e & (1<<mem.HandleBits - 1)) }
func (e entry) room() int          { return int(e >> roomShift & roomMask) }
func (e entry) len() int           { return e.capacity() - e.room() }

func (e entry) capacity() int {
	if e&largeBit != 0 {
		return largeCapacity
	}
	return smallCapacity
}

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

// grow returns an empty block linked to e.
//
//go:noinline
func (w *Wheel) grow(e entry) entry {
	size, room, flag := smallBlock, smallCapacity, entry(0)
	if e != 0 {
		size, room, flag = largeBlock, largeCapacity, largeBit
	}
	h := w.arena.Alloc(size, mem.KindTicket)
	mem.Store64(h, 0, uint64(e))
	return entry(h) | entry(room)<<roomShift | flag
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
