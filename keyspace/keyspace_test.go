package keyspace

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"kvorum/ds/wheel"
	"kvorum/mem"
	"kvorum/object"
)

// What could break: a value, TTL or counter that differs from the model after
// any mix of writes; a ticket that is lost, so that a key outlives its TTL; a
// block that leaks or is freed twice. The model is a map per database; MemCheck
// compares memory both ways.

type modelKey struct {
	value string
	due   int64 // -1: none
}

type world struct {
	t     testing.TB
	ks    *Keyspace
	model []map[string]modelKey
	now   int64
}

func newWorld(t testing.TB, databases int) *world {
	w := &world{t: t, ks: New(databases), now: 1_700_000_000_000}
	t.Cleanup(w.ks.Close)
	w.ks.AdvanceClock(w.now)
	for range databases {
		w.model = append(w.model, make(map[string]modelKey))
	}
	return w
}

func (w *world) locked(keys []Key, fn func()) {
	var shards [ShardCount]bool
	for _, k := range keys {
		shards[ShardOf(k.Hash)] = true
	}
	for i, on := range shards {
		if on {
			w.ks.Lock(i)
		}
	}
	fn()
	for i, on := range shards {
		if on {
			w.ks.Unlock(i)
		}
	}
}

func (w *world) set(db int, name, value string, ttl TTL) {
	d, k := w.ks.DB(db), w.ks.Key([]byte(name))
	w.locked([]Key{k}, func() { d.SetString(k, d.Find(k), []byte(value), ttl, 1) })
	due := int64(-1)
	if ttl == KeepTTL {
		if old, ok := w.model[db][name]; ok {
			due = old.due
		}
	} else if ttl >= 0 {
		due = int64(ttl)
	}
	w.model[db][name] = modelKey{value, due}
}

func (w *world) delete(db int, name string) {
	d, k := w.ks.DB(db), w.ks.Key([]byte(name))
	w.locked([]Key{k}, func() {
		if e := d.Find(k); e.OK() {
			d.Delete(k, e)
		}
	})
	delete(w.model[db], name)
}

func (w *world) resize(db int, name string, size int) {
	d, k := w.ks.DB(db), w.ks.Key([]byte(name))
	m, ok := w.model[db][name]
	w.locked([]Key{k}, func() {
		if e := d.Find(k); e.OK() {
			d.Resize(k, e, size)
		} else {
			d.Create(k, size, 1)
			m.due = -1
		}
	})
	if !ok {
		m.due = -1
	}
	b := make([]byte, size)
	copy(b, m.value)
	w.model[db][name] = modelKey{string(b), m.due}
}

func (w *world) expire(db int, name string, due int64) {
	d, k := w.ks.DB(db), w.ks.Key([]byte(name))
	m, ok := w.model[db][name]
	if !ok {
		return
	}
	w.locked([]Key{k}, func() {
		if e := d.Find(k); due < 0 {
			d.Persist(k, e)
		} else {
			d.SetExpire(k, e, due)
		}
	})
	w.model[db][name] = modelKey{m.value, due}
}

func (w *world) transfer(from int, src string, to int, dst string, move bool) {
	m, ok := w.model[from][src]
	if _, taken := w.model[to][dst]; !ok || taken {
		return
	}
	a, b := w.ks.Key([]byte(src)), w.ks.Key([]byte(dst))
	w.locked([]Key{a, b}, func() {
		e := w.ks.DB(from).Find(a)
		if move {
			w.ks.DB(from).Rename(a, e, w.ks.DB(to), b, 1)
		} else {
			w.ks.DB(to).Copy(e, b, 1)
		}
	})
	if move {
		delete(w.model[from], src)
	}
	w.model[to][dst] = m
}

// pass lets time go by and fires what is due.
func (w *world) pass(ms int64) {
	w.now += ms
	w.ks.AdvanceClock(w.now)
	var tickets [7]wheel.Ticket
	for i := range w.ks.DBCount() {
		db := w.ks.DB(i)
		for g := range GroupCount {
			for {
				n, _ := db.Due(g, w.now, tickets[:])
				for _, ticket := range tickets[:n] {
					w.ks.Lock(TicketShard(ticket))
					if e, k, due := db.Fire(ticket, w.now); due == KeyDue {
						delete(w.model[i], string(k.Bytes))
						db.Delete(k, e)
					}
					w.ks.Unlock(TicketShard(ticket))
				}
				if n == 0 {
					break
				}
			}
			for db.Sweep(g, 100) {
			}
		}
	}
}

func (w *world) check() {
	w.t.Helper()
	var scratch [24]byte
	for i, model := range w.model {
		db := w.ks.DB(i)
		volatile := int64(0)
		for name, m := range model {
			k := w.ks.Key([]byte(name))
			e := db.Find(k)
			if !e.OK() {
				w.t.Fatalf("db %d: key %q is lost (due %d, now %d)", i, name, m.due, w.now)
			}
			if got := string(object.StringView(e.Rec, scratch[:])); got != m.value {
				w.t.Fatalf("db %d: key %q is %q, want %q", i, name, got, m.value)
			}
			if e.Due() != m.due {
				w.t.Fatalf("db %d: key %q is due at %d, want %d", i, name, e.Due(), m.due)
			}
			// A tick rounds up and the wheel may hold a piece back for one call.
			if m.due >= 0 && w.now > m.due+2*TickMs {
				w.t.Fatalf("db %d: key %q outlived its TTL by %d ms", i, name, w.now-m.due)
			}
			if m.due >= 0 {
				volatile++
			}
		}
		if db.Len() != int64(len(model)) || db.VolatileLen() != volatile {
			w.t.Fatalf("db %d: %d keys, %d volatile; want %d, %d", i, db.Len(), db.VolatileLen(), len(model), volatile)
		}
	}
	if err := w.ks.MemCheck(); err != nil {
		w.t.Fatal(err)
	}
}

// step performs one operation drawn by r.
func (w *world) step(r *rand.Rand) {
	db := r.IntN(len(w.model))
	name := fmt.Sprintf("k%d", r.IntN(400))
	if r.IntN(50) == 0 {
		name += string(make([]byte, 250+r.IntN(20))) // around the short key's limit
	}
	switch r.IntN(16) {
	case 0, 1, 2, 3:
		w.set(db, name, randomValue(r), NoTTL)
	case 4, 5, 6:
		w.set(db, name, randomValue(r), TTL(w.now+1+r.Int64N(200_000)))
	case 7:
		w.set(db, name, randomValue(r), KeepTTL)
	case 8:
		w.delete(db, name)
	case 9, 10:
		w.expire(db, name, w.now+1+r.Int64N(100_000))
	case 11:
		w.expire(db, name, -1)
	case 12:
		w.resize(db, name, r.IntN(1500))
	case 13:
		w.transfer(db, name, r.IntN(len(w.model)), fmt.Sprintf("k%d", r.IntN(400)), true)
	case 14:
		w.transfer(db, name, r.IntN(len(w.model)), fmt.Sprintf("k%d", r.IntN(400)), false)
	case 15:
		w.pass(r.Int64N(3000))
	}
}

func randomValue(r *rand.Rand) string {
	switch r.IntN(4) {
	case 0:
		return fmt.Sprint(r.Int64N(1 << uint(r.IntN(62))))
	case 1:
		return string(make([]byte, r.IntN(50)))
	case 2:
		return fmt.Sprintf("%0*d", 1+r.IntN(1200), 7)
	}
	return fmt.Sprintf("%0*x", 1+r.IntN(9000), r.Uint64())
}

func TestRandomOperationsEqualModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	w := newWorld(t, 3)
	for round := range 30 {
		for range 1000 {
			w.step(r)
		}
		if round%7 == 3 {
			db := r.IntN(3)
			w.ks.DB(db).Flush()
			w.model[db] = make(map[string]modelKey)
		}
		if round%7 == 5 {
			w.ks.SwapDB(0, 2, 0)
			w.model[0], w.model[2] = w.model[2], w.model[0]
		}
		w.pass(100)
		w.check()
	}
	for i := range w.model {
		w.ks.DB(i).Flush()
		w.model[i] = make(map[string]modelKey)
	}
	for w.ks.Reclaim(10) {
	}
	w.check()
	if w.ks.PendingObjects() != 0 {
		t.Errorf("%d objects pending after everything was reclaimed", w.ks.PendingObjects())
	}
	if n := mem.ReadStats(); w.ks.Blocks() != 0 {
		t.Errorf("%d blocks left in an empty keyspace (%v)", w.ks.Blocks(), n)
	}
}

// TestTicketsStayFew repeats the patterns that leave tickets behind.
func TestTicketsStayFew(t *testing.T) {
	patterns := map[string]func(w *world, name string, i int){
		"refresh": func(w *world, name string, i int) { w.set(0, name, "v", TTL(w.now+3_600_000)) },
		"set then expire": func(w *world, name string, i int) {
			w.set(0, name, "v", NoTTL)
			w.expire(0, name, w.now+3_600_000)
		},
		"lock": func(w *world, name string, i int) {
			w.set(0, name, "v", TTL(w.now+3_600_000))
			w.delete(0, name)
		},
		"long and short": func(w *world, name string, i int) {
			w.set(0, name, "v", TTL(w.now+int64(1+i%2)*1_000_000))
		},
	}
	for name, fn := range patterns {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1)
			for i := range 300_000 {
				fn(w, fmt.Sprintf("k%d", i%50), i)
				if i%1000 == 0 {
					w.pass(1)
				}
			}
			w.pass(1)
			w.check()
			if n := w.ks.DB(0).Tickets(); n > GroupCount*(staleMin+200) {
				t.Errorf("%d tickets for 50 keys", n)
			}
		})
	}
}

func TestWatchersLearnOfEveryChange(t *testing.T) {
	w := newWorld(t, 2)
	changes := map[string]func(){
		"set":    func() { w.set(0, "k", "w", NoTTL) },
		"delete": func() { w.delete(0, "k") },
		"expire": func() { w.expire(0, "k", w.now+1000) },
		"resize": func() { w.resize(0, "k", 10) },
		"rename": func() { w.transfer(0, "k", 0, "l", true) },
		"flush":  func() { w.ks.DB(0).Flush(); w.model[0] = map[string]modelKey{} },
		"swap":   func() { w.ks.SwapDB(0, 1, 0); w.model[0], w.model[1] = w.model[1], w.model[0] },
	}
	for name, change := range changes {
		w.ks.DB(0).Flush()
		w.ks.DB(1).Flush()
		w.model[0], w.model[1] = map[string]modelKey{}, map[string]modelKey{}
		w.set(0, "k", "v", NoTTL)
		var on, off Watcher
		k, other := w.ks.Key([]byte("k")), w.ks.Key([]byte("other"))
		w.locked([]Key{k, other}, func() {
			w.ks.DB(0).Watch(k, &on, 0)
			w.ks.DB(0).Watch(k, &on, 0)
			w.ks.DB(1).Watch(other, &off, 0)
			w.ks.DB(0).Watch(other, &off, 0)
		})
		if on.Len() != 1 || off.Len() != 2 {
			t.Fatalf("%d and %d keys watched, want 1 and 2", on.Len(), off.Len())
		}
		change()
		if !on.Dirty() || off.Dirty() {
			t.Errorf("%s: watcher of the key %v, of others %v", name, on.Dirty(), off.Dirty())
		}
		w.ks.Unwatch(&on)
		w.ks.Unwatch(&off)
		w.set(0, "k", "x", NoTTL)
		if on.Dirty() || off.Dirty() {
			t.Errorf("%s: dirty after Unwatch", name)
		}
	}
}

// TestCompactionKeepsTheData deletes most keys and moves the rest together.
// TestExpiryTellsWatchers: the key that a ticket leads to lies in the record
// that is about to be freed, and watchers are found by it.
func TestExpiryTellsWatchers(t *testing.T) {
	ks := New(1)
	defer ks.Close()
	db, k := ks.DB(0), ks.Key([]byte("a key that is longer than any link of a free list"))
	shard := ShardOf(k.Hash)
	var w Watcher
	ks.Lock(shard)
	db.SetString(k, Entry{}, []byte("v"), 1000, 1)
	db.Watch(k, &w, 0)
	ks.Unlock(shard)
	var tickets [4]wheel.Ticket
	n, _ := db.Due(shard&groupMask, 1000+3*TickMs, tickets[:])
	for _, ticket := range tickets[:n] {
		ks.Lock(shard)
		if e, found, due := db.Fire(ticket, 1000+3*TickMs); due == KeyDue {
			db.Delete(found, e)
		}
		ks.Unlock(shard)
	}
	if db.Len() != 0 || !w.Dirty() {
		t.Errorf("%d keys left, watcher dirty: %v", db.Len(), w.Dirty())
	}
	ks.Unwatch(&w)
}

// TestShardAtCountsEveryKey: each number below Len leads to a shard, and to each
// shard as many as it has keys.
func TestShardAtCountsEveryKey(t *testing.T) {
	ks := New(1)
	defer ks.Close()
	db := ks.DB(0)
	for i := range 3000 {
		k := ks.Key(fmt.Appendf(nil, "k%d", i))
		ks.Lock(ShardOf(k.Hash))
		db.SetString(k, Entry{}, []byte("v"), NoTTL, 1)
		ks.Unlock(ShardOf(k.Hash))
	}
	got := make([]int, ShardCount)
	for n := range db.Len() {
		got[db.ShardAt(n)]++
	}
	for shard, n := range got {
		if n != db.ShardLen(shard) {
			t.Errorf("shard %d came %d times for %d keys", shard, n, db.ShardLen(shard))
		}
	}
	if db.ShardAt(db.Len()) != -1 {
		t.Errorf("a key behind the last has shard %d", db.ShardAt(db.Len()))
	}
}

func TestCompactionKeepsTheData(t *testing.T) {
	w := newWorld(t, 2)
	r := rand.New(rand.NewPCG(1, 9))
	for i := range 60_000 {
		w.set(i%2, fmt.Sprintf("key%d", i), fmt.Sprintf("%0*d", 40+r.IntN(2000), i), NoTTL)
	}
	for i := range 60_000 {
		if r.IntN(10) > 0 {
			w.delete(i%2, fmt.Sprintf("key%d", i))
		}
	}
	passes := 0
	for w.ks.CompactBegin(1) {
		for w.ks.CompactStep(50) {
		}
		if passes++; passes > 2*GroupCount {
			break
		}
	}
	if w.ks.CompactedBytes() == 0 {
		t.Error("nothing was moved")
	}
	w.check()
}

// TestWorkersOnSharedShards runs writers, a scanner, expiry, compaction and
// reclaiming together; the race build watches.
func TestWorkersOnSharedShards(t *testing.T) {
	ks := New(2)
	t.Cleanup(ks.Close)
	now := int64(1_700_000_000_000)
	ks.AdvanceClock(now)
	var wg sync.WaitGroup
	for id := range 3 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			r := rand.New(rand.NewPCG(uint64(id), 2))
			for range 4000 {
				k := ks.Key(fmt.Appendf(nil, "k%d", r.IntN(500)))
				db := ks.DB(r.IntN(2))
				ks.Lock(ShardOf(k.Hash))
				switch e := db.Find(k); {
				case r.IntN(3) == 0 && e.OK():
					db.Delete(k, e)
				default:
					db.SetString(k, e, []byte(randomValue(r)), TTL(now+int64(r.IntN(2000))-1), 1)
				}
				ks.Unlock(ShardOf(k.Hash))
			}
		}()
	}
	wg.Add(1)
	go func() {
		defer wg.Done()
		var tickets [16]wheel.Ticket
		for i := range 300 {
			db := ks.DB(i % 2)
			n, _ := db.Due(i%GroupCount, now+1000, tickets[:])
			for _, ticket := range tickets[:n] {
				ks.Lock(TicketShard(ticket))
				if e, k, due := db.Fire(ticket, now+1000); due == KeyDue {
					db.Delete(k, e)
				}
				ks.Unlock(TicketShard(ticket))
			}
			db.Sweep(i%GroupCount, 10)
			if ks.CompactBegin(1) {
				ks.CompactStep(20)
			}
			for c := uint64(0); ; {
				if c, _ = db.Scan(c, false, func(e Entry) { object.Key(e.Rec) }); c == 0 {
					break
				}
			}
		}
	}()
	wg.Wait()
	if err := ks.MemCheck(); err != nil {
		t.Error(err)
	}
}
