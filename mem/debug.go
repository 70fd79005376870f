//go:build race || memdebug

package mem

import (
	"unsafe"

	"kvorum/internal/invariants"
)

// Checks of the race and memdebug builds.
//
//	| usable bytes (BlockSize) | red zone: words, each tagged by its place |
//
// The red zone says whether the block is live or freed, so it finds writes
// past the end, double frees and accesses to freed blocks. Freed blocks are
// filled and wait in quarantine; a write to one of them is found when it
// leaves the quarantine or is handed out again. The zone keeps blocks whose
// size is a multiple of 64 aligned to 64.

const (
	zoneSmall    = 8
	zoneAligned  = 64
	largeRedZone = pageSize // only the first zoneAligned bytes are used

	liveMark = 0xa5a5a5a5c3c3c3c3
	deadMark = 0x5a5a5a5a3c3c3c3c

	freshFill = 0xda // contents of a new block: not zero, as nobody may rely on it
	deadFill  = 0xdb // contents of a freed block

	quarantineBlocks = 512
	quarantineBytes  = 1 << 20
)

// quarantine is the FIFO of freed blocks, guarded by the arena's mutex.
type quarantine struct {
	ring        [quarantineBlocks]Handle
	head, count int
	bytes       int
}

// redZone returns the bytes kept after a block of size bytes.
func redZone(size int) int {
	if size%zoneAligned == 0 {
		return zoneAligned
	}
	return zoneSmall
}

// zone returns the words of the red zone of a block.
func zone(sp *span, h Handle) []uint64 {
	n := redZone(int(sp.size)) / 8
	return unsafe.Slice((*uint64)(unsafe.Add(Ptr(h), sp.size)), n)
}

// tag is what word i of the red zone of block h holds.
func tag(h Handle, mark uint64, i int) uint64 {
	return mark ^ uint64(h)*0x9e3779b97f4a7c15 ^ uint64(i)
}

func setZone(sp *span, h Handle, mark uint64) {
	for i := range zone(sp, h) {
		zone(sp, h)[i] = tag(h, mark, i)
	}
}

// bytesOf returns all usable bytes of a block, unchecked.
func bytesOf(sp *span, h Handle) []byte {
	return unsafe.Slice((*byte)(Ptr(h)), int(sp.size))
}

func fill(b []byte, v byte) {
	for i := range b {
		b[i] = v
	}
}

// debugReuse checks that nobody wrote to a block since it was freed. Its
// first 8 bytes are the link of the free list.
func (a *Arena) debugReuse(sp *span, h Handle) {
	if zone(sp, h)[0] != tag(h, deadMark, 0) {
		a.failLocked("mem: free block %#x: red zone %#x written", uint64(h), zone(sp, h)[0])
	}
	a.checkDead(sp, h, 8)
}

// checkDead checks the fill of a freed block from byte on.
func (a *Arena) checkDead(sp *span, h Handle, from int) {
	for i, b := range bytesOf(sp, h)[from:] {
		if b != deadFill {
			a.failLocked("mem: block %#x of %d bytes was written after free at byte %d: %#x",
				uint64(h), sp.size, from+i, b)
		}
	}
}

// debugAlloc prepares a block that is being handed out.
func debugAlloc(sp *span, h Handle) {
	fill(bytesOf(sp, h), freshFill)
	setZone(sp, h, liveMark)
}

// debugFree checks a block, fills it and puts it in quarantine; the oldest
// blocks leave it for their spans.
func (a *Arena) debugFree(sp *span, h Handle) {
	if b := blockOf(sp, h); b != h {
		a.failLocked("mem: free of %#x inside block %#x", uint64(h), uint64(b))
	}
	if h >= sp.bump {
		a.failLocked("mem: free of %#x, never allocated: its span is used up to %#x", uint64(h), uint64(sp.bump))
	}
	a.checkZone(sp, h, "free")
	fill(bytesOf(sp, h), deadFill)
	setZone(sp, h, deadMark)
	q := &a.quarantine
	if q.count == quarantineBlocks {
		a.leaveQuarantine()
	}
	q.ring[(q.head+q.count)%quarantineBlocks] = h
	q.count++
	q.bytes += int(sp.size)
	for q.bytes > quarantineBytes {
		a.leaveQuarantine()
	}
}

// leaveQuarantine really frees the oldest block.
func (a *Arena) leaveQuarantine() {
	q := &a.quarantine
	h := q.ring[q.head]
	id := pageEntry(h.page())
	sp := spanAt(id)
	q.head = (q.head + 1) % quarantineBlocks
	q.count--
	q.bytes -= int(sp.size)
	if zone(sp, h)[0] != tag(h, deadMark, 0) {
		a.failLocked("mem: freed block %#x: red zone %#x written", uint64(h), zone(sp, h)[0])
	}
	a.checkDead(sp, h, 0)
	a.freeBlock(id, sp, h)
}

// flushQuarantine really frees all freed blocks. It takes the mutex, and not
// by defer: a failed check drops it.
func (a *Arena) flushQuarantine() {
	a.mu.Lock()
	for a.quarantine.count > 0 {
		a.leaveQuarantine()
	}
	a.mu.Unlock()
}

// debugLive tells whether a block of a span is live, and checks its red zone.
func (a *Arena) debugLive(sp *span, h Handle) bool {
	if zone(sp, h)[0] == tag(h, deadMark, 0) {
		return false
	}
	a.checkZone(sp, h, "walk")
	return true
}

// checkZone checks that a block is live and its red zone whole.
func (a *Arena) checkZone(sp *span, h Handle, what string) {
	for i, v := range zone(sp, h) {
		switch v {
		case tag(h, liveMark, i):
		case tag(h, deadMark, i):
			a.failLocked("mem: %s of %#x, which is freed already", what, uint64(h))
		default:
			a.failLocked("mem: %s of %#x: %d bytes at %d after its %d bytes are overwritten: %#x",
				what, uint64(h), 8, i*8, sp.size, v)
		}
	}
}

// blockOf returns the start of the block of span sp that h lies in. It reads
// only what does not change while the block lives.
func blockOf(sp *span, h Handle) Handle {
	first := sp.first()
	if sp.class == classLarge {
		return first
	}
	stride := Handle(tab.classes[sp.class].stride)
	return first + (h-first)/stride*stride
}

// checkAccess checks that size bytes at off after h belong to the live block
// that h lies in.
func checkAccess(h Handle, off, size int) {
	e := uint32(0)
	if h < Limit() {
		e = pageEntry(h.page())
	}
	if e == 0 || e&runTag != 0 || spanAt(e).arena == 0 {
		invariants.Fail("mem: access to %#x, which is not in a block (page entry %#x)", uint64(h), e)
	}
	sp := spanAt(e)
	b := blockOf(sp, h)
	if v := zone(sp, b)[0]; v != tag(b, liveMark, 0) {
		invariants.Fail("mem: access to %#x in block %#x of %d bytes: freed or overrun, red zone %#x",
			uint64(h), uint64(b), sp.size, v)
	}
	from := int(h-b)<<unitShift + off
	if from < 0 || size < 0 || from+size > int(sp.size) {
		invariants.Fail("mem: access to bytes %d..%d of block %#x of %d bytes", from, from+size, uint64(b), sp.size)
	}
}
