package linear

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"kvorum/resp"
	"kvorum/test/peer"
)

var (
	flagSeed    = flag.Uint64("seed", 0, "seed of the commands; 0: from the clock")
	flagSeconds = flag.Float64("seconds", 0, "how long all tests run; 0: LINEAR_SECONDS, or a short run")
)

const (
	runTime      = 14 * time.Second
	shortRunTime = 4 * time.Second
	checkTime    = 5 * time.Second // for one history; the answer may then be "unknown"
	loopArgs     = "4"
)

func TestMain(m *testing.M) { peer.Main(m) }

// share returns the part of the time that a test may take.
func share(t *testing.T, part float64) time.Duration {
	total := runTime
	if testing.Short() {
		total = shortRunTime
	}
	if text := os.Getenv("LINEAR_SECONDS"); text != "" {
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatalf("LINEAR_SECONDS: %v", err)
		}
		total = time.Duration(n * float64(time.Second))
	}
	if *flagSeconds > 0 {
		total = time.Duration(*flagSeconds * float64(time.Second))
	}
	return time.Duration(float64(total) * part)
}

func firstSeed() uint64 {
	if *flagSeed != 0 {
		return *flagSeed
	}
	return uint64(rand.Uint32())
}

// mix draws the calls of a client.
type mix struct {
	*rand.Rand
	client int
	count  int
	names  []string
}

// singleKey and severalKeys are what the two kinds of histories are made of.
var (
	singleKey   = strings.Fields("GET GET GET SET GETSET GETDEL SETNX INCR INCR APPEND STRLEN DEL EXISTS")
	severalKeys = strings.Fields("GET SET INCR APPEND DEL MGET MGET MSET MSET MSETNX RENAME RENAMENX COPY EXISTS GETSET")
)

// keyCounts tells how many keys a command names at most, in histories of several
// keys; the rest has one.
var keyCounts = map[string]int{"DEL": 3, "EXISTS": 3, "MGET": 4, "MSET": 3, "MSETNX": 2}

func (m *mix) next(several bool) *call {
	c := &call{name: m.names[m.IntN(len(m.names))]}
	n := 1
	if several {
		n = 1 + m.IntN(max(1, keyCounts[c.name]))
	}
	switch c.name {
	case "RENAME", "RENAMENX", "COPY":
		n = 2
	}
	c.keys = m.Perm(keyCount)[:n]
	m.count++
	// Values are unique, so that a reply tells whose it is; some are numbers for
	// INCR, few are long enough not to fit in place.
	value := func(i int) string { return fmt.Sprintf("%d.%d.%d", m.client, m.count, i) }
	switch c.name {
	case "SET", "GETSET", "SETNX":
		c.values = []string{value(0)}
		switch m.IntN(8) {
		case 0, 1, 2:
			c.values[0] = strconv.Itoa(m.client*100_000 + m.count)
		case 3:
			c.values[0] += strings.Repeat("x", 1500)
		}
	case "APPEND":
		c.values = []string{"+" + value(0)}
	case "MSET", "MSETNX":
		for i := range n {
			c.values = append(c.values, value(i))
		}
	}
	return c
}

// text is a reply as the model writes it.
func text(v resp.Value) string {
	switch {
	case v.Null:
		return nilText
	case v.Type == '$':
		return strconv.Quote(string(v.Str))
	case v.Type == ':':
		return ":" + strconv.FormatInt(v.Int, 10)
	case v.Type == '*':
		texts := make([]string, len(v.Elems))
		for i := range v.Elems {
			texts[i] = text(v.Elems[i])
		}
		return strings.Join(texts, " ")
	}
	return string(v.Type) + string(v.Str)
}

// plan is a history to record.
type plan struct {
	seed    uint64
	clients int
	calls   int // of each client
	several bool
	names   []string
}

// record runs the clients side by side, each on its connection, and returns what
// happened. round makes the keys of a history its own.
func record(conns []*peer.Conn, p plan, round int) ([]porcupine.Operation, error) {
	name := func(k int) string { return fmt.Sprintf("r%d:%d", round, k) }
	parts := make([][]porcupine.Operation, p.clients)
	errs := make([]error, p.clients)
	start := make(chan struct{})
	began := time.Now()
	var wg sync.WaitGroup
	for i := range p.clients {
		wg.Go(func() {
			m := &mix{Rand: rand.New(rand.NewPCG(p.seed, uint64(i))), client: i, names: p.names}
			<-start
			for range p.calls {
				c := m.next(p.several)
				op := porcupine.Operation{ClientId: i, Input: c, Call: int64(time.Since(began))}
				v, err := conns[i].Do(c.words(name)...)
				if err != nil {
					errs[i] = fmt.Errorf("client %d: %s: %w", i, c.name, err)
					return
				}
				op.Return = int64(time.Since(began))
				op.Output = text(v)
				parts[i] = append(parts[i], op)
			}
		})
	}
	close(start)
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return slices.Concat(parts...), nil
}

// TestHistoriesOfOneKeyAreLinearizable: commands on one key, long histories.
func TestHistoriesOfOneKeyAreLinearizable(t *testing.T) {
	checkHistories(t, share(t, 0.25), plan{clients: 6, calls: 300, names: singleKey}, model(true))
}

// TestHistoriesOfSeveralKeysAreLinearizable: commands that lock several shards
// must look like one moment.
func TestHistoriesOfSeveralKeysAreLinearizable(t *testing.T) {
	checkHistories(t, share(t, 0.35), plan{clients: 5, calls: 20, several: true, names: severalKeys}, model(false))
}

func checkHistories(t *testing.T, limit time.Duration, p plan, m porcupine.Model) {
	srv := peer.StartKvorum(t, "--io-threads", loopArgs)
	conns := dial(t, srv, p.clients)
	p.seed = firstSeed()
	rounds, unknown, ops := 0, 0, 0
	for end := time.Now().Add(limit); rounds == 0 || time.Now().Before(end); rounds++ {
		history, err := record(conns, p, rounds)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", p.seed, err, srv.Log())
		}
		ops += len(history)
		switch porcupine.CheckOperationsTimeout(m, history, checkTime) {
		case porcupine.Illegal:
			t.Fatalf("seed %d: no order of these commands explains their replies:\n%s", p.seed, describe(m, shortest(m, history)))
		case porcupine.Unknown:
			unknown++
		}
		p.seed++
	}
	t.Logf("%d histories, %d commands, %d too hard to decide, last seed %d", rounds, ops, unknown, p.seed-1)
	if unknown*4 > rounds {
		t.Errorf("%d of %d histories were too hard: make them shorter", unknown, rounds)
	}
}

func dial(t *testing.T, srv *peer.Server, n int) []*peer.Conn {
	t.Helper()
	conns := make([]*peer.Conn, n)
	for i := range conns {
		c, err := srv.Dial()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		conns[i] = c
	}
	return conns
}

// shortest is the shortest beginning, by time of return, that is illegal: what
// came later does not matter.
func shortest(m porcupine.Model, history []porcupine.Operation) []porcupine.Operation {
	slices.SortFunc(history, func(a, b porcupine.Operation) int { return int(a.Return - b.Return) })
	low, high := 1, len(history)
	for low < high {
		mid := (low + high) / 2
		// A command under way at the cut has an unknown effect; it may be left out
		// only if it began after all of the beginning had returned. So all that
		// began before the cut stay.
		if porcupine.CheckOperationsTimeout(m, begunBefore(history, history[mid-1].Return), checkTime) == porcupine.Illegal {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return begunBefore(history, history[low-1].Return)
}

func begunBefore(history []porcupine.Operation, at int64) []porcupine.Operation {
	var out []porcupine.Operation
	for _, op := range history {
		if op.Call <= at {
			out = append(out, op)
		}
	}
	return out
}

// describe prints the end of a history in order of call.
func describe(m porcupine.Model, history []porcupine.Operation) string {
	const shown = 60
	slices.SortFunc(history, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	var out strings.Builder
	if len(history) > shown {
		fmt.Fprintf(&out, "... %d before\n", len(history)-shown)
		history = history[len(history)-shown:]
	}
	for _, op := range history {
		fmt.Fprintf(&out, "%12d..%-12d client %d  %.200s\n", op.Call, op.Return, op.ClientId, m.DescribeOperation(op.Input, op.Output))
	}
	return out.String()
}

// TestCheckerFindsFaults: each doctored history shows one fault that a server
// with broken locking could have; the first, right one shows that the faults
// are what is found.
func TestCheckerFindsFaults(t *testing.T) {
	op := func(client int, from, to int64, c call, reply string) porcupine.Operation {
		return porcupine.Operation{ClientId: client, Input: &c, Call: from, Return: to, Output: reply}
	}
	set := func(k int, v string) call { return call{"SET", []int{k}, []string{v}} }
	get := func(k int) call { return call{"GET", []int{k}, nil} }
	mset := call{"MSET", []int{0, 1}, []string{"a", "b"}}
	mget := call{"MGET", []int{0, 1}, nil}
	for _, c := range []struct {
		name    string
		legal   bool
		history []porcupine.Operation
	}{
		{"concurrent, in either order", true, []porcupine.Operation{
			op(0, 0, 10, set(0, "x"), "+OK"), op(1, 0, 10, set(0, "y"), "+OK"), op(2, 5, 20, get(0), `"x"`), op(2, 21, 30, get(0), `"x"`)}},
		{"a stale read", false, []porcupine.Operation{
			op(0, 0, 10, set(0, "x"), "+OK"), op(0, 11, 20, set(0, "y"), "+OK"), op(1, 21, 30, get(0), `"x"`)}},
		{"a lost increment", false, []porcupine.Operation{
			op(0, 0, 10, call{"INCR", []int{0}, nil}, ":1"), op(1, 0, 10, call{"INCR", []int{0}, nil}, ":1")}},
		{"a value that goes back", false, []porcupine.Operation{
			op(0, 0, 100, set(0, "x"), "+OK"), op(1, 10, 20, get(0), `"x"`), op(2, 30, 40, get(0), nilText)}},
		{"half of an MSET", false, []porcupine.Operation{
			op(0, 0, 100, mset, "+OK"), op(1, 10, 20, mget, `"a" (nil)`)}},
		{"an MSET that two readers see in different order", false, []porcupine.Operation{
			op(0, 0, 100, set(0, "x"), "+OK"), op(1, 0, 100, set(1, "y"), "+OK"),
			op(2, 10, 20, mget, `"x" (nil)`), op(3, 10, 20, mget, `(nil) "y"`)}},
		{"a rename that leaves both", false, []porcupine.Operation{
			op(0, 0, 5, set(0, "x"), "+OK"), op(0, 6, 100, call{"RENAME", []int{0, 1}, nil}, "+OK"), op(1, 10, 20, mget, `"x" "x"`)}},
		{"two winners of SETNX", false, []porcupine.Operation{
			op(0, 0, 10, call{"SETNX", []int{0}, []string{"x"}}, ":1"), op(1, 0, 10, call{"SETNX", []int{0}, []string{"y"}}, ":1")}},
	} {
		m := model(false)
		if got := porcupine.CheckOperations(m, c.history); got != c.legal {
			t.Errorf("%s: legal %v, want %v", c.name, got, c.legal)
		}
	}
}

// TestCheckerFindsAFaultInARealHistory: one reply of a recorded history is
// changed; the history as it was passes.
func TestCheckerFindsAFaultInARealHistory(t *testing.T) {
	srv := peer.StartKvorum(t, "--io-threads", loopArgs)
	p := plan{seed: 1, clients: 4, calls: 100, names: singleKey}
	history, err := record(dial(t, srv, p.clients), p, 0)
	if err != nil {
		t.Fatal(err)
	}
	m := model(true)
	if porcupine.CheckOperationsTimeout(m, history, checkTime) == porcupine.Illegal {
		t.Fatalf("the history itself is illegal:\n%s", describe(m, history))
	}
	for i := range history {
		if in := history[i].Input.(*call); in.name == "INCR" && strings.HasPrefix(history[i].Output.(string), ":") {
			n, err := strconv.Atoi(history[i].Output.(string)[1:])
			if err != nil {
				t.Fatal(err)
			}
			history[i].Output = fmt.Sprintf(":%d", n+1_000_000_000)
			if got := porcupine.CheckOperationsTimeout(m, history, checkTime); got != porcupine.Illegal {
				t.Errorf("an INCR that replies a number nobody can have made is %s", got)
			}
			return
		}
	}
	t.Fatal("no INCR in the history")
}
