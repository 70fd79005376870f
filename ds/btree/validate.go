package btree

import "fmt"

// Validate checks I1 to I4 but for the sizes of nodes. It visits all of the tree.
func (t *Tree) Validate() error {
	if t.root == 0 {
		if t.weight != 0 || t.height != 0 {
			return fmt.Errorf("empty tree of weight %d and height %d", t.weight, t.height)
		}
		return nil
	}
	w, _, err := t.validate(node(t.root), 0)
	if err == nil && w != t.weight {
		err = fmt.Errorf("weight %d, entries weigh %d", t.weight, w)
	}
	return err
}

func (t *Tree) validate(n node, depth int) (w uint64, head Entry, err error) {
	if n.len() == 0 {
		return 0, head, fmt.Errorf("empty node at depth %d", depth)
	}
	if n.leaf() != (depth == t.height) {
		return 0, head, fmt.Errorf("leaf %v at depth %d of %d", n.leaf(), depth, t.height)
	}
	if n.leaf() {
		return t.weigh(n), n.entry(0), nil
	}
	if depth == 0 && n.len() < 2 {
		return 0, head, fmt.Errorf("root with one child")
	}
	for i := range n.len() {
		sum, first, err := t.validate(n.child(i), depth+1)
		if err != nil {
			return 0, head, err
		}
		if sum != n.childWeight(i) || first != n.childFirst(i) {
			return 0, head, fmt.Errorf("depth %d child %d: weight %d first %v, has %d %v",
				depth, i, n.childWeight(i), n.childFirst(i), sum, first)
		}
		w += sum
	}
	return w, n.childFirst(0), nil
}
