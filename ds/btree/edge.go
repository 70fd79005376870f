package btree

// The ends of a sequence are where most of its changes are: these methods reach them
// without a cursor, which is 200 bytes to make and to hand around.

// Edge returns the first entry, or the last; ok is false in an empty tree.
func (t *Tree) Edge(last bool) (e Entry, ok bool) {
	if t.root == 0 {
		return e, false
	}
	n := node(t.root)
	for range t.height {
		n = n.child(n.edge(last))
	}
	return n.entry(n.edge(last)), true
}

// edge returns the number of the first or the last entry of a node that has any.
func (n node) edge(last bool) int {
	if last {
		return n.len() - 1
	}
	return 0
}

// AddEdge adds w to the weight of the first entry, or of the last, of a sequence that
// is not empty.
func (t *Tree) AddEdge(last bool, w uint64) {
	e, _ := t.Edge(last)
	e.B += w
	t.weight += w
	n := node(t.root)
	for range t.height {
		i := n.edge(last)
		n.setChildWeight(i, n.childWeight(i)+w)
		if n.childFirst(i).A == e.A { // it is the first of this subtree
			n.setChildFirst(i, e)
		}
		n = n.child(i)
	}
	n.setEntry(n.edge(last), e)
}

// Height returns the number of levels above the leaves.
func (t *Tree) Height() int { return t.height }
