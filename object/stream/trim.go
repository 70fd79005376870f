package stream

import (
	"kvorum/ds/btree"
	"kvorum/ds/listpack"
)

// Trimming says which entries to remove from the start.
type Trimming struct {
	ByID   bool
	MaxLen uint64 // unless ByID: leave as many entries
	MinID  ID     // remove those before
	Approx bool   // remove whole nodes only
	Limit  int    // remove no more, 0 no limit; with Approx only
}

// Trim removes entries from the start and returns how many. O(removed nodes).
func (s *Stream) Trim(t Trimming) (removed int) {
	for c := s.nodes.First(); c.Valid(); {
		if !t.ByID && s.Len() <= t.MaxLen {
			break
		}
		n := nodeAt(c.Entry())
		if t.Limit > 0 && removed+n.live > t.Limit {
			break
		}
		if !s.covers(t, &n) {
			if !t.Approx {
				removed += s.trimNode(t, &c, &n)
			}
			break
		}
		removed += n.live
		s.grow(-n.live)
		s.dropNode(&c)
	}
	return removed
}

// covers reports whether all of the first node is to be removed.
func (s *Stream) covers(t Trimming, n *node) bool {
	if !t.ByID {
		return s.Len()-uint64(n.live) >= t.MaxLen
	}
	return n.last().Less(t.MinID)
}

// last returns the id of the last entry of the node, deleted or not.
func (n *node) last() ID {
	p := listpack.Prev(n.lp, listpack.End(n.lp))
	elements, _ := intAt(n.lp, p)
	for range elements {
		p = listpack.Prev(n.lp, p)
	}
	ms, p := intAt(n.lp, listpack.Next(n.lp, p))
	seq, _ := intAt(n.lp, p)
	return ID{n.base.Ms + uint64(ms), n.base.Seq + uint64(seq)}
}

// trimNode removes entries from the start of the first node, where the cursor is.
func (s *Stream) trimNode(t Trimming, at *btree.Cursor, n *node) (removed int) {
	c := Cursor{c: *at}
	c.open()
	for c.p < listpack.End(c.node.lp) {
		if c.read(); t.ByID && !c.id.Less(t.MinID) || !t.ByID && s.Len() <= t.MaxLen {
			break
		}
		if c.flags&flagDeleted == 0 {
			s.changing(at)
			markDeleted(c.node.lp, c.p)
			removed++
			s.grow(-1)
		}
		c.p = c.end()
	}
	if removed > 0 { // even if nothing is left: as in Redis the node stays then
		s.recount(at, n, n.live-removed, n.dead+removed)
	}
	return removed
}
