package object

import (
	"kvorum/ds/table"
	"kvorum/mem"
)

// MoveValue moves what hangs on the record out of spans that are being evacuated,
// beginning at part from of it (0: the start). It looks at a part of a table at most
// max(1, budget) buckets large, at everything else as a whole, and returns the bytes
// moved, the buckets looked at, and the part to go on with, 0 at the end. Between
// parts anything may happen to the value: what changes in the meantime is moved or
// not, as it comes. New blocks of a string are of arena a, others of the value's own.
func MoveValue(a *mem.Arena, h mem.Handle, from, budget int) (bytes, looked, next int) {
	d := Load(h)
	if d.Type() != String {
		return moveCollection(h, d.Encoding(), from, budget)
	}
	if d&FlagBlob == 0 {
		return 0, 0, 0
	}
	at := d.payload(h)
	blob, bytes := moveBlock(a, mem.Handle(mem.Load64(h, at)), mem.KindBlob)
	if bytes > 0 {
		mem.Store64(h, at, uint64(blob))
	}
	return bytes, 0, 0
}

// moveBlock copies a block that is to be evacuated and returns its new place, and its
// size if it moved.
func moveBlock(a *mem.Arena, h mem.Handle, kind mem.Kind) (to mem.Handle, bytes int) {
	if !mem.Evacuating(h) {
		return h, 0
	}
	size := mem.BlockSize(h)
	to = a.Alloc(size, kind)
	copy(mem.View(to, size), mem.View(h, size))
	mem.Free(h, kind)
	return to, size
}

func moveCollection(h mem.Handle, enc Encoding, from, budget int) (bytes, looked, next int) {
	root := Root(h)
	a := mem.ArenaOf(root)
	switch enc {
	case EncListpack, EncIntset, EncHashtable:
	default:
		return 0, 0, 0
	}
	if from == 0 {
		if root, bytes = moveBlock(a, root, mem.KindNode); bytes > 0 {
			SetRoot(h, root, enc)
		}
	}
	if enc != EncHashtable {
		return bytes, 0, 0
	}
	t := table.Load(root)
	end := min(from+max(1, budget), t.Buckets())
	for i := from; i < end; i++ {
		bytes += t.Evacuate(a, i)
		t.Walk(i, func(s table.Slot) {
			e, n := moveElement(a, s.Handle())
			s.Replace(e)
			bytes += n
		})
	}
	t.Save(root)
	if end == t.Buckets() {
		return bytes, max(0, end-from), 0
	}
	return bytes, end - from, end
}

// moveElement moves an element and its blob. It returns where the element is now.
func moveElement(a *mem.Arena, e mem.Handle) (to mem.Handle, bytes int) {
	if mem.Load8(e, 0)&elemBlob != 0 {
		at := layoutOf(e).value
		blob, n := moveBlock(a, mem.Handle(mem.Load64(e, at)), mem.KindBlob)
		mem.Store64(e, at, uint64(blob))
		bytes = n
	}
	to, n := moveBlock(a, e, mem.KindNode)
	return to, bytes + n
}
