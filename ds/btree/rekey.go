package btree

import (
	"kvorum/internal/invariants"
	"kvorum/mem"
)

// near is how many entries with one first word are compared by their items, before
// their names are.
const near = 8

// SeekItem is Seek for an entry that is in the tree, whose item is known: names of
// others, which lie anywhere in memory, are read only where many share the first word.
func (t *Tree) SeekItem(k Key, item mem.Handle) (c Cursor) {
	c.t = t
	n := t.seekLeaf(&c, k)
	if t.height >= warmHeight {
		warm(n)
	}
	t.enterItem(&c, n, k, item)
	return c
}

// enterItem ends the search of SeekItem in the leaf n.
func (t *Tree) enterItem(c *Cursor, n node, k Key, item mem.Handle) {
	count := n.len()
	low := lowerWord(n, k.A, leafShift, headerSize, count)
	for i := low; i < min(low+near, count); i++ {
		if e := n.entry(i); e.A != k.A {
			break
		} else if e.B == uint64(item) {
			c.path[t.height] = step{n, i}
			return
		}
	}
	c.enter(n, t.lower(n, k, leafShift, headerSize))
}

// Rekey moves the entry of an item, which has the key from, to where the key to
// belongs, whose name is the same. It is a Delete and an Insert that go down together,
// so that both leaves come from memory at the same time.
func (t *Tree) Rekey(a *mem.Arena, from, to Key, item mem.Handle) {
	var old, place Cursor
	old.t, place.t = t, t
	n, m := t.seekLeaf(&old, from), t.seekLeaf(&place, to)
	if t.height >= warmHeight {
		warm(n)
		warm(m)
	}
	t.enterItem(&old, n, from, item)
	if e := old.Entry(); e.A != from.A || e.B != uint64(item) {
		invariants.Fail("btree: the entry %x of %x is not where it belongs", uint64(item), from.A)
	}
	// Only a leaf that the deletion leaves small can take others with it. Where it
	// moves the first entry of a subtree, to may now belong to the end of the one
	// before; the beginning of this one is the same place.
	whole := old.leaf().n.len() > leafMax/mergeShare
	old.Delete(a)
	if whole {
		place.enter(m, t.lower(m, to, leafShift, headerSize))
	} else {
		place = t.Seek(to)
	}
	place.Insert(a, Entry{A: to.A, B: uint64(item)})
}
