package engine_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"kvorum/clock"
	"kvorum/command"
	"kvorum/command/all"
	"kvorum/engine"
	"kvorum/feed"
	"kvorum/keyspace"
)

// What could break: the wrong keys go, too many or too few, a key that a policy
// protects goes, a write stalls or is refused without need, what is evicted is not
// told.

const evictStartMs = 1_700_000_000_000

// cache is an engine with a memory limit on a clock that stands still.
type cache struct {
	*engine.Engine
	t    *testing.T
	hand *clock.Manual
	w    *engine.Worker
	s    *command.Session
	told []string // keyspace events
}

func newCache(t *testing.T) *cache {
	t.Helper()
	table, err := command.NewTable(all.Families()...)
	if err != nil {
		t.Fatal(err)
	}
	c := &cache{t: t, hand: clock.NewManual(evictStartMs)}
	c.Engine = engine.New(keyspace.New(16), table, c.hand.Clock(), engine.Hooks{
		OnEvent: func(_ uint32, event string, key []byte, db int) {
			c.told = append(c.told, fmt.Sprintf("%s %d %s", event, db, key))
		},
	})
	t.Cleanup(func() {
		c.w.Close()
		if err := c.KS.MemCheck(); err != nil {
			t.Error(err)
		}
		c.KS.Close()
	})
	c.w, c.s = c.NewWorker(), c.NewSession(nil)
	return c
}

// limit sets a limit of as much more than is in use.
func (c *cache) limit(policy engine.Policy, more int64) {
	set := *c.Settings()
	set.LFU = nil
	if policy.LFU() {
		set.LFU = &command.LFU{LogFactor: 10, DecayTime: 1}
	}
	set.Memory = engine.MemoryLimit{Max: c.UsedMemory() + more, Policy: policy, Samples: 10, Usec: 500}
	c.Apply(set)
}

func (c *cache) do(line string) string {
	c.t.Helper()
	return strings.TrimSuffix(do(c.w, c.s, line), "\r\n")
}

func (c *cache) want(want, line string) {
	c.t.Helper()
	if have := c.do(line); have != want {
		c.t.Fatalf("%.40s: %q, want %q", line, have, want)
	}
}

// exists returns how many of the keys prefix0 .. are there.
func (c *cache) exists(prefix string, from, to int) (n int) {
	for i := from; i < to; i++ {
		if c.do("EXISTS "+prefix+strconv.Itoa(i)) == ":1" {
			n++
		}
	}
	return n
}

var value1k = strings.Repeat("v", 1000)

func (c *cache) fill(prefix string, from, to int, more string) {
	c.t.Helper()
	for i := from; i < to; i++ {
		c.want("+OK", "SET "+prefix+strconv.Itoa(i)+" "+value1k+more)
	}
}

// fillAged fills under a policy, so that access fields are its own.
func (c *cache) fillAged(policy engine.Policy, prefix string, n int, more string) {
	c.t.Helper()
	c.limit(policy, 1<<40)
	c.fill(prefix, 0, n, more)
}

const evictMany = 3000

func TestLRUKeepsWhatIsUsed(t *testing.T) {
	for _, policy := range []engine.Policy{engine.AllKeysLRU, engine.VolatileLRU} {
		c := newCache(t)
		c.fillAged(policy, "k", evictMany, " EX 100000")
		c.hand.Advance(10_000)
		for i := range evictMany / 3 {
			c.want("$1000\r\n"+value1k, "GET k"+strconv.Itoa(i))
		}
		c.hand.Advance(10_000)
		c.limit(policy, 0)
		c.fill("new", 0, evictMany/3, " EX 100000")
		if used := c.exists("k", 0, evictMany/3); used < evictMany/3*98/100 {
			t.Errorf("policy %d: %d of %d keys used lately are left", policy, used, evictMany/3)
		}
		if idle := c.exists("k", evictMany/3, evictMany); idle < evictMany/3*9/10 || idle > evictMany/3 {
			t.Errorf("policy %d: %d idle keys left, want about %d", policy, idle, evictMany/3)
		}
		if n := c.exists("new", 0, evictMany/3); n != evictMany/3 {
			t.Errorf("policy %d: %d of the new keys are left", policy, n)
		}
	}
}

// Within one second, keys that were used again stay before those that were not.
func TestLRUKeepsWhatIsUsedWithinASecond(t *testing.T) {
	c := newCache(t)
	c.fillAged(engine.AllKeysLRU, "k", evictMany, "")
	c.limit(engine.AllKeysLRU, 0)
	for i := range evictMany / 3 {
		for j := range 10 {
			c.do("GET k" + strconv.Itoa(i%10*100+j)) // a hundred hot keys
		}
		c.want("+OK", "SET new"+strconv.Itoa(i)+" "+value1k)
	}
	hot := 0
	for i := range 10 {
		hot += c.exists("k", i*100, i*100+10)
	}
	if hot < 90 {
		t.Errorf("%d of 100 keys that are used all the time are left", hot)
	}
}

func TestLFUKeepsWhatIsUsedOften(t *testing.T) {
	for _, policy := range []engine.Policy{engine.AllKeysLFU, engine.VolatileLFU} {
		c := newCache(t)
		c.fillAged(policy, "k", evictMany, " EX 100000")
		for range 20 {
			for i := range evictMany / 3 {
				c.do("GET k" + strconv.Itoa(i))
			}
		}
		for i := evictMany / 3; i < evictMany; i++ {
			c.do("GET k" + strconv.Itoa(i)) // later, but once
		}
		c.limit(policy, 0)
		c.fill("new", 0, evictMany/3, " EX 100000")
		if often := c.exists("k", 0, evictMany/3); often < evictMany/3*85/100 {
			t.Errorf("policy %d: %d of %d keys used often are left", policy, often, evictMany/3)
		}
	}
}

// The counters of keys that nobody uses fall with time, and so they go.
func TestLFUForgets(t *testing.T) {
	c := newCache(t)
	c.fillAged(engine.AllKeysLFU, "old", evictMany/3, "")
	for range 20 {
		for i := range evictMany / 3 {
			c.do("GET old" + strconv.Itoa(i))
		}
	}
	c.hand.Advance(60 * 60_000)
	c.fill("k", 0, evictMany/3, "")
	c.limit(engine.AllKeysLFU, 0)
	c.fill("new", 0, evictMany/3, "")
	if n := c.exists("old", 0, evictMany/3); n > evictMany/20 { // about 95 with a deviation of 10
		t.Errorf("%d of %d keys that were used an hour ago are left", n, evictMany/3)
	}
}

func TestTTLPolicyTakesWhatEndsFirst(t *testing.T) {
	c := newCache(t)
	c.fillAged(engine.VolatileTTL, "plain", 100, "")
	for i := range evictMany {
		c.want("+OK", fmt.Sprintf("SET k%d %s EX %d", i, value1k, 1000+i))
	}
	c.limit(engine.VolatileTTL, 0)
	c.fill("new", 0, evictMany/3, " EX 100000")
	if n := c.exists("plain", 0, 100); n != 100 {
		t.Errorf("%d of 100 keys without TTL are left", n)
	}
	if late := c.exists("k", evictMany/2, evictMany); late < evictMany/2*98/100 {
		t.Errorf("%d of %d keys with long TTLs are left", late, evictMany/2)
	}
}

func TestRandomPoliciesTakeFromAll(t *testing.T) {
	for _, policy := range []engine.Policy{engine.AllKeysRandom, engine.VolatileRandom} {
		c := newCache(t)
		c.fillAged(policy, "plain", 300, "")
		c.fill("k", 0, evictMany, " EX 100000")
		c.limit(policy, 0)
		c.fill("new", 0, evictMany/3, " EX 100000")
		plain, first, second := c.exists("plain", 0, 300), c.exists("k", 0, evictMany/2), c.exists("k", evictMany/2, evictMany)
		if policy == engine.VolatileRandom && plain != 300 || policy == engine.AllKeysRandom && (plain == 300 || plain < 180) {
			t.Errorf("policy %d: %d of 300 keys without TTL are left", policy, plain)
		}
		if diff := first - second; diff < -200 || diff > 200 {
			t.Errorf("policy %d: %d and %d of the halves are left", policy, first, second)
		}
	}
}

// The volatile policies never touch other keys, refuse writes when only such are
// left, and go on when there are volatile ones again.
func TestVolatilePoliciesLeaveOtherKeys(t *testing.T) {
	for _, policy := range []engine.Policy{engine.VolatileLRU, engine.VolatileLFU, engine.VolatileRandom, engine.VolatileTTL} {
		c := newCache(t)
		c.fillAged(policy, "k", 500, "")
		c.fill("v", 0, 20, " EX 1000")
		c.limit(policy, -1)
		refused := 0
		for i := range 100 {
			if reply := c.do("SET n" + strconv.Itoa(i) + " " + value1k); strings.HasPrefix(reply, "-OOM") {
				refused++
			}
		}
		if n := c.exists("k", 0, 500); n != 500 {
			t.Errorf("policy %d: %d of 500 keys without TTL are left", policy, n)
		}
		if n := c.exists("v", 0, 20); n != 0 || refused < 70 {
			t.Errorf("policy %d: %d volatile keys are left, %d of 100 writes refused", policy, n, refused)
		}
	}
}

// What waits for replicas is in use, but no key goes for it.
func TestExemptMemoryEvictsNothing(t *testing.T) {
	c := newCache(t)
	c.fill("k", 0, 100, "")
	c.limit(engine.AllKeysLRU, 10<<10)
	const stream = 8 << 20
	c.NoteMemory(stream, 0, stream)
	if c.Apart() != stream || c.UsedMemory() < stream {
		t.Errorf("%d bytes used, %d of them exempt", c.UsedMemory(), c.Apart())
	}
	c.want("+OK", "SET new v")
	if n := c.exists("k", 0, 100); n != 100 {
		t.Errorf("%d of 100 keys are left", n)
	}
	c.NoteMemory(stream, 0, 0)
	c.do("SET new2 v")
	if n := c.exists("k", 0, 100); n != 0 {
		t.Errorf("%d of 100 keys are left, though the limit is exceeded", n)
	}
}

func TestNoEvictionRefusesWritesOnly(t *testing.T) {
	const oom = "-OOM command not allowed when used memory > 'maxmemory'."
	c := newCache(t)
	c.fill("k", 0, 100, "")
	c.limit(engine.NoEviction, -1)
	c.want(oom, "SET x y")
	c.want(oom, "APPEND k1 more")
	c.want("$1000\r\n"+value1k, "GET k1")
	c.want(":1", "EXPIRE k2 100")
	c.want("+OK", "RENAME k3 other")
	if total, now := c.Exceeded(); total != now {
		t.Errorf("exceeded for %d ms in all and %d ms now", total, now)
	}
	c.hand.Advance(1500)
	c.want("$1000\r\n"+value1k, "GET k1")
	if total, now := c.Exceeded(); total < 1499 || now < 1499 {
		t.Errorf("exceeded for %d ms in all and %d ms now, want 1500", total, now)
	}
	c.want(":2", "DEL k1 k2")
	c.want("+OK", "SET x y")
	if total, now := c.Exceeded(); total < 1499 || now != 0 {
		t.Errorf("after DEL: exceeded for %d ms in all and %d ms now, want 1500 and 0", total, now)
	}
	if n := c.Totals().EvictedKeys; n != 0 {
		t.Errorf("%d keys evicted", n)
	}
	total := c.Totals()
	if spec := c.Table.Lookup([]byte("set")); total.PerCommand[spec.ID].Rejected != 1 || total.ErrorCodes["OOM"] != 2 {
		t.Errorf("rejected %d, OOM errors %d", total.PerCommand[spec.ID].Rejected, total.ErrorCodes["OOM"])
	}
}

// Memory in use never exceeds the limit by more than what one batch brings.
func TestLimitHolds(t *testing.T) {
	for _, policy := range []engine.Policy{engine.AllKeysLRU, engine.AllKeysLFU, engine.AllKeysRandom} {
		c := newCache(t)
		c.limit(policy, 2<<20)
		limit := c.Settings().Memory.Max
		sizes := []int{1000, 10, 4000, 100, 9000}
		for i := range 2_500 {
			value := strings.Repeat("v", sizes[i*len(sizes)/2_500])
			c.want("+OK", "SET k"+strconv.Itoa(i)+" "+value)
			if used := c.UsedMemory(); used > limit+64<<10 {
				t.Fatalf("policy %d, write %d: %d bytes in use, limit %d", policy, i, used, limit)
			}
		}
		if used := c.UsedMemory(); used < limit*9/10 {
			t.Errorf("policy %d: only %d of %d bytes in use", policy, used, limit)
		}
	}
}

// A change of the policy, the limit and the databases that keys are in.
func TestEvictionSeesAllDatabasesAndChanges(t *testing.T) {
	c := newCache(t)
	for db := range 16 {
		c.want("+OK", "SELECT "+strconv.Itoa(db))
		c.fill("k", 0, 100, "")
	}
	all := c.UsedMemory()
	for _, policy := range []engine.Policy{engine.AllKeysLRU, engine.AllKeysLFU, engine.AllKeysRandom, engine.AllKeysLRU} {
		c.limit(policy, -200_000)
		for ns, n := int64(1), 0; c.UsedMemory() > c.Settings().Memory.Max; n++ {
			ns += c.w.Tick(ns) // without a request
			if n > 1000 {
				t.Fatalf("policy %d: background slices do not get below the limit", policy)
			}
		}
	}
	left := int64(0)
	for db := range 16 {
		n := c.KS.DB(db).Len()
		if n > 80 {
			t.Errorf("database %d still has %d of 100 keys", db, n)
		}
		left += n
	}
	if evicted := c.Totals().EvictedKeys; evicted != uint64(1600-left) || left < 600 {
		t.Errorf("%d keys left of 1600, %d evicted", left, evicted)
	}
	if used := c.UsedMemory(); used > all-800_000 {
		t.Errorf("%d bytes in use, want at most %d", used, all-800_000)
	}
}

// Effects and events of evicted keys: DEL or UNLINK in their database, in order.
func TestEvictionIsTold(t *testing.T) {
	for _, lazy := range []bool{false, true} {
		c := newCache(t)
		c.want("+OK", "SELECT 3")
		c.fill("k", 0, 200, "")
		set := *c.Settings()
		set.NotifyMask = command.NotifyEvicted
		c.Apply(set)
		c.limit(engine.AllKeysRandom, -50_000)
		set = *c.Settings()
		set.Memory.Lazy = lazy
		c.Apply(set)
		c.Exclusive(c.Feed.Enable)
		cursor, err := c.Feed.NewCursor(c.Feed.Offset(), feed.CursorOptions{})
		if err != nil {
			t.Fatal(err)
		}
		c.want("+PONG", "PING")
		c.want("+PONG", "PING")
		name := "DEL"
		if lazy {
			name = "UNLINK"
		}
		gone := map[string]bool{}
		for _, words := range words(t, stream(t, c.Engine, cursor)) {
			switch {
			case words[0] == "SELECT" && words[1] == "3":
			case words[0] == name && len(words) == 2:
				gone["evicted 3 "+words[1]] = true
			default:
				t.Errorf("effect %q", words)
			}
		}
		for _, event := range c.told {
			if !gone[event] {
				t.Errorf("event %q without effect", event)
			}
		}
		if n := int(200 - c.KS.DB(3).Len()); n < 40 || len(gone) != n || len(c.told) != n {
			t.Errorf("lazy %v: %d keys went, %d effects, %d events", lazy, n, len(gone), len(c.told))
		}
		cursor.Close()
	}
}

// Keys that are due go first, as expired ones.
func TestEvictionExpiresWhatIsDue(t *testing.T) {
	c := newCache(t)
	c.fillAged(engine.AllKeysLRU, "k", 500, "")
	c.fill("due", 0, 500, " PX 10")
	c.hand.Advance(1000)
	c.limit(engine.AllKeysLRU, 0)
	c.fill("new", 0, 300, "")
	total := c.Totals()
	if total.ExpiredKeys < 200 || total.EvictedKeys > 100 {
		t.Errorf("%d expired, %d evicted", total.ExpiredKeys, total.EvictedKeys)
	}
}

// Several workers write over the limit at the same time, one lowers it.
func TestEvictionByManyWorkers(t *testing.T) {
	c := newCache(t)
	c.limit(engine.AllKeysLRU, 1<<20)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			w, s := c.NewWorker(), c.NewSession(nil)
			defer w.Close()
			for n := range 2500 {
				key := strconv.Itoa(n * (i + 1) % 5000)
				if reply := do(w, s, "SET "+key+" "+value1k[:1+n%999]); reply != "+OK\r\n" {
					t.Errorf("SET: %q", reply)
					return
				}
				do(w, s, "GET "+key)
				if n == 1500 && i == 0 {
					set := *c.Settings()
					set.Memory.Max -= 1 << 19
					set.Memory.Policy = engine.AllKeysRandom
					c.Apply(set)
				}
			}
		}()
	}
	wg.Wait()
	c.want("+PONG", "PING")
	used, limit := c.UsedMemory(), c.Settings().Memory.Max
	if used > limit || used < limit/2 {
		t.Errorf("%d bytes in use, limit %d", used, limit)
	}
}

// On a replica that evicts, nothing expires: what is due goes like any other key, by
// the hand of a worker, too, that has executed nothing yet.
func TestEvictionOnAReplica(t *testing.T) {
	c := newCache(t)
	c.fill("due", 0, 500, " PX 10")
	c.hand.Advance(1000)
	c.Exclusive(func() { c.SetRole(engine.Role{Replica: true, ReadOnly: true}) })
	c.limit(engine.AllKeysLRU, -100_000)
	fresh := c.NewWorker()
	defer fresh.Close()
	fresh.Tick(1)
	if total := c.Totals(); total.ExpiredKeys != 0 || total.EvictedKeys < 50 {
		t.Errorf("%d expired, %d evicted", total.ExpiredKeys, total.EvictedKeys)
	}
}
