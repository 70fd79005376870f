package object

import (
	"kvorum/ds/btree"
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
	case EncListpack, EncIntset, EncHashtable, EncQuicklist, EncSkiplist, EncListpackEx, EncHashtableEx:
	default:
		return 0, 0, 0
	}
	if c := CutOf(h); c.On() {
		return 0, 0, 0 // see cut.go, I1
	}
	if from == 0 {
		if root, bytes = moveBlock(a, root, mem.KindNode); bytes > 0 {
			SetRoot(h, root, enc)
		}
	}
	moved := 0
	switch enc {
	case EncHashtable:
		moved, looked, next = moveTable(a, root, nil, from, budget)
	case EncQuicklist:
		nodes := btree.Load(root, 0, nil)
		moved, looked, next = moveSequence(a, &nodes, from, budget)
		nodes.Save(root, 0)
	case EncSkiplist, EncHashtableEx:
		moved, looked, next = moveOrdered(a, root, from, budget)
	}
	return bytes + moved, looked, next
}

// moveTable moves a part of a table. order is the tree with its elements, or those of
// them that are ordered, or nil.
func moveTable(a *mem.Arena, root mem.Handle, order *btree.Tree, from, budget int) (bytes, looked, next int) {
	t := table.Load(root)
	end := min(from+max(1, budget), t.Buckets())
	for i := from; i < end; i++ {
		bytes += t.Evacuate(a, i)
		t.Walk(i, func(s table.Slot) {
			old := s.Handle()
			var place btree.Cursor
			ordered := false
			if order != nil && mem.Evacuating(old) {
				var w uint64
				if w, ordered = orderWord(old); ordered {
					place = order.Seek(btree.Key{A: w, Name: ElementName(old)})
				}
			}
			e, n := moveElement(a, old)
			s.Replace(e)
			if ordered {
				place.Replace(btree.Entry{A: place.Entry().A, B: uint64(e)})
			}
			bytes += n
		})
	}
	t.Save(root)
	if end == t.Buckets() {
		return bytes, max(0, end-from), 0
	}
	return bytes, end - from, end
}

// moveOrdered moves a part of a sorted set or timed hash: its parts are those of the table, and
// behind them the leaves of the tree, counted by members.
func moveOrdered(a *mem.Arena, root mem.Handle, from, budget int) (bytes, looked, next int) {
	order := LoadOrder(root)
	defer func() { SaveOrder(&order, root) }()
	t := table.Load(root)
	buckets := t.Buckets()
	if from < buckets {
		bytes, looked, next = moveTable(a, root, &order, from, budget)
		if next == 0 {
			next = buckets
		}
		return bytes, looked, next
	}
	pos := from - buckets
	c, _ := order.At(uint64(pos))
	for ; c.Valid() && looked < max(1, budget); looked++ {
		bytes += c.Evacuate(a)
		pos += c.NextLeaf()
	}
	if !c.Valid() {
		return bytes, looked, 0
	}
	return bytes, looked, buckets + pos
}

// moveSequence moves a part of a list: some nodes with what holds them, counted by
// entries.
func moveSequence(a *mem.Arena, nodes *btree.Tree, from, budget int) (bytes, looked, next int) {
	c, into := nodes.At(uint64(from))
	pos := from - int(into)
	for ; c.Valid() && looked < max(1, budget); looked++ {
		bytes += c.Evacuate(a)
		e := c.Entry()
		to, n := moveBlock(a, mem.Handle(e.A), mem.KindNode)
		if n > 0 {
			c.Replace(btree.Entry{A: uint64(to), B: e.B})
		}
		bytes += n
		pos += int(e.B)
		c.Next()
	}
	if !c.Valid() {
		return bytes, looked, 0
	}
	return bytes, looked, pos
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
