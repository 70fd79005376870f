package keyspace

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"kvorum/ds/wheel"
	"kvorum/object"
	"kvorum/object/hash"
)

// timedHashes are hashes, some of whose fields have a TTL, by key and field.
type timedHashes struct {
	collections
	t   *testing.T
	due []map[int]int64
}

func (c *timedHashes) set(i, n int, due int64) {
	db := c.ks.DB(0)
	h, _ := c.open(db, i)
	h.Set(name(i, n), content(i, n), c.limits, &c.buf)
	h.SetDue(name(i, n), due, &c.buf)
	k := c.ks.Key(fmt.Appendf(nil, "hash%d", i))
	db.ScheduleFields(k, db.Find(k).Rec)
	c.due[i][n] = due
}

func (c *timedHashes) remove(i, n int) {
	h, _ := c.open(c.ks.DB(0), i)
	h.Delete(name(i, n))
	delete(c.due[i], n)
}

func (c *timedHashes) verify() {
	c.t.Helper()
	if err := c.ks.MemCheck(); err != nil {
		c.t.Fatal(err)
	}
	var scratch [24]byte
	for i, fields := range c.due {
		h, _ := c.open(c.ks.DB(0), i)
		if err := h.Validate(); err != nil {
			c.t.Fatal(err)
		}
		if h.Len() != len(fields) {
			c.t.Fatalf("%d fields, want %d", h.Len(), len(fields))
		}
		for n, due := range fields {
			v, ok := h.Get(name(i, n), scratch[:])
			if have, _ := h.Due(name(i, n)); !ok || have != due || !bytes.Equal(v, content(i, n)) {
				c.t.Fatalf("field %d of %d: %q due %d, want %d", n, i, v, have, due)
			}
		}
	}
}

// TestCompactionMovesTimedHashes: tree and table of a hash with TTLs on fields refer
// to the same elements when those have moved, also if commands come in between.
func TestCompactionMovesTimedHashes(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	c := &timedHashes{t: t}
	c.ks, c.limits = New(1), hash.Limits{Entries: 20, Value: 64}
	defer c.ks.Close()
	const hashes = 60
	for i := range hashes + 1 {
		size := 1 + r.IntN(40)
		if i == hashes {
			size = largeValue
		}
		c.sizes, c.due = append(c.sizes, size), append(c.due, map[int]int64{})
		for n := range size * grownSize {
			c.set(i, n, int64(r.IntN(2))*int64(1+r.IntN(1000)))
		}
		for n := size; n < size*grownSize; n++ {
			c.remove(i, n)
		}
	}
	c.verify()
	steps := 0
	c.compact(func() {
		if steps++; steps > stepsMixed {
			return
		}
		i := r.IntN(len(c.due))
		for range 5 {
			n := r.IntN(c.sizes[i] * 2)
			if c.remove(i, n); r.IntN(3) > 0 {
				c.set(i, n, int64(r.IntN(1000)))
			}
		}
	}, func(time.Duration) {})
	if c.ks.CompactedBytes() == 0 {
		t.Error("nothing was moved")
	}
	c.verify()
}

// TestRefreshedFieldsNeedNoTickets: a session whose field is set and gets a TTL at
// each request keeps one ticket, and so does one whose field expires ever later.
func TestRefreshedFieldsNeedNoTickets(t *testing.T) {
	ks := New(1)
	defer ks.Close()
	db := ks.DB(0)
	k := ks.Key([]byte("session"))
	e := db.Add(k, hash.New(db.ArenaOf(k), k.Bytes, 0))
	var buf []byte
	for i := range 1000 {
		h := hash.Open(e.Rec)
		h.Set([]byte("field"), []byte("value"), hash.Limits{Entries: 10, Value: 10}, &buf)
		if i%3 > 0 {
			h.SetDue([]byte("field"), int64(100_000+i), &buf)
			db.ScheduleFields(k, e.Rec)
		}
	}
	if n := db.Tickets(); n != 1 {
		t.Errorf("%d tickets", n)
	}
	if n := db.TimedLen(); n != 1 {
		t.Errorf("%d timed hashes", n)
	}
	db.SetString(k, e, []byte("no hash"), NoTTL, 0)
	if n := db.TimedLen(); n != 0 {
		t.Errorf("%d timed hashes after one was replaced", n)
	}
	if err := ks.MemCheck(); err != nil {
		t.Error(err)
	}
}

// TestSweepSparesFieldTickets: tickets of hashes that are gone are dropped, one that
// fields count on is not, and is not looked at again for nothing.
func TestSweepSparesFieldTickets(t *testing.T) {
	const keys = 2000
	ks := New(1)
	defer ks.Close()
	db := ks.DB(0)
	var buf []byte
	for i := range keys {
		k := ks.Key(fmt.Append(nil, i))
		rec := hash.New(db.ArenaOf(k), k.Bytes, 0)
		h := hash.Open(rec)
		h.Set([]byte("field"), []byte("value"), hash.Limits{Entries: 10, Value: 10}, &buf)
		h.SetDue([]byte("field"), 1_000_000, &buf)
		if e := db.Add(k, rec); i%10 > 0 {
			db.Delete(k, e)
		}
	}
	for g := range GroupCount {
		for range keys {
			if !db.SweepBeyond(g, 64, 0) {
				break
			}
		}
	}
	if n := db.Tickets(); n < keys/10 || n > 2*keys/10+GroupCount {
		t.Errorf("%d tickets, %d hashes", n, db.TimedLen())
	}
	fired := 0
	db.fireAll(2_000_000, func(k Key, e Entry, due Due) {
		if due == FieldsDue && object.Load(e.Rec).Timed() {
			fired++
			db.Delete(k, e)
		}
	})
	if fired != keys/10 || db.Len() != 0 {
		t.Errorf("%d fired, %d left", fired, db.Len())
	}
	if err := ks.MemCheck(); err != nil {
		t.Error(err)
	}
}

// fireAll fires all tickets that are due.
func (db *DB) fireAll(nowMs int64, fn func(Key, Entry, Due)) {
	var tickets [32]wheel.Ticket
	for g := range GroupCount {
		for n, lag := db.Due(g, nowMs, tickets[:]); n > 0 || lag > 0; n, lag = db.Due(g, nowMs, tickets[:]) {
			for _, ticket := range tickets[:n] {
				e, k, due := db.Fire(ticket, nowMs)
				fn(k, e, due)
			}
		}
	}
}
