package stream

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"kvorum/mem"
	"kvorum/object"
)

// twin is a stream as simple as can be.
type twin struct {
	entries []twinEntry
	last    ID
	added   uint64
	groups  map[string]*twinGroup
}

type twinEntry struct {
	id   ID
	text string
}

type twinGroup struct {
	last      ID
	read      int64
	consumers map[string][2]int64 // seen and active
	pending   map[ID]twinPending
}

type twinPending struct {
	consumer    string
	time, count int64
}

// pairUp is a stream and its twin under random commands.
type pairUp struct {
	t     *testing.T
	r     *rand.Rand
	arena *mem.Arena
	rec   mem.Handle
	s     Stream
	twin  twin
	lim   Limits
	buf   []byte
}

// Random commands under random limits must do what they do to the twin, and give
// all memory back.
func TestStreamEqualsModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for i := range uint64(12) {
		play(t, seed+i, 1500)
	}
}

// FuzzStreamEqualsModel is the same for any seed.
func FuzzStreamEqualsModel(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { play(t, seed, 600) })
}

func play(t *testing.T, seed uint64, steps int) {
	r := rand.New(rand.NewPCG(seed, 1))
	a := mem.NewArena()
	defer a.Close()
	p := &pairUp{t: t, r: r, arena: a, rec: New(a, []byte("key"), 0)}
	p.twin.groups = map[string]*twinGroup{}
	p.lim = Limits{Bytes: r.IntN(3) * (1 + r.IntN(3000)), Entries: r.IntN(3) * r.IntN(150)}
	for step := range steps {
		p.s.Open(p.rec, &p.buf)
		p.step(step/500%2 == 0)
		if step%100 == 0 {
			p.compare()
		}
	}
	p.s.Open(p.rec, &p.buf)
	p.compare()
	old := p.rec
	p.rec = object.Clone(a, old, []byte("twin"), false, false)
	object.Free(old)
	p.s.Open(p.rec, &p.buf)
	p.compare()
	blocks := 0
	object.Blocks(p.rec, func(h mem.Handle) { blocks += mem.BlockSize(h) })
	if int64(blocks) != a.UsedBytes() {
		t.Fatalf("blocks of %d bytes, %d in use", blocks, a.UsedBytes())
	}
	for !object.FreeSome(p.rec, 1) {
	}
	if n := a.UsedBytes(); n != 0 {
		t.Fatalf("%d bytes left", n)
	}
}

func (p *pairUp) step(grow bool) {
	n := 100
	if grow {
		n = 40
	}
	switch op := p.r.IntN(n); {
	case op < 20:
		p.append()
	case op < 34:
		p.group()
	case op < 35:
		p.trim()
	case op < 50:
		p.probe()
	default:
		p.delete()
	}
}

func (p *pairUp) append() {
	id := p.twin.last
	switch p.r.IntN(4) {
	case 0:
		id, _ = id.Next()
	case 1:
		id.Ms += 1 + p.r.Uint64N(1<<p.r.IntN(40))
		id.Seq = p.r.Uint64() >> p.r.IntN(64)
	default:
		id.Ms++
		id.Seq = 0
	}
	var words []string
	n := 1 + p.r.IntN(3)
	for i := range n {
		words = append(words, fmt.Sprintf("f%d", i), p.word())
	}
	if p.r.IntN(10) == 0 {
		words = append(words, p.word(), p.word())
	}
	e := twinEntry{id: id, text: id.String()}
	for i := 0; i < len(words); i += 2 {
		e.text += " " + words[i] + "=" + words[i+1]
	}
	p.s.Append(id, pairsOf(words), p.lim)
	p.twin.entries = append(p.twin.entries, e)
	p.twin.last = id
	p.twin.added++
}

func (p *pairUp) word() string {
	switch p.r.IntN(12) {
	case 0:
		return strings.Repeat("x", p.r.IntN(900))
	case 1:
		if p.r.IntN(20) == 0 {
			return strings.Repeat("y", p.r.IntN(10_000))
		}
	case 2:
		return ""
	case 3:
		return fmt.Sprint(int64(p.r.Uint64()) >> p.r.IntN(64))
	}
	return fmt.Sprintf("w%d", p.r.IntN(200))
}

// someID returns the id of an entry, or one near it.
func (p *pairUp) someID() ID {
	if len(p.twin.entries) == 0 || p.r.IntN(20) == 0 {
		return [...]ID{{}, MaxID, {p.r.Uint64(), 0}}[p.r.IntN(3)]
	}
	id := p.twin.entries[p.r.IntN(len(p.twin.entries))].id
	switch p.r.IntN(6) {
	case 0:
		id, _ = id.Next()
	case 1:
		id, _ = id.Prev()
	case 2:
		id.Seq = 0
	}
	return id
}

// from returns the place of the first entry not before id.
func (w *twin) from(id ID) (at int, found bool) {
	return slices.BinarySearchFunc(w.entries, id, func(e twinEntry, id ID) int { return e.id.Compare(id) })
}

func (p *pairUp) delete() {
	id := p.someID()
	at, found := p.twin.from(id)
	if p.s.Has(id) != found || p.s.Delete(id) != found {
		p.t.Fatalf("deleting %v", id)
	}
	if found {
		p.twin.entries = slices.Delete(p.twin.entries, at, at+1)
	}
}

// trim trims; what whole nodes are it asks the stream.
func (p *pairUp) trim() {
	tr := Trimming{ByID: p.r.IntN(2) == 0, MinID: p.someID(), Approx: p.r.IntN(2) == 0}
	n := len(p.twin.entries)
	tr.MaxLen = uint64(n - n*p.r.IntN(8)/20)
	if tr.Approx && p.r.IntN(2) == 0 {
		tr.Limit = 1 + p.r.IntN(200)
	}
	want := n - min(int(tr.MaxLen), n)
	if tr.ByID {
		want, _ = p.twin.from(tr.MinID)
	}
	if tr.Approx {
		exact, nodes := want, 0
		for c := p.s.Nodes(ID{}); c.Valid(); c.Next() {
			node := nodeAt(c.c.Entry())
			ends := node.last()
			if tr.ByID && !ends.Less(tr.MinID) || nodes+node.live > exact || tr.Limit > 0 && nodes+node.live > tr.Limit {
				break
			}
			nodes += node.live
		}
		want = nodes
	}
	if got := p.s.Trim(tr); got != want {
		p.t.Fatalf("%+v of %d removed %d, want %d", tr, n, got, want)
	}
	p.twin.entries = slices.Delete(p.twin.entries, 0, want)
}

// probe reads a few entries in both directions from some place.
func (p *pairUp) probe() {
	id := p.someID()
	at, found := p.twin.from(id)
	c := p.s.Seek(id)
	for i := at; i < at+5; i++ {
		p.expect(&c, i)
		c.Next()
		if i >= len(p.twin.entries) {
			break
		}
	}
	if !found {
		at--
	}
	c = p.s.SeekBack(id)
	for i := at; i > at-5; i-- {
		p.expect(&c, i)
		if i < 0 {
			break
		}
		c.Prev()
	}
}

// expect compares the cursor with entry i of the twin, which may not be.
func (p *pairUp) expect(c *Cursor, i int) {
	p.t.Helper()
	if c.Valid() != (i >= 0 && i < len(p.twin.entries)) {
		p.t.Fatalf("entry %d of %d: there %v", i, len(p.twin.entries), c.Valid())
	}
	if c.Valid() && text(c) != p.twin.entries[i].text {
		p.t.Fatalf("entry %d is off", i)
	}
}

func (p *pairUp) compare() {
	p.t.Helper()
	w := &p.twin
	if p.s.Len() != uint64(len(w.entries)) || p.s.LastID() != w.last || p.s.Added() != w.added || p.s.GroupCount() != len(w.groups) {
		p.t.Fatalf("%d entries up to %v, %d added, %d groups; want %d, %v, %d, %d", p.s.Len(), p.s.LastID(), p.s.Added(),
			p.s.GroupCount(), len(w.entries), w.last, w.added, len(w.groups))
	}
	if err := p.s.nodes.Validate(); err != nil {
		p.t.Fatal(err)
	}
	c := p.s.Seek(ID{})
	for i := 0; c.Valid() || i < len(w.entries); i++ {
		p.expect(&c, i)
		c.Next()
	}
	c = p.s.SeekBack(MaxID)
	for i := len(w.entries) - 1; c.Valid() || i >= 0; i-- {
		p.expect(&c, i)
		c.Prev()
	}
	least := 0 // what the first node must have
	for c := p.s.Nodes(ID{}); c.Valid(); c.Next() {
		n := nodeAt(c.c.Entry())
		if base, lp := c.Node(); !ValidNode(base, lp) || n.live < least {
			p.t.Fatalf("node %v with %d entries is not valid", base, n.live)
		}
		if p.lim.Entries > 0 && n.live+n.dead > p.lim.Entries {
			p.t.Fatalf("node of %d and %d entries under %+v", n.live, n.dead, p.lim)
		}
		least = 1
	}
	p.compareGroups()
}

func (p *pairUp) compareGroups() {
	p.t.Helper()
	names := slices.Sorted(maps.Keys(p.twin.groups))
	groups := p.s.Groups()
	i := 0
	for c := groups.First(); c.Valid(); c.Next() {
		if string(c.Group().Name()) != names[i] {
			p.t.Fatalf("group %d is %q, want %q", i, c.Group().Name(), names[i])
		}
		p.compareGroup(c.Group(), p.twin.groups[names[i]])
		i++
	}
	if i != len(names) {
		p.t.Fatalf("%d groups, want %d", i, len(names))
	}
}

func (p *pairUp) compareGroup(g Group, w *twinGroup) {
	p.t.Helper()
	if g.Last() != w.last || g.Read() != w.read || g.PendingCount() != len(w.pending) || g.ConsumerCount() != len(w.consumers) {
		p.t.Fatalf("group %q: last %v read %d, %d pending, %d consumers; want %v, %d, %d, %d", g.Name(), g.Last(), g.Read(),
			g.PendingCount(), g.ConsumerCount(), w.last, w.read, len(w.pending), len(w.consumers))
	}
	names := slices.Sorted(maps.Keys(w.consumers))
	ids := slices.SortedFunc(maps.Keys(w.pending), ID.Compare)
	all := g.AllPending()
	p.comparePending(&all, w, ids)
	consumers := g.Consumers()
	i := 0
	for c := consumers.First(); c.Valid(); c.Next() {
		k := c.Consumer()
		if string(k.Name()) != names[i] || [2]int64{k.Seen(), k.Active()} != w.consumers[names[i]] {
			p.t.Fatalf("consumer %d is %q, want %q", i, k.Name(), names[i])
		}
		var own []ID
		for _, id := range ids {
			if w.pending[id].consumer == names[i] {
				own = append(own, id)
			}
		}
		if k.PendingCount() != len(own) {
			p.t.Fatalf("%d pending with %q, want %d", k.PendingCount(), names[i], len(own))
		}
		some := k.AllPending()
		p.comparePending(&some, w, own)
		i++
	}
}

func (p *pairUp) comparePending(set *PendingSet, w *twinGroup, ids []ID) {
	p.t.Helper()
	from := 0
	if len(ids) > 0 {
		from = p.r.IntN(len(ids))
		c := set.Seek(ids[from])
		for _, id := range ids[from:] {
			if !c.Valid() || c.Pending().ID() != id || view(c.Pending()) != w.pending[id] {
				p.t.Fatalf("pending %v is off", id)
			}
			c.Next()
		}
		if c.Valid() {
			p.t.Fatalf("pending %v is more than there should be", c.Pending().ID())
		}
	}
	if last, ok := set.Last(); ok != (len(ids) > 0) || ok && last.ID() != ids[len(ids)-1] {
		p.t.Fatalf("the last pending one is off")
	}
	if err := set.t.Validate(); err != nil {
		p.t.Fatal(err)
	}
}

func view(p Pending) twinPending {
	return twinPending{string(p.Consumer().Name()), p.Time(), p.Count()}
}

// group does something to a group.
func (p *pairUp) group() {
	name := [...]string{"", "g", "group-1", "group-12", "g\x00", "a much longer name of a group"}[p.r.IntN(6)]
	g, ok := p.s.Group([]byte(name))
	w := p.twin.groups[name]
	if ok != (w != nil) {
		p.t.Fatalf("group %q there: %v", name, ok)
	}
	if !ok || p.r.IntN(100) == 0 {
		if p.r.IntN(2) == 0 {
			if destroy(&p.s, []byte(name)) != ok {
				p.t.Fatalf("destroying %q", name)
			}
			delete(p.twin.groups, name)
			return
		}
		id, read := p.someID(), p.r.Int64N(100)-1
		if _, created := p.s.CreateGroup([]byte(name), id, read); created == ok {
			p.t.Fatalf("creating %q", name)
		}
		if !ok {
			p.twin.groups[name] = &twinGroup{id, read, map[string][2]int64{}, map[ID]twinPending{}}
		}
		return
	}
	p.consumer(g, w)
}

// consumer does something to a consumer of a group.
func (p *pairUp) consumer(g Group, w *twinGroup) {
	name := fmt.Sprintf("consumer-%d", p.r.IntN(12))
	c, ok := g.Consumer([]byte(name))
	if _, there := w.consumers[name]; ok != there {
		p.t.Fatalf("consumer %q there: %v", name, ok)
	}
	now := p.r.Int64()
	switch op := p.r.IntN(30); {
	case !ok || op == 0:
		if _, created := g.CreateConsumer([]byte(name), now); created == ok {
			p.t.Fatalf("creating %q", name)
		}
		if !ok {
			w.consumers[name] = [2]int64{now, NeverActive}
		}
	case op == 1:
		want := 0
		for id, q := range w.pending {
			if q.consumer == name {
				want++
				delete(w.pending, id)
			}
		}
		if n, _ := g.DeleteConsumer([]byte(name)); n != want {
			p.t.Fatalf("%d pending with %q, want %d", n, name, want)
		}
		delete(w.consumers, name)
	case op == 2:
		g.SetLast(p.twin.last, now)
		w.last, w.read = p.twin.last, now
		c.SetSeen(1)
		c.SetActive(now)
		w.consumers[name] = [2]int64{1, now}
	case op < 6:
		id := p.someID()
		_, there := w.pending[id]
		q, held := g.Hold(id, now, 3)
		if held == there {
			p.t.Fatalf("holding %v: %v", id, held)
		}
		if held {
			g.Assign(q, c)
			w.pending[id] = twinPending{name, now, 3}
		}
	case op < 20:
		id := p.someID()
		g.Give(id, c, now, 7)
		w.pending[id] = twinPending{name, now, 7}
	case op < 25:
		p.assign(g, c, w)
	default:
		p.ack(g, c, w)
	}
}

func (p *pairUp) assign(g Group, c Consumer, w *twinGroup) {
	id := p.someID()
	q, ok := g.Pending(id)
	have, want := w.pending[id]
	if ok != want || ok && view(q) != have {
		p.t.Fatalf("pending %v there: %v", id, ok)
	}
	if own, mine := c.Pending(id); mine != (want && have.consumer == string(c.Name())) || mine && own != q {
		p.t.Fatalf("pending %v with %q: %v", id, c.Name(), mine)
	}
	if !ok {
		return
	}
	g.Assign(q, c)
	q.Set(5, have.count+1)
	w.pending[id] = twinPending{string(c.Name()), 5, have.count + 1}
}

// ack removes what is pending from some id on.
func (p *pairUp) ack(g Group, c Consumer, w *twinGroup) {
	id := p.someID()
	for range 3 {
		_, want := w.pending[id]
		if g.Ack(id) != want {
			p.t.Fatalf("ack of %v, want %v", id, want)
		}
		delete(w.pending, id)
		set := c.AllPending()
		at := set.Seek(id)
		if !at.Valid() {
			return
		}
		id = at.Pending().ID()
	}
}

// Commands on what is there already allocate nothing on Go's heap.
func TestNothingIsAllocated(t *testing.T) {
	a := mem.NewArena()
	defer a.Close()
	rec := New(a, []byte("key"), 0)
	var buf []byte
	pairs := pairsOf([]string{"sensor", "1234", "temperature", "19.8"})
	at, now, name, other := ID{1, 0}, int64(5), []byte("workers"), []byte("alice")
	lim := Limits{Bytes: 4096, Entries: 100}
	round := func() {
		var s Stream
		s.Open(rec, &buf)
		g, _ := s.CreateGroup(name, ID{}, 0)
		c, _ := g.CreateConsumer(other, now)
		for range 150 {
			at.Seq++
			s.Append(at, pairs, lim)
			g.Give(at, c, now, 1)
		}
		for c := s.Seek(ID{1, 1}); c.Valid(); c.Next() {
			for range c.Fields() {
				c.Pair()
			}
		}
		history := s.Counters()
		history.Lag(g.Last(), g.Read())
		all := g.AllPending()
		for p := all.Seek(ID{}); p.Valid(); p.Next() {
			p.Pending().Set(now, 2)
		}
		g.Ack(at)
		s.Delete(at)
		s.Trim(Trimming{MaxLen: 20})
		g.DeleteConsumer(other)
		destroy(&s, name)
	}
	round()
	if n := testing.AllocsPerRun(20, round); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAppend(b *testing.B) {
	a := mem.NewArena()
	defer a.Close()
	rec := New(a, []byte("k"), 0)
	var buf []byte
	lim := Limits{Bytes: 4096, Entries: 100}
	pairs := pairsOf([]string{"field1", "", "field2", ""})
	at := ID{1700000000000, 0}
	add := func(i int) {
		if i%20 == 0 {
			at = ID{at.Ms + 1, 0}
		} else {
			at.Seq++
		}
		pairs[1] = fmt.Appendf(pairs[1][:0], "value-%d", i)
		pairs[3] = fmt.Appendf(pairs[3][:0], "%d", i)
		var s Stream
		s.Open(rec, &buf)
		s.Append(at, pairs, lim)
	}
	const n = 1_000_000
	for i := range n {
		add(i)
	}
	used := float64(a.UsedBytes())
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i++
		add(i)
	}
	b.ReportMetric(used/n, "B/entry")
}

// A step of freeing a stream may give back only so much, whatever hangs on it:
// entries, groups or what is pending.
func TestFreedInSlices(t *testing.T) {
	a := mem.NewArena()
	defer a.Close()
	rec := New(a, []byte("key"), 0)
	var buf []byte
	var s Stream
	s.Open(rec, &buf)
	pairs := pairsOf([]string{"field", strings.Repeat("x", 100)})
	g, _ := s.CreateGroup([]byte("g"), ID{}, 0)
	var consumers [3]Consumer
	for i := range consumers {
		consumers[i], _ = g.CreateConsumer(fmt.Appendf(nil, "c%d", i), 1)
	}
	for i := range uint64(20_000) {
		s.Append(ID{i + 1, 0}, pairs, Limits{Bytes: 4096, Entries: 100})
		g.Give(ID{i + 1, 0}, consumers[i%3], 1, 1)
	}
	for i := range 300 {
		s.CreateGroup(fmt.Appendf(nil, "group-%d", i), ID{}, 0)
	}
	if cost := object.FreeCost(rec); cost < 20_000 {
		t.Errorf("freeing costs %d", cost)
	}
	const budget = 2
	most := int64(budget+1) * 64 * (4096 + 512) // entries of as many leaves
	steps := 0
	for done := false; !done; steps++ {
		before := a.UsedBytes()
		done = object.FreeSome(rec, budget)
		if freed := before - a.UsedBytes(); freed > most {
			t.Fatalf("step %d freed %d bytes", steps, freed)
		}
	}
	if steps < 300 || a.UsedBytes() != 0 {
		t.Fatalf("%d steps, %d bytes left", steps, a.UsedBytes())
	}
}

// destroy destroys a group and frees what is left of it.
func destroy(s *Stream, name []byte) bool {
	rest := s.DestroyGroup(name)
	if rest != 0 {
		object.Free(rest)
	}
	return rest != 0
}
