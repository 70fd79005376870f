package rdb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"kvorum/checksum"
	"kvorum/ds/listpack"
	"kvorum/mem"
	"kvorum/object"
	"kvorum/object/hash"
	"kvorum/object/list"
	"kvorum/object/set"
	"kvorum/object/stream"
	"kvorum/object/zset"
)

var testLimits = Limits{
	Hash: hash.Limits{Entries: 8, Value: 16}, List: list.Limits{Bytes: 8 << 10, Depth: 1},
	Set: set.Limits{Integers: 8, Entries: 8, Value: 16}, ZSet: zset.Limits{Entries: 8, Value: 16},
}

const testNow = 1_700_000_000_000

// world is an arena that has to be empty at the end of the test.
type world struct {
	t   testing.TB
	a   *mem.Arena
	buf []byte
	b   Builder
	fin Finisher
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, a: mem.NewArena(), b: Builder{Limits: testLimits, NowMs: testNow}}
	t.Cleanup(func() {
		w.empty()
		w.a.Close()
	})
	return w
}

// empty fails if blocks are left.
func (w *world) empty() {
	w.t.Helper()
	st := w.a.Stats()
	for kind, n := range st.Used {
		if n != 0 {
			w.t.Fatalf("%d bytes of kind %d are left", n, kind)
		}
	}
}

// text prints a value: equal for equal values, whatever their encodings.
func (w *world) text(rec mem.Handle) string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	switch object.Load(rec).Type() {
	case object.String:
		var d [24]byte
		add("%q", object.StringView(rec, d[:]))
	case object.Hash:
		h := hash.Open(rec)
		var it hash.Iter
		for it.Start(&h); it.Next(); {
			add("%q=%q", it.Field(), it.Value())
			if it.Due() != 0 {
				out[len(out)-1] += fmt.Sprint(" until ", it.Due())
			}
		}
		return sortedText(out)
	case object.Set:
		var s set.Set
		s.Open(rec)
		var it set.Iter
		for it.Start(&s); it.Next(); {
			add("%q", it.Member())
		}
		return sortedText(out)
	case object.ZSet:
		var s zset.Set
		s.Open(rec)
		var c zset.Cursor
		for s.At(0, &c); c.Valid(); c.Next() {
			add("%q %v", c.Member(), c.Score())
		}
	case object.List:
		var l list.List
		l.Open(rec, testLimits.List, &w.buf)
		var c list.Cursor
		var d [24]byte
		for l.At(0, &c); c.Valid(); c.Next() {
			add("%q", c.Value().Bytes(d[:]))
		}
	case object.Stream:
		w.stream(rec, add)
	}
	return strings.Join(out, " ")
}

func (w *world) stream(rec mem.Handle, add func(string, ...any)) {
	var s stream.Stream
	s.Open(rec, &w.buf)
	add("%+v", s.Counters())
	for c := s.Seek(stream.ID{}); c.Valid(); c.Next() {
		add("%v", c.ID())
		var d, e [24]byte
		for range c.Fields() {
			f, v := c.Pair()
			add("%q %q", f.Bytes(d[:]), v.Bytes(e[:]))
		}
	}
	groups := s.Groups()
	for g := groups.First(); g.Valid(); g.Next() {
		add("group %q %v %d", g.Group().Name(), g.Group().Last(), g.Group().Read())
		all := g.Group().AllPending()
		for p := all.Seek(stream.ID{}); p.Valid(); p.Next() {
			add("%v %d %d of %q", p.Pending().ID(), p.Pending().Time(), p.Pending().Count(), p.Pending().Consumer().Name())
		}
		consumers := g.Group().Consumers()
		for c := consumers.First(); c.Valid(); c.Next() {
			add("consumer %q seen %d", c.Consumer().Name(), c.Consumer().Seen())
		}
	}
}

// values makes records of all types and encodings.
func (w *world) values() (recs []mem.Handle) {
	key := []byte("key")
	str := func(s string) {
		enc, n := object.StringEncoding([]byte(s))
		h := w.a.Alloc(object.Size(len(key), object.StringPayload(enc, len(s)), false), mem.KindRecord)
		object.WriteString(w.a, h, key, []byte(s), enc, n, 0, false)
		recs = append(recs, h)
	}
	for _, s := range []string{"", "0", "-129", "70000", "-9223372036854775808", "text", strings.Repeat("ab", 800), strings.Repeat("xyz", 30)} {
		str(s)
	}
	for _, n := range []int{1, 7, 9, 300} {
		due := hash.New(w.a, key, 0)
		recs = append(recs, due)
		dv := hash.Open(due)
		h, s, ints, z, l, st := hash.New(w.a, key, 0), set.NewAs(w.a, key, object.EncListpack, 0), set.NewAs(w.a, key, object.EncIntset, 0),
			zset.New(w.a, key, 0), list.New(w.a, key, 0), stream.New(w.a, key, 0)
		recs = append(recs, h, s, ints, z, l, st)
		hv := hash.Open(h)
		var sv, iv set.Set
		var zv zset.Set
		var lv list.List
		var tv stream.Stream
		sv.Open(s)
		iv.Open(ints)
		zv.Open(z)
		lv.Open(l, testLimits.List, &w.buf)
		tv.Open(st, &w.buf)
		for i := range n {
			name := fmt.Appendf(nil, "name %d", i)
			hv.Set(name, fmt.Appendf(nil, "%d", i*i*i), testLimits.Hash, &w.buf)
			dv.Set(name, fmt.Appendf(nil, "%d", i*i*i), testLimits.Hash, &w.buf)
			dv.SetDue(name, max(0, testNow+int64(i%5-1)*40_000_000_000*int64(i%3)), &w.buf)
			if i%4 == 3 {
				dv.SetDue(name, 0, &w.buf)
			}
			sv.Add(name, testLimits.Set, &w.buf)
			iv.Add(fmt.Appendf(nil, "%d", i*i*i), testLimits.Set, &w.buf)
			zv.Put(name, float64(i)/3, testLimits.ZSet, &w.buf)
			lv.AppendPacked(w.one(strings.Repeat("e", i)))
			tv.Append(stream.ID{Ms: uint64(i + 1), Seq: 5}, [][]byte{[]byte("f"), name}, stream.Limits{})
		}
		g, _ := tv.CreateGroup([]byte("g"), stream.ID{Ms: 1, Seq: 5}, 1)
		c, _ := g.CreateConsumer([]byte("c"), testNow)
		g.CreateConsumer([]byte("idle"), testNow+1)
		g.Give(stream.ID{Ms: 1, Seq: 5}, c, testNow, 3)
		if n > 7 {
			tv.Delete(stream.ID{Ms: 4, Seq: 5})
			tv.SetMaxDeleted(stream.ID{Ms: 4, Seq: 5})
		}
	}
	return recs
}

// one returns a listpack of one entry.
func (w *world) one(s string) []byte {
	var p packed
	p.reset()
	p.add(listpack.Of([]byte(s)))
	return p.done()
}

func sortedText(words []string) string {
	slices.Sort(words)
	return strings.Join(words, " ")
}

// TestPayloads has every value come back from its payload in every version.
func TestPayloads(t *testing.T) {
	w := newWorld(t)
	recs := w.values()
	var out, frames []byte
	for version := VersionMin; version <= VersionMax; version++ {
		for _, compress := range []bool{false, true} {
			form := Form{Version: version, NowMs: testNow}
			for i, rec := range recs {
				out, frames = w.fin.AppendDump(out[:0], frames, rec, &form, Options{Compress: compress})
				if !CheckPayload(out, false) {
					t.Fatalf("value %d in version %d: the payload is not right", i, version)
				}
				back, err := w.b.BuildPayload(w.a, []byte("other"), out, 0, false)
				if err != nil {
					t.Fatalf("value %d in version %d: %v", i, version, err)
				}
				want, got := w.text(rec), w.text(back)
				if object.Load(rec).Type() == object.Stream && version < versionListpacks {
					want, got = cutCounters(want), cutCounters(got)
				}
				if want != got {
					t.Fatalf("value %d in version %d\nwas %s\nis  %s", i, version, want, got)
				}
				object.Free(back)
				out[len(out)/2]++
				if CheckPayload(out, false) || !CheckPayload(out, true) {
					t.Fatal("a wrong check sum is right, or trusted not")
				}
			}
		}
	}
	for _, rec := range recs {
		object.Free(rec)
	}
}

// cutCounters leaves out what old forms of streams do not have.
func cutCounters(text string) string {
	_, rest, _ := strings.Cut(text, "} ")
	before, _, _ := strings.Cut(rest, "group")
	return before
}

// file returns a file with the records under the keys key:0 and so on.
func (w *world) file(recs []mem.Handle, sum bool) []byte {
	form := Form{Version: VersionDefault, NowMs: testNow, Track: TrackIdle}
	out := AppendHead(nil, form.Version)
	out = w.fin.AppendAux(out, "redis-ver", "7.2.4")
	out = AppendDB(out, 3, int64(len(recs)), 0)
	for i, rec := range recs {
		named := object.Clone(w.a, rec, fmt.Appendf(nil, "key:%d", i), false, true)
		out = w.fin.Finish(out, form.StageKey(nil, named), Options{Compress: true})
		mem.Free(named, mem.KindRecord)
	}
	out = w.fin.AppendFunction(out, []byte("#!lua name=x"), Options{})
	out = AppendEnd(out)
	if sum {
		return AppendSum(out, checksum.CRC64(0, out))
	}
	return AppendSum(out, 0)
}

// TestFile reads a file in pieces of every size, and with a wrong byte.
func TestFile(t *testing.T) {
	w := newWorld(t)
	recs := w.values()
	whole := w.file(recs, true)
	for _, src := range []*Scanner{
		NewScanner(bytes.NewReader(whole), true),
		NewScanner(iotest.OneByteReader(bytes.NewReader(whole)), true),
		NewScanner(bytes.NewReader(w.file(recs, false)), true),
	} {
		if n := w.read(src, recs); n != len(recs) {
			t.Fatalf("%d keys of %d", n, len(recs))
		}
	}
	for _, at := range []int{0, 5, 20, len(whole) / 2, len(whole) - 1} {
		bad := bytes.Clone(whole)
		bad[at] ^= 0x40
		if err := drain(NewScanner(bytes.NewReader(bad), true)); err == nil {
			t.Errorf("a wrong byte at %d is not noticed", at)
		}
		if err := drain(NewScanner(bytes.NewReader(whole[:at]), true)); !errors.Is(err, ErrTruncated) {
			t.Errorf("cut at %d: %v", at, err)
		}
	}
	for _, rec := range recs {
		object.Free(rec)
	}
}

func drain(s *Scanner) error {
	for {
		it, err := s.Next()
		if err != nil {
			return err
		}
		if it.Kind == KindEnd {
			return nil
		}
		if it.Large() {
			if err := s.PassLarge(it); err != nil {
				return err
			}
		}
	}
}

// read builds all keys and compares them.
func (w *world) read(s *Scanner, recs []mem.Handle) (n int) {
	w.t.Helper()
	for {
		it, err := s.Next()
		if err != nil {
			w.t.Fatal(err)
		}
		if it.Kind == KindEnd {
			return n
		}
		if it.Kind != KindKey {
			continue
		}
		if it.DB != 3 || string(it.Key) != fmt.Sprintf("key:%d", n) {
			w.t.Fatalf("key %d is %q in %d", n, it.Key, it.DB)
		}
		var back mem.Handle
		if it.Large() {
			back, err = w.b.BuildLarge(s, w.a, it, 0)
		} else {
			back, err = w.b.Build(w.a, it, 0)
		}
		if err != nil {
			w.t.Fatal(err)
		}
		if want, got := w.text(recs[n]), w.text(back); want != got {
			w.t.Fatalf("key %d\nwas %s\nis  %s", n, want, got)
		}
		object.Free(back)
		n++
	}
}

// TestLarge reads values that are larger than what is handed over.
func TestLarge(t *testing.T) {
	w := newWorld(t)
	h := hash.New(w.a, []byte("h"), 0)
	v := hash.Open(h)
	value := strings.Repeat("v", 200)
	for i := range 25_000 {
		v.Set(fmt.Appendf(nil, "%d", i), fmt.Appendf(nil, "%s%d", value, i), testLimits.Hash, &w.buf)
	}
	out := AppendDB(AppendHead(nil, VersionDefault), 3, 2, 0)
	form := Form{Version: VersionDefault}
	for _, k := range []string{"key:0", "key:1"} {
		named := object.Clone(w.a, h, []byte(k), false, true)
		out = w.fin.Finish(out, form.StageKey(nil, named), Options{})
		mem.Free(named, mem.KindRecord)
	}
	out = AppendEnd(out)
	out = AppendSum(out, checksum.CRC64(0, out))
	if n := w.read(NewScanner(bytes.NewReader(out), true), []mem.Handle{h, h}); n != 2 {
		t.Fatalf("%d keys", n)
	}
	if err := drain(NewScanner(bytes.NewReader(out), true)); err != nil {
		t.Fatal(err)
	}
	object.Free(h)
}

// TestParts stages a hash in parts.
func TestParts(t *testing.T) {
	w := newWorld(t)
	recs := w.values()
	form := Form{Version: VersionDefault}
	for _, rec := range recs {
		d := object.Load(rec)
		if !Split(rec) {
			continue
		}
		var staged []byte
		switch d.Type() {
		case object.Stream:
			var s stream.Stream
			s.Open(rec, &w.buf)
			staged = form.StageHead(nil, rec, 0, s.NodeCount())
			for c := s.Nodes(stream.ID{}); c.Valid(); c.Next() {
				staged = form.StageStreamNode(staged, c)
			}
			staged = form.StageStreamTail(staged, rec)
		case object.List:
			cut := object.BeginCut(rec, 0)
			staged = form.StageHead(nil, rec, object.FreeCost(rec), object.CutNodes(cut))
			object.ReadNodes(cut, func(node mem.Handle, _ bool) bool {
				staged = form.StageNode(staged, object.List, node)
				return true
			})
			object.EndCut(cut, true)
		default:
			staged = form.StageHead(nil, rec, object.FreeCost(rec), 0)
			object.Blocks(rec, func(mem.Handle) {})
			staged = w.elements(&form, staged, rec)
		}
		got, want := w.fin.Finish(nil, staged, Options{}), w.fin.Finish(nil, form.StageKey(nil, rec), Options{})
		if d.Timed() { // due times are told relative to another
			w.sameValue(rec, got)
		} else if len(got) != len(want) {
			t.Errorf("%v in parts has %d bytes, not %d", d.Type().Name(), len(got), len(want))
		}
	}
	for _, rec := range recs {
		object.Free(rec)
	}
}

// sameValue reads the bytes of one key and compares its value with that of a record.
func (w *world) sameValue(rec mem.Handle, key []byte) {
	out := append(AppendDB(AppendHead(nil, VersionTimed), 0, 1, 0), key...)
	s := NewScanner(bytes.NewReader(AppendSum(AppendEnd(out), 0)), true)
	for {
		it, err := s.Next()
		if err != nil {
			w.t.Fatal(err)
		}
		if it.Kind != KindKey {
			continue
		}
		back, err := w.b.Build(w.a, it, 0)
		if err != nil {
			w.t.Fatal(err)
		}
		if want, got := w.text(rec), w.text(back); want != got {
			w.t.Fatalf("was %s\nis  %s", want, got)
		}
		object.Free(back)
		return
	}
}

// elements stages fields and members through the iterators.
func (w *world) elements(form *Form, staged []byte, rec mem.Handle) []byte {
	timed := object.Load(rec).Timed()
	switch object.Load(rec).Type() {
	case object.Hash:
		h := hash.Open(rec)
		var it hash.Iter
		for it.Start(&h); it.Next(); {
			e := object.NewField(w.a, it.Field(), it.Value())
			if it.Due() != 0 {
				object.FreeElement(e)
				e = object.NewTimedField(w.a, it.Field(), it.Value(), it.Due())
			}
			staged = form.StageElement(staged, object.Hash, timed, e)
			object.FreeElement(e)
		}
	case object.Set:
		var s set.Set
		s.Open(rec)
		var it set.Iter
		for it.Start(&s); it.Next(); {
			e := object.NewElement(w.a, it.Member())
			staged = form.StageElement(staged, object.Set, timed, e)
			object.FreeElement(e)
		}
	default:
		var s zset.Set
		s.Open(rec)
		var c zset.Cursor
		for s.At(0, &c); c.Valid(); c.Next() {
			e := object.NewMember(w.a, c.Member(), c.Score())
			staged = form.StageElement(staged, object.ZSet, timed, e)
			object.FreeElement(e)
		}
	}
	return staged
}

// TestAccess carries idle times and frequencies.
func TestAccess(t *testing.T) {
	form := Form{NowMs: testNow, DecayMinutes: 1}
	clock := uint32(testNow/1000) & accessMask
	if got := idleSeconds((clock-77)<<eighthBits|7, testNow); got != 77 {
		t.Errorf("idle %d", got)
	}
	minute := uint32(testNow/60000) & minuteMask
	if got := form.frequency((minute-3)<<8 | 9); got != 6 {
		t.Errorf("frequency %d", got)
	}
	if got := accessOf(1, false, -1, 77, testNow); got != (clock-77)&accessMask<<eighthBits {
		t.Errorf("access %#x", got)
	}
	if got := accessOf(1, true, 9, -1, testNow); got != minute<<8|9 {
		t.Errorf("access %#x", got)
	}
	if got := accessOf(1, true, -1, 5, testNow); got != 1 {
		t.Errorf("access %#x", got)
	}
}

// TestBadPayloads are refused with nothing left behind.
func TestBadPayloads(t *testing.T) {
	w := newWorld(t)
	lp := func(words ...string) string {
		var p packed
		p.reset()
		for _, word := range words {
			p.add(listpack.Of([]byte(word)))
		}
		return sized(string(p.done()))
	}
	word := func(f float64) string {
		return string(binary.LittleEndian.AppendUint64(nil, math.Float64bits(f)))
	}
	for name, body := range map[string]string{
		"nothing":              "",
		"type":                 "\x08",
		"more":                 "\x00\x01ab",
		"short":                "\x00\x05ab",
		"huge":                 "\x00\x81\x00\x00\x00\xff\xff\xff\xff\xff",
		"lzf":                  "\x00\xc3\x02\x40\xff\x00\x00",
		"lzf length":           "\x00\xc3\x02\x80\x7f\xff\xff\xff\x00a",
		"empty set":            "\x02\x00",
		"same members":         "\x02\x02\x01a\x01a",
		"same integers":        "\x02\x02\xc0\x01\xc0\x01",
		"same fields":          "\x04\x02\x01a\x01b\x01a\x01c",
		"NaN":                  "\x05\x01\x01a" + word(math.NaN()),
		"old NaN":              "\x03\x01\x01a\xfd",
		"no score":             "\x03\x01\x01a\x03abc",
		"odd hash":             "\x10" + lp("a"),
		"same in listpack":     "\x10" + lp("a", "1", "a", "2"),
		"same in set":          "\x14" + lp("a", "a"),
		"score in listpack":    "\x11" + lp("a", "x"),
		"empty hash":           "\x10" + lp(),
		"container":            "\x12\x01\x03" + lp("a"),
		"ziplist":              "\x0a" + lp("a"),
		"intset":               "\x0b" + sized("\x02\x00\x00\x00\x02\x00\x00\x00\x01\x00\x01\x00"),
		"module":               "\x07\x81\x00\x00\x00\x00\x00\x00\x04\x00\x00",
		"stream without nodes": "\x0f\x00\x01\x00\x00\x00",
		"stream's id":          "\x0f\x01\x01a" + lp("1"),
		"pending of nobody":    "\x0f\x00\x00\x01\x01\x01\x01g\x00\x00\x01" + strings.Repeat("\x00", 24) + "\x01\x00",
	} {
		rec, err := w.b.BuildPayload(w.a, []byte("k"), []byte(body+strings.Repeat("\x00", footerSize)), 0, false)
		if err == nil {
			t.Errorf("%s: taken as %s", name, w.text(rec))
			object.Free(rec)
		}
		w.empty()
	}
}

// sized puts a length before a string.
func sized(s string) string { return string(appendLen(nil, uint64(len(s)))) + s }
