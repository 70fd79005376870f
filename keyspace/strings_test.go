package keyspace

import (
	"bytes"
	"testing"

	"kvorum/object"
)

// Frequency counters live in the access field: a write that reset it would make
// every overwritten key look new to eviction.
func TestWritesKeepTheAccessField(t *testing.T) {
	ks := New(1)
	t.Cleanup(ks.Close)
	db, k := ks.DB(0), ks.Key([]byte("key"))
	ks.Lock(ShardOf(k.Hash))
	defer ks.Unlock(ShardOf(k.Hash))
	e := db.SetString(k, Entry{}, []byte("value"), NoTTL, 77)
	long := bytes.Repeat([]byte("x"), 3*object.InlineMax)
	for name, write := range map[string]func(Entry) Entry{
		"in place":      func(e Entry) Entry { return db.SetString(k, e, []byte("VALUE"), NoTTL, 1) },
		"larger":        func(e Entry) Entry { return db.SetString(k, e, long[:200], NoTTL, 1) },
		"blob":          func(e Entry) Entry { return db.SetString(k, e, long, NoTTL, 1) },
		"integer":       func(e Entry) Entry { return db.SetInt(k, e, 5, NoTTL, 1) },
		"increment":     func(e Entry) Entry { return db.SetInt(k, e, 6, KeepTTL, 1) },
		"text":          func(e Entry) Entry { return db.SetText(k, e, []byte("7"), KeepTTL, 1) },
		"with TTL":      func(e Entry) Entry { return db.SetString(k, e, []byte("v"), 5_000_000_000_000, 1) },
		"resized":       func(e Entry) Entry { return db.Resize(k, e, 500) },
		"resized, blob": func(e Entry) Entry { return db.Resize(k, e, 5000) },
	} {
		e = write(e)
		if got := object.Load(e.Rec).Access(); got != 77 {
			t.Fatalf("%s: access field %d, want 77", name, got)
		}
		if db.Find(k).Rec != e.Rec {
			t.Fatalf("%s: the entry returned is not the key's", name)
		}
	}
}

// A blob that is overwritten by a value of its size class keeps its blocks; any
// other value gets fresh ones, and either way the value is right.
func TestBlobsAreOverwrittenInPlace(t *testing.T) {
	ks := New(1)
	t.Cleanup(ks.Close)
	db, k := ks.DB(0), ks.Key([]byte("key"))
	ks.Lock(ShardOf(k.Hash))
	defer ks.Unlock(ShardOf(k.Hash))
	value := func(size int, ch byte) []byte { return bytes.Repeat([]byte{ch}, size) }
	e := db.SetString(k, Entry{}, value(4000, 'a'), NoTTL, 1)
	for i, c := range []struct {
		size  int
		ttl   TTL
		stays bool
	}{
		{3999, NoTTL, true},
		{4000, KeepTTL, true},
		{9000, NoTTL, false},
		{object.InlineMax, NoTTL, false},
		{object.InlineMax + 1, NoTTL, false},
		{object.InlineMax + 1, 5_000_000_000_000, false}, // room for the TTL
		{object.InlineMax + 2, 6_000_000_000_000, true},
		{object.InlineMax + 1, NoTTL, true},
	} {
		old := e.Rec
		want := value(c.size, 'b'+byte(i))
		e = db.SetString(k, e, want, c.ttl, 1)
		if got := object.StringView(db.Find(k).Rec, nil); !bytes.Equal(got, want) {
			t.Fatalf("step %d: %d bytes of %q, want %d of %q", i, len(got), got[0], len(want), want[0])
		}
		if (e.Rec == old) != c.stays {
			t.Fatalf("step %d: the record stays: %v, want %v", i, e.Rec == old, c.stays)
		}
	}
}

// A draft is out of sight until it is published; then it takes the key's place
// with its access field and without its TTL, whatever the key held.
func TestDraftsTakeThePlaceOfTheirKey(t *testing.T) {
	ks := New(1)
	t.Cleanup(ks.Close)
	db, k := ks.DB(0), ks.Key([]byte("key"))
	ks.Lock(ShardOf(k.Hash))
	defer ks.Unlock(ShardOf(k.Hash))
	e := Entry{}
	for _, size := range []int{10, object.InlineMax, 5000, 3} {
		if e.OK() {
			e = db.SetExpire(k, e, 5_000_000_000_000)
		}
		before := db.Find(k)
		draft := db.Draft(k, e, []byte("ab"), size, 77)
		copy(object.WritableString(draft)[1:], "XY")
		if db.Find(k) != before {
			t.Fatalf("%d bytes: the draft can be seen", size)
		}
		e = db.Publish(k, e, draft)
		want := append([]byte("aXY"), make([]byte, size-3)...)
		if got := object.StringView(e.Rec, nil); !bytes.Equal(got, want) {
			t.Fatalf("%d bytes: %q", size, got)
		}
		if db.Find(k) != e || e.Due() != -1 || db.VolatileLen() != 0 || db.Len() != 1 {
			t.Fatalf("%d bytes: due %d, %d of %d keys with a TTL", size, e.Due(), db.VolatileLen(), db.Len())
		}
		if d := object.Load(e.Rec); d.Access() != 77 || d.Encoding() != object.EncRaw {
			t.Fatalf("%d bytes: header %#x", size, uint64(d))
		}
		if err := ks.MemCheck(); err != nil {
			t.Fatal(err)
		}
	}
}
