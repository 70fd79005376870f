package list

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"kvorum/ds/listpack"
	"kvorum/mem"
	"kvorum/object"
)

// pressLimits has nodes of some entries, so that there are many.
func pressLimits(depth int) Limits { return Limits{Bytes: 512, Depth: depth} }

// A list that is changed at one depth only has exactly the nodes pressed that are
// further from both ends, whatever the changes were.
func TestDepthSaysWhatIsPressed(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	a := mem.NewArena()
	defer a.Close()
	for depth := 1; depth < 6; depth++ {
		rec := New(a, []byte("key"), 0)
		var buf []byte
		var l List
		for step := range 1500 {
			l.Open(rec, pressLimits(depth), &buf)
			changeOnce(&l, r, step/300%2 == 0)
			l.Shrink()
			checkDepth(t, &l, depth, step)
		}
		object.Free(rec)
	}
	if n := a.UsedBytes(); n != 0 {
		t.Fatalf("%d bytes left", n)
	}
}

// changeOnce does something to the list. What nodes hold packs well.
func changeOnce(l *List, r *rand.Rand, grow bool) {
	value := fmt.Appendf(nil, "some words that are in every entry, and %d", r.IntN(1000))
	n := l.Len()
	at := [...]int{0, n, r.IntN(n + 1), r.IntN(n + 1)}[r.IntN(4)]
	var c Cursor
	switch kind := r.IntN(10); {
	case n == 0 || kind < 3 || grow && kind < 7:
		l.Grow(1, len(value))
		if at == n || at == 0 {
			l.Push(value, at == 0)
			return
		}
		l.At(at, &c)
		c.Insert(value)
	case kind == 7 && at < n:
		l.At(at, &c)
		c.Replace(value)
	case kind == 8:
		l.DeleteRange(at, r.IntN(min(n-at, 30)+1))
	default:
		l.At(at, &c)
		c.Hold()
		for range min(n-at, r.IntN(4)) {
			c.Delete()
			c.Next()
			c.Next()
			if !c.Valid() {
				break
			}
		}
		c.Release()
	}
}

// checkDepth checks which nodes are pressed.
func checkDepth(t *testing.T, l *List, depth, step int) {
	t.Helper()
	if l.pack {
		return
	}
	if err := l.nodes.Validate(); err != nil {
		t.Fatal(err)
	}
	var nodes [][]byte
	var entries []int
	for c := l.nodes.First(); c.Valid(); c.Next() {
		nodes = append(nodes, blockOf(c.Entry()))
		entries = append(entries, int(c.Entry().B))
	}
	for i, block := range nodes {
		inner := i >= depth && i < len(nodes)-depth
		if pressed(block) && !inner {
			t.Fatalf("step %d: node %d of %d is pressed at depth %d", step, i, len(nodes), depth)
		}
		lp := make([]byte, NodeSize(block))
		ReadNode(lp, block)
		if n := listpack.Count(lp); n != entries[i] {
			t.Fatalf("step %d: node %d has %d entries and weighs %d", step, i, n, entries[i])
		}
		if inner && entries[i] > 3 && !pressed(block) {
			t.Fatalf("step %d: node %d of %d is not pressed at depth %d", step, i, len(nodes), depth)
		}
	}
}

// A list whose depth was changed goes over to what the new depth says with the changes,
// and reads the same meanwhile.
func TestDepthChanges(t *testing.T) {
	a := mem.NewArena()
	defer a.Close()
	rec := New(a, []byte("key"), 0)
	var buf []byte
	var l List
	const n = 2000
	push := func(depth int) {
		for i := range n {
			l.Open(rec, pressLimits(depth), &buf)
			value := fmt.Appendf(nil, "an entry with number %d", i)
			l.Grow(1, len(value))
			l.Push(value, false)
		}
	}
	push(0)
	plain := a.UsedBytes()
	if l.Pressed() {
		t.Fatal("nodes are pressed at depth 0")
	}
	push(1)
	if more := a.UsedBytes() - plain; more > plain*3/4 {
		t.Errorf("%d bytes without, %d with pressed nodes", plain, more)
	}
	l.Open(rec, pressLimits(0), &buf)
	var c Cursor
	var digits [20]byte
	i := 0
	for l.At(0, &c); c.Valid(); i++ {
		if got, want := string(c.Take().Bytes(digits[:])), fmt.Sprintf("an entry with number %d", i%n); got != want {
			t.Fatalf("entry %d is %q", i, got)
		}
	}
	for l.Len() > 0 { // at depth 0 what is reached is eased, and stays so
		l.Open(rec, pressLimits(0), &buf)
		if l.pack {
			break
		}
		l.At(l.Len()-1, &c)
		c.Delete()
		if e, ok := l.nodes.Edge(true); ok && pressed(blockOf(e)) && int(e.B) < 5 {
			t.Fatal("the node at the end was changed, and is pressed")
		}
		l.Shrink()
	}
	object.Free(rec)
	if n := a.UsedBytes(); n != 0 {
		t.Fatalf("%d bytes left", n)
	}
}
