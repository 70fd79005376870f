package interop

import (
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kvorum/test/peer"
)

// Masters and replicas of both kinds: ours and the real server, in every combination.

const (
	syncTimeout = 60 * time.Second
	lookEvery   = 20 * time.Millisecond
)

// starter is one of peer.StartKvorum and peer.StartOracle.
type starter func(t testing.TB, args ...string) *peer.Server

// server is one that others reach by a port.
type server struct {
	*peer.Server
	port  int
	admin *peer.Conn
}

func startNode(t *testing.T, run starter, args ...string) *server {
	t.Helper()
	port := peer.ReservePort(t)
	n := &server{port: port}
	n.Server = run(t, append([]string{"--port", strconv.Itoa(port), "--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"}, args...)...)
	n.dial(t)
	return n
}

func (n *server) dial(t *testing.T) {
	t.Helper()
	c, err := n.Dial()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	n.admin = c
}

func (n *server) do(t *testing.T, words ...string) string {
	t.Helper()
	v, err := n.admin.Do(words...)
	if err != nil {
		t.Fatalf("%s: %v: %v\n%s", n, words, err, n.Log())
	}
	return string(v.Str)
}

// info returns a field of INFO.
func (n *server) info(t *testing.T, field string) string {
	t.Helper()
	for line := range strings.SplitSeq(n.do(t, "INFO", "everything"), "\r\n") {
		if v, ok := strings.CutPrefix(line, field+":"); ok {
			return v
		}
	}
	return ""
}

// await waits until a field of INFO is as wanted.
func (n *server) await(t *testing.T, field, want string) {
	t.Helper()
	for end := time.Now().Add(syncTimeout); ; time.Sleep(lookEvery) {
		if n.info(t, field) == want {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: %s is %q, not %q\n%s", n, field, n.info(t, field), want, n.Log())
		}
	}
}

// follow makes n a replica and waits for the link.
func (n *server) follow(t *testing.T, port int) {
	t.Helper()
	until(t, "that it takes a master", func() bool { // it may have just been started
		return !strings.HasPrefix(n.do(t, "REPLICAOF", "127.0.0.1", strconv.Itoa(port)), "LOADING")
	})
	n.await(t, "master_link_status", "up")
}

// inStep waits until all have the offset of the first, and compares the data.
func inStep(t *testing.T, nodes ...*server) {
	t.Helper()
	// What expires meanwhile would be gone here and still be there.
	nodes[0].do(t, "DEBUG", "SET-ACTIVE-EXPIRE", "0")
	defer nodes[0].do(t, "DEBUG", "SET-ACTIVE-EXPIRE", "1")
	for end := time.Now().Add(syncTimeout); ; time.Sleep(lookEvery) {
		offset, same := nodes[0].info(t, "master_repl_offset"), true
		for _, n := range nodes[1:] {
			same = same && n.info(t, "master_repl_offset") == offset
		}
		if same && offset == nodes[0].info(t, "master_repl_offset") {
			break
		}
		if time.Now().After(end) {
			for _, n := range nodes {
				t.Logf("%s: offset %s\n%s", n, n.info(t, "master_repl_offset"), n.Log())
			}
			t.Fatal("the offsets do not meet")
		}
	}
	want := nodes[0].do(t, "DEBUG", "DIGEST")
	for _, n := range nodes[1:] {
		if have := n.do(t, "DEBUG", "DIGEST"); have != want {
			t.Errorf("digests differ: %s of %s, %s of %s%s", want, nodes[0], have, n, keysThatDiffer(t, nodes[0], n))
		}
	}
}

// keysThatDiffer describes the keys of which two servers hold different values.
func keysThatDiffer(t *testing.T, a, b *server) string {
	var out strings.Builder
	for db := range 4 {
		known := map[string]bool{}
		for _, n := range []*server{a, b} {
			n.do(t, "SELECT", strconv.Itoa(db))
			v, err := n.admin.Do("KEYS", "*")
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range v.Elems {
				known[string(e.Str)] = true
			}
		}
		for _, key := range slices.Sorted(maps.Keys(known)) {
			describe := func(n *server) string {
				v, err := n.admin.Do("DEBUG", "DIGEST-VALUE", key)
				if err != nil || len(v.Elems) == 0 {
					return fmt.Sprint(err, v)
				}
				ttl, _ := n.admin.Do("PEXPIRETIME", key)
				return fmt.Sprintf("%s %s, due %d", n.do(t, "TYPE", key), v.Elems[0].Str, ttl.Int)
			}
			if x, y := describe(a), describe(b); x != y {
				fmt.Fprintf(&out, "\n%s in %d: %s | %s", key, db, x, y)
			}
		}
		a.do(t, "SELECT", "0")
		b.do(t, "SELECT", "0")
	}
	return out.String()
}

// wire is a TCP connection between two servers that can be cut.
type wire struct {
	ln    net.Listener
	to    string
	mu    sync.Mutex
	conns map[net.Conn]bool
	down  bool
}

func newWire(t *testing.T, port int) *wire {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{ln: ln, to: fmt.Sprint("127.0.0.1:", port), conns: map[net.Conn]bool{}}
	go w.run()
	t.Cleanup(func() {
		ln.Close()
		w.cut(true)
	})
	return w
}

func (w *wire) port() int { return w.ln.Addr().(*net.TCPAddr).Port }

func (w *wire) run() {
	for {
		c, err := w.ln.Accept()
		if err != nil {
			return
		}
		up, err := net.Dial("tcp", w.to)
		if err != nil || !w.add(c, up) {
			c.Close()
			if err == nil {
				up.Close()
			}
			continue
		}
		go w.pipe(c, up)
		go w.pipe(up, c)
	}
}

func (w *wire) add(conns ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down {
		return false
	}
	for _, c := range conns {
		w.conns[c] = true
	}
	return true
}

func (w *wire) pipe(from, to net.Conn) {
	_, _ = io.Copy(to, from) // ends with the wire or with one of its ends
	from.Close()
	to.Close()
	w.mu.Lock()
	delete(w.conns, from)
	w.mu.Unlock()
}

// cut ends what goes over the wire; if it stays down nothing can go over it any more.
func (w *wire) cut(down bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = down
	for c := range w.conns {
		c.Close()
	}
}

// writing is a load under way.
type writing struct {
	end  atomic.Bool
	sent atomic.Int64 // requests answered
	work sync.WaitGroup
}

// more waits until so many more requests have been answered.
func (l *writing) more(t *testing.T, count int64) {
	t.Helper()
	from := l.sent.Load()
	until(t, "that the load goes on", func() bool { return l.sent.Load() >= from+count })
}

// stop ends the load and returns the number of requests.
func (l *writing) stop() int64 {
	l.end.Store(true)
	l.work.Wait()
	return l.sent.Load()
}

// load writes to a server until stop is called: all types, expiry, transactions, several
// databases, chosen by the seed.
func load(t *testing.T, n *server, seed uint64, clients int) *writing {
	l := &writing{}
	for i := range clients {
		c, err := n.Dial()
		if err != nil {
			t.Fatal(err)
		}
		l.work.Go(func() {
			defer c.Close()
			rnd := rand.New(rand.NewPCG(seed, uint64(i)))
			for !l.end.Load() {
				for _, request := range writes(rnd) {
					if _, err := c.Do(request...); err != nil {
						if !l.end.Load() {
							t.Errorf("seed %d: %v: %v", seed, request, err)
						}
						return
					}
					l.sent.Add(1)
				}
			}
		})
	}
	return l
}

// writes returns a request that changes something, or several that do together.
func writes(rnd *rand.Rand) [][]string {
	key := func(kind string) string { return kind + strconv.Itoa(rnd.IntN(60)) }
	member := func() string { return "m" + strconv.Itoa(rnd.IntN(200)) }
	text := func() string { return strings.Repeat("v", rnd.IntN(200)) + strconv.Itoa(rnd.IntN(1000)) }
	one := func(words ...string) [][]string { return [][]string{words} }
	switch rnd.IntN(24) {
	case 0:
		return one("SET", key("s"), text(), "PX", strconv.Itoa(1+rnd.IntN(3000)))
	case 1:
		return one("INCRBYFLOAT", key("f"), "0.1")
	case 2:
		return one("APPEND", key("s"), "x")
	case 3, 4:
		return one("LPUSH", key("l"), text(), text())
	case 5:
		return one("LPOP", key("l"), "3")
	case 6:
		return one("LMOVE", key("l"), key("l"), "LEFT", "RIGHT")
	case 7, 8:
		return one("SADD", key("set"), member(), member(), strconv.Itoa(rnd.IntN(100)))
	case 9:
		return one("SPOP", key("set"), "2")
	case 10:
		return one("HSET", key("h"), member(), text(), member(), text())
	case 11:
		return one("HINCRBYFLOAT", key("h"), "n", "1.5")
	case 12, 13:
		return one("ZADD", key("z"), strconv.Itoa(rnd.IntN(100)), member())
	case 14:
		return one("ZPOPMIN", key("z"), "2")
	case 15:
		return one("ZUNIONSTORE", key("z"), "2", key("z"), key("z"))
	case 16:
		return one("XADD", key("x"), "MAXLEN", "~", "100", "*", "f", text())
	case 17:
		return one("DEL", key("l"), key("h"), key("z"))
	case 18:
		return one("PEXPIRE", key("h"), strconv.Itoa(1+rnd.IntN(2000)))
	case 19:
		return [][]string{{"MULTI"}, {"INCR", "n"}, {"RPUSH", key("l"), text()}, {"SADD", key("set"), member()}, {"EXEC"}}
	case 20:
		return [][]string{{"SELECT", strconv.Itoa(rnd.IntN(4))}, {"SET", key("s"), text()}}
	case 21:
		return one("COPY", key("s"), key("s"), "REPLACE")
	case 22:
		return one("SETRANGE", key("s"), strconv.Itoa(rnd.IntN(5000)), "y")
	}
	return one("SET", key("s"), text())
}

// pairs are the combinations of a master and a replica.
var pairs = []struct {
	name            string
	master, replica starter
}{
	{"ours of ours", peer.StartKvorum, peer.StartKvorum},
	{"ours of theirs", peer.StartOracle, peer.StartKvorum},
	{"theirs of ours", peer.StartKvorum, peer.StartOracle},
}

// TestReplicaFollows: a replica gets what there is, follows a load of writes over a link
// that is cut again and again, and never needs everything twice.
func TestReplicaFollows(t *testing.T) {
	for _, p := range pairs {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			m := startNode(t, p.master, "--repl-backlog-size", "64mb")
			before := load(t, m, seed, 2)
			before.more(t, 500)
			before.stop()
			r := startNode(t, p.replica)
			w := newWire(t, m.port)
			l := load(t, m, seed+1, 4)
			r.follow(t, w.port())
			for range 3 {
				l.more(t, 300)
				w.cut(false)
				r.await(t, "master_link_status", "up")
			}
			n := l.stop()
			inStep(t, m, r)
			if full := m.info(t, "sync_full"); full != "1" {
				t.Errorf("%s full synchronizations\n%s", full, m.Log())
			}
			if have := r.do(t, "SET", "a", "b"); have != "READONLY You can't write against a read only replica." {
				t.Errorf("a write on the replica: %q", have)
			}
			t.Logf("%d writes", n)
		})
	}
}

// TestChain: replicas of replicas, of both kinds, get the first master's stream byte by
// byte, and go on when the one in the middle is promoted.
func TestChain(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	a := startNode(t, peer.StartKvorum)
	b := startNode(t, peer.StartOracle)
	c := startNode(t, peer.StartKvorum)
	d := startNode(t, peer.StartOracle)
	// A PING that only the old master has would keep it from going on.
	for _, n := range []*server{a, b, c, d} {
		n.do(t, "CONFIG", "SET", "repl-ping-replica-period", "1000")
	}
	l := load(t, a, seed, 4)
	b.follow(t, a.port)
	c.follow(t, b.port)
	d.follow(t, c.port)
	l.more(t, 1000)
	l.stop()
	inStep(t, a, b, c, d)
	// The master goes; b takes over, a comes back below it.
	b.do(t, "REPLICAOF", "NO", "ONE")
	l = load(t, b, seed+1, 2)
	a.follow(t, b.port)
	c.await(t, "master_link_status", "up")
	d.await(t, "master_link_status", "up")
	l.more(t, 500)
	l.stop()
	inStep(t, b, a, c, d)
	for _, n := range []*server{b, c} {
		if full := n.info(t, "sync_full"); full != "1" {
			t.Errorf("%s: %s full synchronizations", n, full)
		}
	}
	// Our server in the middle is promoted.
	c.do(t, "REPLICAOF", "NO", "ONE")
	l = load(t, c, seed+2, 2)
	b.follow(t, c.port)
	a.await(t, "master_link_status", "up")
	d.await(t, "master_link_status", "up")
	l.more(t, 500)
	l.stop()
	inStep(t, c, b, a, d)
	if full := c.info(t, "sync_full"); full != "1" {
		t.Errorf("%s: %s full synchronizations\n%s", c, full, c.Log())
	}
}

// TestOperatorsWalk: what an operator does with a master and two replicas in a chain,
// each by its configuration file, step by step.
func TestOperatorsWalk(t *testing.T) {
	const readonly = "READONLY You can't write against a read only replica."
	m, _ := startByFile(t, "")
	m.do(t, "CONFIG", "SET", "requirepass", "secret")
	m.do(t, "SET", "k", "v")
	r, file := startByFile(t, fmt.Sprintf("replicaof 127.0.0.1 %d\nmasterauth wrong\n", m.port))
	below, _ := startByFile(t, fmt.Sprintf("slaveof 127.0.0.1 %d\n", r.port))
	// A wrong password: nobody has anything, and the log says why.
	awaitLog(t, r, "Unable to AUTH to MASTER: -WRONGPASS")
	awaitLog(t, below, "Master is currently unable to PSYNC but should be in the future: -NOMASTERLINK Can't SYNC while not connected with my master")
	for _, n := range []*server{r, below} {
		if s := n.info(t, "master_link_status"); s != "down" {
			t.Errorf("%s: with a wrong password the link is %s", n, s)
		}
	}
	// The right one.
	r.do(t, "CONFIG", "SET", "masterauth", "secret")
	r.await(t, "master_link_status", "up")
	below.await(t, "master_link_status", "up")
	inStep(t, m, r, below)
	for _, n := range []*server{r, below} {
		if have := n.do(t, "SET", "a", "b"); have != readonly {
			t.Errorf("%s: a write: %q", n, have)
		}
		if have := n.do(t, "GET", "k"); have != "v" {
			t.Errorf("%s: a read: %q", n, have)
		}
	}
	if have := m.info(t, "connected_slaves") + r.info(t, "connected_slaves"); have != "11" {
		t.Errorf("replicas of the first and of the second: %s", have)
	}
	// The master is stopped.
	_ = m.admin.Send([]byte("SHUTDOWN NOSAVE\r\n"))
	if err := m.AwaitEnd(syncTimeout); err != nil {
		t.Fatal(err)
	}
	r.await(t, "master_link_status", "down")
	if have := r.do(t, "GET", "k"); have != "v" {
		t.Errorf("the replica without its master says %q", have)
	}
	if have := r.do(t, "SET", "a", "b"); have != readonly {
		t.Errorf("a write without a master: %q", have)
	}
	// The first replica is promoted and keeps its own.
	if have := r.do(t, "SLAVEOF", "NO", "ONE"); have != "OK" {
		t.Error(have)
	}
	if role := r.info(t, "role"); role != "master" {
		t.Errorf("the role is %s", role)
	}
	r.do(t, "SET", "a", "b")
	below.await(t, "master_link_status", "up")
	inStep(t, r, below)
	if full := r.info(t, "sync_full"); full != "1" {
		t.Errorf("%s full synchronizations", full)
	}
	r.do(t, "CONFIG", "REWRITE")
	if b, err := os.ReadFile(file); err != nil || strings.Contains(string(b), "replicaof 1") {
		t.Errorf("the file still has the master: %v\n%s", err, b)
	}
}

// startByFile starts our server with a configuration file, whose path is returned.
func startByFile(t *testing.T, text string) (n *server, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "server.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file := func(t testing.TB, args ...string) *peer.Server {
		return peer.StartKvorum(t, append([]string{path}, args...)...)
	}
	return startNode(t, file), path
}

func awaitLog(t *testing.T, n *server, text string) {
	t.Helper()
	for end := time.Now().Add(syncTimeout); !strings.Contains(n.Log(), text); time.Sleep(lookEvery) {
		if time.Now().After(end) {
			t.Fatalf("%q is not in the log of %s\n%s", text, n, n.Log())
		}
	}
}

// TestWait: WAIT returns when replicas of either kind have what was written, and at its
// time with as many as there are.
func TestWait(t *testing.T) {
	m := startNode(t, peer.StartKvorum)
	a, b := startNode(t, peer.StartKvorum), startNode(t, peer.StartOracle)
	a.follow(t, m.port)
	b.follow(t, m.port)
	m.await(t, "connected_slaves", "2")
	wait := func(n *server, words ...string) int64 {
		t.Helper()
		v, err := n.admin.Do(words...)
		if err != nil || v.Type != ':' {
			t.Fatal(words, err, string(v.Str))
		}
		return v.Int
	}
	for i := range 50 {
		m.do(t, "SET", "k", strconv.Itoa(i))
		if n := wait(m, "WAIT", "2", "10000"); n != 2 {
			t.Fatalf("WAIT 2: %d", n)
		}
		if have := a.do(t, "GET", "k"); have != strconv.Itoa(i) {
			t.Fatalf("acknowledged, and the replica has %s", have)
		}
	}
	m.do(t, "SET", "k", "v")
	if n := wait(m, "WAIT", "3", "30"); n != 2 {
		t.Errorf("WAIT 3: %d", n)
	}
	if err := a.do(t, "WAIT", "0", "0"); !strings.HasPrefix(err, "ERR WAIT cannot be used with replica instances.") {
		t.Error(err)
	}
	m.do(t, "MULTI")
	m.do(t, "SET", "k", "w")
	m.do(t, "WAIT", "5", "0")
	if v, err := m.admin.Do("EXEC"); err != nil || len(v.Elems) != 2 {
		t.Errorf("in a transaction: %v %v", v, err)
	}
}

// TestWaitAOF: WAITAOF returns when the write is on the disks that it names.
func TestWaitAOF(t *testing.T) {
	m := startNode(t, peer.StartKvorum, "--appendonly", "yes")
	r := startNode(t, peer.StartKvorum, "--appendonly", "yes")
	r.follow(t, m.port)
	for i := range 3 {
		m.do(t, "SET", "k", strconv.Itoa(i))
		for _, timeout := range []string{"20000", "20000"} { // the second has nothing to wait for
			v, err := m.admin.Do("WAITAOF", "1", "1", timeout)
			if err != nil || len(v.Elems) != 2 || v.Elems[0].Int != 1 || v.Elems[1].Int != 1 {
				t.Fatalf("WAITAOF: %v %v", v, err)
			}
		}
	}
	if text := r.do(t, "WAITAOF", "0", "0", "0"); !strings.HasPrefix(text, "ERR WAITAOF cannot be used with replica instances.") {
		t.Error(text)
	}
}
