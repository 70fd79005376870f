package keyspace

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"

	"kvorum/mem"
	"kvorum/object"
)

// What could break: a walk that misses a key of the cut, gives one twice, gives one
// that came later, or gives a value or a due time other than that of the cut. The model
// is a copy of all data made at the cut; random writers of all kinds run between the
// steps of the walk.

// taken is a keeper that remembers.
type taken struct {
	mu   sync.Mutex
	keys map[string]string
	err  error
}

func newTaken() *taken { return &taken{keys: make(map[string]string)} }

func describe(db int, rec mem.Handle) (name, value string) {
	var digits [24]byte
	return fmt.Sprintf("%d/%s", db, object.Key(rec)), fmt.Sprintf("%d %q", object.Due(rec), object.StringView(rec, digits[:]))
}

// Key implements Keeper.
func (k *taken) Key(_, db int, rec mem.Handle, _ bool) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	name, value := describe(db, rec)
	if old, ok := k.keys[name]; ok && k.err == nil {
		k.err = fmt.Errorf("%s taken twice: %s and %s", name, old, value)
	}
	k.keys[name] = value
	return object.RecordSize(rec)
}

// The scribe makes strings only.

// Head implements Keeper.
func (k *taken) Head(int, mem.Handle, int) (head, tail []byte) { panic("a string in parts") }

// Open implements Keeper.
func (k *taken) Open(int, []byte) {}

// Close implements Keeper.
func (k *taken) Close([]byte) {}

// Element implements Keeper.
func (k *taken) Element(object.Type, bool, mem.Handle) int { return 0 }

// Node implements Keeper.
func (k *taken) Node(object.Type, mem.Handle) int { return 0 }

// differs compares what was taken with what there was at the cut.
func (k *taken) differs(want map[string]string) error {
	if k.err != nil {
		return k.err
	}
	for name, value := range want {
		if got, ok := k.keys[name]; !ok {
			return fmt.Errorf("%s = %s is missing", name, value)
		} else if got != value {
			return fmt.Errorf("%s is %s, was %s", name, got, value)
		}
	}
	if len(k.keys) != len(want) {
		return fmt.Errorf("%d keys taken, there were %d", len(k.keys), len(want))
	}
	return nil
}

// contents copies all data.
func contents(ks *Keyspace) map[string]string {
	out := make(map[string]string)
	for _, db := range ks.dbs {
		for shard := range ShardCount {
			db.ScanShard(shard, func(e Entry) {
				name, value := describe(db.index, e.Rec)
				out[name] = value
			})
		}
	}
	return out
}

// scribe changes a keyspace at random.
type scribe struct {
	ks     *Keyspace
	r      *rand.Rand
	names  int
	global bool // SWAPDB and FLUSHDB, too
}

func (s *scribe) key() Key { return s.ks.Key([]byte("key:" + strconv.Itoa(s.r.IntN(s.names)))) }

func (s *scribe) value() []byte {
	switch s.r.IntN(4) {
	case 0:
		return strconv.AppendInt(nil, s.r.Int64N(1000), 10)
	case 1:
		return make([]byte, 1000+s.r.IntN(200))
	}
	b := make([]byte, s.r.IntN(60))
	for i := range b {
		b[i] = byte('a' + s.r.IntN(26))
	}
	return b
}

func (s *scribe) step() {
	db := s.ks.DB(s.r.IntN(len(s.ks.dbs)))
	k := s.key()
	e := db.Find(k)
	due := TTL(1000 + s.r.Int64N(1000))
	switch n := s.r.IntN(20); {
	case n < 6:
		ttl := []TTL{NoTTL, KeepTTL, due}[s.r.IntN(3)]
		db.SetString(k, e, s.value(), ttl, 0)
	case n == 6:
		db.SetInt(k, e, int64(s.r.IntN(100)), KeepTTL, 0)
	case !e.OK():
		db.Create(k, s.r.IntN(50), 0)
	case n < 10:
		db.Delete(k, e)
	case n == 10:
		db.SetExpire(k, e, int64(due))
	case n == 11:
		db.Persist(k, e)
	case n == 12:
		e = db.Resize(k, e, object.StringLen(e.Rec)+s.r.IntN(2000))
		for i, b := range object.WritableString(e.Rec) {
			object.WritableString(e.Rec)[i] = b + 1
		}
	case n == 13:
		db.Publish(k, e, db.Draft(k, e, []byte("drafted"), 20, 0))
	case n == 14 && s.global && s.r.IntN(40) == 0:
		s.ks.SwapDB(s.r.IntN(len(s.ks.dbs)), s.r.IntN(len(s.ks.dbs)), 0)
	case n == 15 && s.global && s.r.IntN(80) == 0:
		db.Flush()
	default:
		to, dst := s.ks.DB(s.r.IntN(len(s.ks.dbs))), s.key()
		if !s.global {
			to = db
		}
		if to.Find(dst).OK() {
			return
		}
		if s.r.IntN(2) == 0 {
			db.Rename(k, e, to, dst, 0)
		} else {
			to.Copy(e, dst, 0)
		}
	}
}

func TestWalkGivesEveryKeyOfTheCutOnce(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for round := range uint64(5) {
		if err := walkRound(rand.New(rand.NewPCG(seed, round)), false); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
	}
}

// TestWalkWithoutPreserveIsWrong shows that the test above would notice.
func TestWalkWithoutPreserveIsWrong(t *testing.T) {
	for round := range uint64(5) {
		if walkRound(rand.New(rand.NewPCG(1, round)), true) != nil {
			return
		}
	}
	t.Fatal("writers that preserve nothing went unnoticed")
}

// started is a walk with what it should give.
type started struct {
	w    *Walk
	got  *taken
	want map[string]string
	drop bool // it is given up
}

func walkRound(r *rand.Rand, sabotage bool) error {
	ks := New(3)
	defer ks.Close()
	s := &scribe{ks: ks, r: r, names: 50 << r.IntN(5), global: true}
	for range s.names * 3 {
		s.step()
	}
	var running []started
	for begun := 0; begun < 6 || len(running) > 0; {
		for range r.IntN(40) {
			s.step()
		}
		if begun < 6 && r.IntN(10) == 0 {
			one := started{got: newTaken(), want: contents(ks), drop: r.IntN(5) == 0}
			var err error
			if one.w, err = ks.BeginWalk(one.got); err == nil {
				begun++
				running = append(running, one)
			}
			if sabotage {
				for _, db := range ks.dbs {
					db.walks.Store(0)
				}
			}
		}
		for i := 0; i < len(running); i++ {
			one := running[i]
			if one.drop && r.IntN(20) == 0 {
				one.w.Cancel()
			}
			one.w.Step(r.IntN(8 << 10))
			ks.Reclaim(r.IntN(100))
			if !one.w.Ended() {
				continue
			}
			if !one.drop {
				if err := one.got.differs(one.want); err != nil {
					return err
				}
			}
			running = append(running[:i], running[i+1:]...)
			i--
		}
	}
	for ks.Reclaim(1000) {
	}
	if ks.PendingObjects() != 0 {
		return fmt.Errorf("%d objects are left to be freed", ks.PendingObjects())
	}
	return ks.MemCheck()
}

// A database that had keys at the cut, and has none any more, may be replaced by one
// that the walk has nothing to do with: no flag is left there, which the next walk would
// take for its own.
func TestAdoptInPlaceOfEmptied(t *testing.T) {
	w := newWorld(t, 1)
	w.set(0, "old", "v", NoTTL)
	first, err := w.ks.BeginWalk(newTaken())
	if err != nil {
		t.Fatal(err)
	}
	db, k := w.ks.DB(0), w.ks.Key([]byte("old"))
	w.locked([]Key{k}, func() { db.Delete(k, db.Find(k)) })
	w.ks.Adopt(w.ks.NewDetached(), w.now)
	w.set(0, "new", "v", NoTTL)
	walkAll(first)
	got, want := newTaken(), contents(w.ks)
	second, err := w.ks.BeginWalk(got)
	if err != nil {
		t.Fatal(err)
	}
	walkAll(second)
	if err := got.differs(want); err != nil {
		t.Fatal(err)
	}
	if err := w.ks.MemCheck(); err != nil {
		t.Fatal(err)
	}
}

func walkAll(w *Walk) {
	for more := true; more; {
		_, more = w.Step(1 << 20)
	}
}
