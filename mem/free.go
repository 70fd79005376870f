package mem

import "kvorum/internal/invariants"

// Free ends the life of a block of whatever arena. It is Arena.Free for
// callers that do not know the arena, at the cost of looking it up.
func Free(h Handle, k Kind) {
	id := pageEntry(h.page())
	if id == 0 || id&runTag != 0 {
		notBlock(h)
	}
	ownerOf(h, spanAt(id).arena).Free(h, k)
}

// ownerOf returns the open arena with an id. Arenas are numbered in the order
// in which they open, so unless one was closed its place is known.
func ownerOf(h Handle, id uint32) *Arena {
	list := openArenas()
	if i := int(id) - 1; i >= 0 && i < len(list) && list[i].id == id {
		return list[i]
	}
	for _, a := range list {
		if a.id == id {
			return a
		}
	}
	invariants.Fail("mem: %#x is of arena %d, which is not open", uint64(h), id)
	return nil
}

// ArenaOf returns the arena of a block.
func ArenaOf(h Handle) *Arena {
	id := pageEntry(h.page())
	if id == 0 || id&runTag != 0 {
		notBlock(h)
	}
	return ownerOf(h, spanAt(id).arena)
}
