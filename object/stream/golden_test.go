package stream

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"

	"kvorum/ds/listpack"
	"kvorum/mem"
	"kvorum/object"
)

// golden plays the commands of a file and collects what its other lines tell.
type golden struct {
	t      *testing.T
	s      Stream
	lim    Limits
	line   int
	nodes  []string // lines about nodes since the last command
	failed bool
}

// The nodes that commands make must be those that the real server made, byte for
// byte.
func TestNodesAreThoseOfRedis(t *testing.T) {
	f, err := os.Open("testdata/nodes.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	a := mem.NewArena()
	defer a.Close()
	rec := New(a, []byte("s"), 0)
	var buf []byte
	g := golden{t: t}
	g.s.Open(rec, &buf)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		g.line++
		g.play(strings.Fields(lines.Text()))
	}
	checkReload(t, a, &g.s)
	object.Free(rec)
	if a.UsedBytes() != 0 {
		t.Fatalf("%d bytes left", a.UsedBytes())
	}
}

func (g *golden) play(w []string) {
	got := 0
	switch w[0] {
	case "#":
		return
	case "limits":
		fmt.Sscan(w[1], &g.lim.Entries)
		fmt.Sscan(w[2], &g.lim.Bytes)
		return
	case "add":
		g.s.Append(parseID(w[1]), pairsOf(w[2:]), g.lim)
		return
	case "node":
		g.nodes = append(g.nodes, w[1]+" "+w[2])
		return
	case "length":
		g.compare(w[1])
		return
	case "del":
		if g.s.Delete(parseID(w[1])) {
			got = 1
		}
	case "trim":
		got = g.s.Trim(trimmingOf(w[1:]))
	}
	if want := w[len(w)-1]; fmt.Sprint(got) != want {
		g.t.Fatalf("line %d: %v: %d, want %s", g.line, w, got, want)
	}
}

func (g *golden) compare(length string) {
	var got []string
	for c := g.s.Nodes(ID{}); c.Valid(); c.Next() {
		base, lp := c.Node()
		if _, ok := listpack.Validate(lp, false); !ok || !ValidNode(base, lp) {
			g.t.Fatalf("line %d: node %v is not valid", g.line, base)
		}
		var id [16]byte
		binary.BigEndian.PutUint64(id[:], base.Ms)
		binary.BigEndian.PutUint64(id[8:], base.Seq)
		got = append(got, hex.EncodeToString(id[:])+" "+hex.EncodeToString(lp))
	}
	if len(got) != len(g.nodes) || fmt.Sprint(g.s.Len()) != length {
		g.t.Fatalf("line %d: %d nodes and %d entries, want %d and %s", g.line, len(got), g.s.Len(), len(g.nodes), length)
	}
	for i := range got {
		if got[i] != g.nodes[i] {
			g.t.Fatalf("line %d: node %d is\n%s, want\n%s", g.line, i, got[i], g.nodes[i])
		}
	}
	g.nodes = nil
}

func parseID(s string) (id ID) {
	fmt.Sscanf(s, "%d-%d", &id.Ms, &id.Seq)
	return id
}

func pairsOf(words []string) (pairs [][]byte) {
	for _, w := range words {
		if w == `""` {
			w = ""
		}
		pairs = append(pairs, []byte(w))
	}
	return pairs
}

func trimmingOf(w []string) (t Trimming) {
	t.ByID = w[0] == "minid"
	if t.Approx = w[1] == "~"; t.Approx {
		w = w[1:]
	}
	if t.ByID {
		t.MinID = parseID(w[1])
	} else {
		fmt.Sscan(w[1], &t.MaxLen)
	}
	if w[2] == "limit" {
		fmt.Sscan(w[3], &t.Limit)
	}
	return t
}

// checkReload puts the nodes of s into another stream, which must read the same.
func checkReload(t *testing.T, a *mem.Arena, s *Stream) {
	t.Helper()
	rec := New(a, []byte("twin"), 0)
	var buf []byte
	var twin Stream
	twin.Open(rec, &buf)
	for c := s.Nodes(ID{}); c.Valid(); c.Next() {
		twin.AddNode(c.Node())
	}
	if twin.Len() != s.Len() {
		t.Fatalf("%d entries after loading, want %d", twin.Len(), s.Len())
	}
	b := twin.Seek(ID{})
	for c := s.Seek(ID{}); c.Valid(); c.Next() {
		if text(&b) != text(&c) {
			t.Fatalf("%s after loading, want %s", text(&b), text(&c))
		}
		b.Next()
	}
	object.Free(rec)
}

// text returns the entry where the cursor is.
func text(c *Cursor) string {
	var digits [20]byte
	b := strings.Builder{}
	fmt.Fprint(&b, c.ID())
	for range c.Fields() {
		f, v := c.Pair()
		fmt.Fprintf(&b, " %s", f.Bytes(digits[:]))
		fmt.Fprintf(&b, "=%s", v.Bytes(digits[:]))
	}
	return b.String()
}

// Whatever ValidNode accepts must be safe to walk in both directions, to change and
// to trim.
func FuzzValidNode(f *testing.F) {
	file, err := os.ReadFile("testdata/nodes.txt")
	if err != nil {
		f.Fatal(err)
	}
	for i, line := range strings.Split(string(file), "\n") {
		if w := strings.Fields(line); len(w) == 3 && w[0] == "node" && i%5 == 0 {
			lp, _ := hex.DecodeString(w[2])
			f.Add(lp)
		}
	}
	f.Fuzz(func(t *testing.T, lp []byte) {
		base := ID{7, 7}
		if _, ok := listpack.Validate(lp, false); !ok || !ValidNode(base, lp) {
			return
		}
		a := mem.NewArena()
		defer a.Close()
		rec := New(a, []byte("s"), 0)
		var buf []byte
		var s Stream
		s.Open(rec, &buf)
		s.AddNode(base, lp)
		var ids []ID
		for c := s.Seek(ID{}); c.Valid(); c.Next() {
			ids = append(ids, c.ID())
			_ = text(&c)
		}
		back := len(ids)
		for c := s.SeekBack(MaxID); c.Valid(); c.Prev() {
			if back--; c.ID() != ids[back] {
				t.Fatalf("backwards: %v, want %v", c.ID(), ids[back])
			}
		}
		if back != 0 || s.Len() != uint64(len(ids)) {
			t.Fatalf("%d entries, %d forwards, %d fewer backwards", s.Len(), len(ids), back)
		}
		if len(ids) > 1 {
			s.Delete(ids[len(ids)/2])
			s.Trim(Trimming{ByID: true, MinID: ids[len(ids)-1]})
		}
		first := s.nodes.First()
		n := nodeAt(first.Entry())
		if next, ok := n.last().Next(); ok {
			s.Append(next, pairsOf([]string{"a", "b"}), Limits{})
		}
		object.Free(rec)
		if a.UsedBytes() != 0 {
			t.Fatalf("%d bytes left", a.UsedBytes())
		}
	})
}
