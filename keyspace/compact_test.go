package keyspace

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"kvorum/mem"
	"kvorum/object"
	"kvorum/object/hash"
	"kvorum/object/set"
)

// collections is a keyspace of hashes and sets, some large, that shrink.
type collections struct {
	ks     *Keyspace
	limits hash.Limits
	sizes  []int // fields of each hash, members of each set
	buf    []byte
}

const (
	grownSize  = 4 // times as many elements were there at first
	largeValue = 3000
	stepsMixed = 500 // of compaction, with commands in between
)

func name(i, n int) []byte { return fmt.Appendf(nil, "element %d of %d", n, i) }

func content(i, n int) []byte {
	size := 5 + (i+n)%60
	if n%100 == 7 {
		size = 1500 // a blob
	}
	return bytes.Repeat([]byte{byte('a' + n%26)}, size)
}

// fill makes the collections with grownSize times their elements and removes those
// that are too many, so that memory has holes.
func (c *collections) fill() {
	db := c.ks.DB(0)
	for i, size := range c.sizes {
		h, s := c.open(db, i)
		for n := range size * grownSize {
			h.Set(name(i, n), content(i, n), c.limits, &c.buf)
			s.Add(name(i, n), set.Limits{Integers: 10, Entries: c.limits.Entries, Value: c.limits.Value}, &c.buf)
		}
	}
	for i, size := range c.sizes {
		h, s := c.open(db, i)
		for n := size; n < size*grownSize; n++ {
			h.Delete(name(i, n))
			s.Delete(name(i, n))
		}
	}
}

// open returns hash and set number i, which are made if need be.
func (c *collections) open(db *DB, i int) (h hash.Hash, s set.Set) {
	find := func(prefix string, make func(k Key) mem.Handle) mem.Handle {
		k := c.ks.Key(fmt.Appendf(nil, "%s%d", prefix, i))
		e := db.Find(k)
		if !e.OK() {
			e = db.Add(k, make(k))
		}
		return e.Rec
	}
	h = hash.Open(find("hash", func(k Key) mem.Handle { return hash.New(db.ArenaOf(k), k.Bytes, 0) }))
	s.Open(find("set", func(k Key) mem.Handle { return set.NewAs(db.ArenaOf(k), k.Bytes, object.EncListpack, 0) }))
	return h, s
}

func (c *collections) check(t *testing.T) {
	t.Helper()
	if err := c.ks.MemCheck(); err != nil {
		t.Fatal(err)
	}
	var scratch [24]byte
	for i, size := range c.sizes {
		h, s := c.open(c.ks.DB(0), i)
		if h.Len() != size || s.Len() != size {
			t.Fatalf("%d fields and %d members, want %d", h.Len(), s.Len(), size)
		}
		for n := range size {
			if v, ok := h.Get(name(i, n), scratch[:]); !ok || !bytes.Equal(v, content(i, n)) || !s.Has(name(i, n)) {
				t.Fatalf("element %d of %d: %q", n, i, v)
			}
		}
	}
}

// compact makes passes over all groups; between is called after each step, told with
// the time that the step took.
func (c *collections) compact(between func(), told func(step time.Duration)) {
	for range GroupCount {
		if !c.ks.CompactBegin(1) {
			return
		}
		for more := true; more; {
			began := time.Now()
			more = c.ks.CompactStep(64)
			told(time.Since(began))
			between()
		}
	}
}

// TestCompactionMovesCollections: what hangs on a record moves too, in parts if it is
// large, and stays what it is, also if commands come in between.
func TestCompactionMovesCollections(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	c := &collections{ks: New(1), limits: hash.Limits{Entries: 20, Value: 64}}
	defer c.ks.Close()
	for range 60 {
		c.sizes = append(c.sizes, 1+r.IntN(40))
	}
	c.sizes = append(c.sizes, largeValue)
	c.fill()
	c.check(t)
	db := c.ks.DB(0)
	steps := 0
	c.compact(func() {
		if steps++; steps > stepsMixed {
			return
		}
		i := r.IntN(len(c.sizes))
		h, s := c.open(db, i)
		for range 5 { // grows, shrinks and changes what is being moved
			n := r.IntN(c.sizes[i])
			h.Delete(name(i, n))
			s.Delete(name(i, n))
			h.Set(name(i, n), content(i, n+100), c.limits, &c.buf)
			h.Set(name(i, n), content(i, n), c.limits, &c.buf)
			s.Add(name(i, n), set.Limits{Entries: c.limits.Entries, Value: c.limits.Value}, &c.buf)
		}
	}, func(time.Duration) {})
	if c.ks.CompactedBytes() == 0 {
		t.Error("nothing was moved")
	}
	c.check(t)
}

// BenchmarkCompactStep measures what one lock of a shard costs others while a large
// hash and a large set move: 64 buckets of them.
func BenchmarkCompactStep(b *testing.B) {
	c := &collections{ks: New(1), limits: hash.Limits{Entries: 20, Value: 64}, sizes: []int{50_000}}
	defer c.ks.Close()
	var took []time.Duration
	before := int64(0)
	for len(took) < b.N {
		c.fill()
		c.compact(func() {}, func(step time.Duration) {
			if moved := c.ks.CompactedBytes(); moved > before {
				took, before = append(took, step), moved
			}
		})
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds()), "ns/median")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds()), "ns/p99")
	b.ReportMetric(float64(before)/float64(len(took)), "bytes/step")
}
