package list

import (
	"kvorum/ds/listpack"
	"kvorum/object"
)

// Push puts a value in before the first entry, or behind the last. As for
// [Cursor.Insert], the encoding stays.
func (l *List) Push(value []byte, front bool) {
	if l.pushInPlace(value, front) {
		return
	}
	var c Cursor
	if front {
		l.At(0, &c)
	} else {
		l.At(l.Len(), &c)
	}
	c.Insert(value)
}

// pushInPlace is Push where the node at the end, in the block that it has, has room for
// the value, as most have. It reports whether it did it.
func (l *List) pushInPlace(value []byte, front bool) bool {
	var lp []byte
	if l.pack {
		lp = object.Packed(l.rec)
	} else {
		e, ok := l.nodes.Edge(!front)
		if !ok || l.cut.On() {
			return false
		}
		block := blockOf(e)
		n := listpack.Size(block)
		if n == 0 {
			return false // it is pressed
		}
		lp = block[:n]
	}
	v := listpack.Of(value)
	size := listpack.EntrySize(v)
	need := len(lp) + size
	// A block twice as large as it must be is given up for a smaller one.
	if need > cap(lp) || need*2 < cap(lp) {
		return false
	}
	if !l.pack && !l.lim.nodeFits(listpack.Count(lp)+1, need) {
		return false
	}
	at := listpack.End(lp)
	if front {
		at = listpack.HeaderSize
	}
	listpack.Insert(lp, at, v, size)
	if !l.pack {
		l.nodes.AddEdge(!front, 1)
		l.nodes.Save(l.root, 0)
	}
	return true
}
