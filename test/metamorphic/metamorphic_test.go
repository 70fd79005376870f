package metamorphic

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"kvorum/resp"
	"kvorum/test/peer"
)

var (
	flagSeed    = flag.Uint64("seed", 0, "the first stream's seed; 0: 1, or from the clock in a longer run")
	flagSeconds = flag.Float64("seconds", 0, "how long to run; 0: METAMORPHIC_SECONDS, or a short run")
	flagSize    = flag.Int("size", 500, "requests in a stream")
)

const (
	runTime      = 6 * time.Second // unless told otherwise
	shortRunTime = 2 * time.Second
	shrinkTime   = 15 * time.Second
)

func TestMain(m *testing.M) { peer.Main(m) }

// TestSameInAllWays: an encoding, a transaction or an event loop more must not show.
func TestSameInAllWays(t *testing.T) {
	limit, seed := runLimits(t)
	servers := map[int]*peer.Server{}
	seen := map[string]bool{}
	var runners []*runner
	for _, w := range ways {
		srv := servers[w.loops]
		if srv == nil {
			srv = peer.StartKvorum(t, "--io-threads", strconv.Itoa(w.loops))
			servers[w.loops] = srv
		}
		admin, err := srv.Dial()
		if err != nil {
			t.Fatal(err)
		}
		runners = append(runners, &runner{way: w, srv: srv, admin: admin, seen: seen})
	}
	first, streams := seed, 0
	for end := time.Now().Add(limit); streams == 0 || time.Now().Before(end); streams++ {
		ops := stream(seed, *flagSize)
		want, err := runners[0].run(seed, ops)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range runners[1:] {
			got, err := r.run(seed, ops)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if compare(ops, want, got) != "" {
				shrinkAndReport(t, seed, ops, runners[0], r)
				return
			}
		}
		seed++
	}
	for _, srv := range servers {
		checkMemory(t, srv)
	}
	for _, encoding := range []string{"int", "embstr", "raw", "listpack", "quicklist", "intset", "hashtable", "skiplist", "stream"} {
		if !seen[encoding] && *flagSize >= 500 {
			t.Errorf("no value was left in the encoding %s: the streams are too small", encoding)
		}
	}
	t.Logf("%d streams of %d requests in %d ways, seeds %d to %d", streams, *flagSize, len(ways), first, seed-1)
}

// runLimits returns how long to run, and the seed to begin with.
func runLimits(t *testing.T) (limit time.Duration, seed uint64) {
	limit, seed = runTime, 1
	if testing.Short() {
		limit = shortRunTime
	}
	seconds := *flagSeconds
	if text := os.Getenv("METAMORPHIC_SECONDS"); text != "" && seconds == 0 {
		var err error
		if seconds, err = strconv.ParseFloat(text, 64); err != nil {
			t.Fatalf("METAMORPHIC_SECONDS: %v", err)
		}
	}
	if seconds > 0 {
		limit, seed = time.Duration(seconds*float64(time.Second)), uint64(rand.Uint32())
	}
	if *flagSeed != 0 {
		seed = *flagSeed
	}
	return limit, seed
}

func checkMemory(t *testing.T, srv *peer.Server) {
	c, err := srv.Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Must("DEBUG", "MEMCHECK"); err != nil {
		t.Errorf("%s: %v", srv, err)
	}
}

// compare returns how two outcomes differ, "" if they do not.
func compare(ops []op, want, got outcome) string {
	for i := range ops {
		if !same(ops[i].mark, want.replies[i], got.replies[i]) {
			return fmt.Sprintf("request %d, %.300q, replies\n%.500q\nand should\n%.500q", i, ops[i].args, got.replies[i], want.replies[i])
		}
	}
	if want.digest != got.digest {
		return fmt.Sprintf("the digest of the data is %s and should be %s", got.digest, want.digest)
	}
	return ""
}

// same reports whether two replies agree as far as they must.
func same(m mark, a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	x, errX := peer.Parse(a)
	y, errY := peer.Parse(b)
	if x.Null && y.Null {
		return true // a request that waited in vain has another one than one that must not wait
	}
	if m == exact || errX != nil || errY != nil || x.Type != y.Type || len(x.Elems) != len(y.Elems) || x.IsError() {
		return false
	}
	switch m {
	case set:
		return slices.Equal(sorted(x, 1), sorted(y, 1))
	case pairs:
		return slices.Equal(sorted(x, 2), sorted(y, 2))
	}
	return true
}

// sorted returns the elements, n at a time, in one order.
func sorted(v resp.Value, n int) (list []string) {
	for part := range slices.Chunk(v.Elems, n) {
		var wire []byte
		for i := range part {
			wire = part[i].AppendWire(wire)
		}
		list = append(list, string(wire))
	}
	slices.Sort(list)
	return list
}

// shrinkAndReport leaves out what is not needed to make two ways differ, and prints
// the rest.
func shrinkAndReport(t *testing.T, seed uint64, ops []op, plain, other *runner) {
	differs := func(ops []op) string {
		want, err := plain.run(seed, ops)
		if err != nil {
			return err.Error()
		}
		got, err := other.run(seed, ops)
		if err != nil {
			return err.Error()
		}
		return compare(ops, want, got)
	}
	what := differs(ops)
	if what == "" {
		t.Errorf("seed %d: %s differed from %s once, and not again", seed, other.name, plain.name)
		return
	}
	end := time.Now().Add(shrinkTime)
	for size := len(ops) / 2; size > 0; size /= 2 {
		for at := 0; at+size <= len(ops) && time.Now().Before(end); {
			fewer := slices.Delete(slices.Clone(ops), at, at+size)
			if less := differs(fewer); less != "" {
				ops, what = fewer, less
			} else {
				at += size
			}
		}
	}
	var text strings.Builder
	for _, o := range ops {
		fmt.Fprintf(&text, "%.300q\n", o.args)
	}
	t.Errorf("seed %d: %s differs from %s after\n%s%s%s", seed, other.name, plain.name, &text, what, differingKeys(plain, other))
}

// differingKeys names the keys whose values differ, with what they hold in both.
func differingKeys(a, b *runner) string {
	var text strings.Builder
	list, err := a.admin.Must("KEYS", "*")
	if err != nil {
		return err.Error()
	}
	for _, key := range list.Elems {
		var digests, encodings [2]string
		for i, r := range []*runner{a, b} {
			v, _ := r.admin.Do("DEBUG", "DIGEST-VALUE", string(key.Str))
			digests[i] = string(v.AppendWire(nil))
			v, _ = r.admin.Do("OBJECT", "ENCODING", string(key.Str))
			encodings[i] = string(v.Str)
		}
		if digests[0] != digests[1] {
			fmt.Fprintf(&text, "\nkey %q: %q and %q", key.Str, encodings[0], encodings[1])
		}
	}
	return text.String()
}
