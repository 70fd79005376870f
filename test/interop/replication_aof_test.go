package interop

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"kvorum/test/peer"
)

// Servers that are restarted from their append-only log go on with the history of their
// data, however they ended.

// logs makes a server keep an append-only log and nothing else.
func logs(more ...string) []string {
	return append([]string{"--appendonly", "yes", "--save", "", "--repl-backlog-size", "64mb"}, more...)
}

// kill ends a server as kill -9 does.
func (n *server) kill(t *testing.T) {
	t.Helper()
	n.admin.Close()
	if err := n.Kill(); err != nil {
		t.Fatal(err)
	}
}

// logFile returns the path of the newest file of a server's log.
func (n *server) logFile(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(filepath.Dir(n.Sock()), "appendonlydir", "*.incr.aof"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	return files[0]
}

// history returns what is in the history file of a server's log.
func (n *server) history(t *testing.T) (text string, err error) {
	b, err := os.ReadFile(filepath.Join(filepath.Dir(n.Sock()), "appendonlydir", "appendonly.aof.history"))
	return string(b), err
}

// cutLog takes bytes off the end of a server's log.
func (n *server) cutLog(t *testing.T, size int64) {
	t.Helper()
	info, err := os.Stat(n.logFile(t))
	if err == nil {
		err = os.Truncate(n.logFile(t), info.Size()-size)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// appendLog adds to the log of a server what another has done.
func (n *server) appendLog(t *testing.T, command string) {
	t.Helper()
	b, err := os.ReadFile(n.logFile(t))
	if err == nil {
		err = os.WriteFile(n.logFile(t), append(b, command...), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// offset returns how much of the stream a server has.
func (n *server) offset(t *testing.T) int64 {
	t.Helper()
	offset, err := strconv.ParseInt(n.info(t, "master_repl_offset"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return offset
}

// publish sends messages, which are in the stream and not in the log, until the server
// ends.
func publish(t *testing.T, n *server) *sync.WaitGroup {
	c, err := n.Dial()
	if err != nil {
		t.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() {
		defer c.Close()
		for {
			if _, err := c.Do("PUBLISH", "c", "message"); err != nil {
				return
			}
		}
	})
	return &work
}

// crash ends a server as kill -9 does and starts it again.
func (n *server) crash(t *testing.T) {
	t.Helper()
	n.kill(t)
	n.restart(t)
}

// TestMasterGoesOnFromItsLog: a master that was told to end goes on with its replicas,
// whatever the form of the base, also after a rewrite, after the log was turned on while
// it ran and after FLUSHALL; below a replica nothing is different.
func TestMasterGoesOnFromItsLog(t *testing.T) {
	cases := []struct {
		name, preamble string
		late           bool
		before         [][]string
		after          bool // something is written behind that
	}{
		{"rdb base", "yes", false, nil, true},
		{"commands base", "no", false, nil, true},
		{"rewritten", "yes", false, [][]string{{"BGREWRITEAOF"}}, true},
		{"rewritten and ended", "yes", false, [][]string{{"BGREWRITEAOF"}}, false},
		{"rewritten to commands and ended", "no", false, [][]string{{"BGREWRITEAOF"}}, false},
		{"turned on late", "yes", true, [][]string{{"CONFIG", "SET", "appendonly", "yes"}}, true},
		{"turned on late and ended", "yes", true, [][]string{{"CONFIG", "SET", "appendonly", "yes"}}, false},
		{"flushed", "yes", false, [][]string{{"FLUSHALL"}}, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			m := startNode(t, peer.StartKvorum, logs("--aof-use-rdb-preamble", c.preamble)...)
			if c.late {
				m.do(t, "CONFIG", "SET", "appendonly", "no")
			}
			r, real := startNode(t, peer.StartKvorum), startNode(t, peer.StartOracle)
			below := startNode(t, peer.StartKvorum)
			r.follow(t, m.port)
			real.follow(t, m.port)
			below.follow(t, r.port)
			l := load(t, m, seed, 2)
			l.more(t, 200)
			for _, words := range c.before {
				m.do(t, words...)
				m.await(t, "aof_rewrite_in_progress", "0")
				m.await(t, "aof_enabled", "1")
			}
			if c.after {
				l.more(t, 200)
			}
			l.stop()
			if !c.after { // nothing is in the file behind the cut
				m.do(t, "BGREWRITEAOF")
				m.await(t, "aof_rewrite_in_progress", "0")
			}
			id := m.info(t, "master_replid")
			m.restart(t)
			if have := m.info(t, "master_replid2"); have != id {
				t.Errorf("the second history is %s, not %s\n%s", have, id, m.Log())
			}
			for _, n := range []*server{r, real, below} {
				n.await(t, "master_link_status", "up")
			}
			m.do(t, "SET", "after", "v")
			inStep(t, m, r, real, below)
			if full, partial := m.info(t, "sync_full"), m.info(t, "sync_partial_ok"); full != "0" || partial != "2" {
				t.Errorf("%s full and %s partial synchronizations\n%s", full, partial, m.Log())
			}
			if full := r.info(t, "sync_full"); full != "1" {
				t.Errorf("the replica gave %s full synchronizations", full)
			}
		})
	}
}

// TestMasterIsKilledAmidWrites: after kill -9 the replicas that have no more than the log
// go on, those that have more get everything; whatever happens, the data are equal.
func TestMasterIsKilledAmidWrites(t *testing.T) {
	for _, policy := range []string{"no", "everysec", "always"} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			m := startNode(t, peer.StartKvorum, logs("--appendfsync", policy)...)
			nodes := []*server{startNode(t, peer.StartKvorum), startNode(t, peer.StartOracle)}
			for _, r := range nodes {
				r.follow(t, m.port)
			}
			for round := range 3 {
				l := load(t, m, seed+uint64(round), 3)
				pub := publish(t, m)
				l.more(t, 400)
				if round == 1 {
					m.do(t, "BGREWRITEAOF")
					l.more(t, 100)
				}
				id := m.info(t, "master_replid")
				l.end.Store(true)
				m.kill(t)
				l.work.Wait()
				pub.Wait()
				ends := map[*server]int64{}
				for _, r := range nodes {
					r.await(t, "master_link_status", "down")
					ends[r] = r.offset(t)
				}
				m.restart(t)
				if have := m.info(t, "master_replid2"); have != id {
					t.Fatalf("the second history is %s, not %s\n%s", have, id, m.Log())
				}
				loaded, _ := strconv.ParseInt(m.info(t, "second_repl_offset"), 10, 64)
				partial := 0
				for _, end := range ends {
					if end < loaded {
						partial++
					}
				}
				for _, r := range nodes {
					r.await(t, "master_link_status", "up")
				}
				m.do(t, "SET", "after", strconv.Itoa(round))
				inStep(t, append([]*server{m}, nodes...)...)
				t.Logf("loaded up to %d, replicas ended at %v", loaded-1, ends)
				if full, ok := m.info(t, "sync_full"), m.info(t, "sync_partial_ok"); ok != strconv.Itoa(partial) || full != strconv.Itoa(len(nodes)-partial) {
					t.Errorf("%s full and %s partial synchronizations, not %d\n%s", full, ok, partial, m.Log())
				}
			}
		})
	}
}

// TestMasterKilledAtRest: what was at rest when the master was killed goes on partially:
// the PINGs that the log has not are counted.
func TestMasterKilledAtRest(t *testing.T) {
	m := startNode(t, peer.StartKvorum, logs()...)
	a, b := startNode(t, peer.StartKvorum), startNode(t, peer.StartOracle)
	a.follow(t, m.port)
	b.follow(t, m.port)
	m.do(t, "SET", "k", "v")
	m.do(t, "WAIT", "2", "10000") // by GETACK, which is not in the log
	m.do(t, "PUBLISH", "c", "message")
	m.do(t, "CONFIG", "SET", "repl-ping-replica-period", "3600")
	inStep(t, m, a, b)
	before, _ := m.history(t)
	m.do(t, "PUBLISH", "c", "message")
	inStep(t, m, a, b)
	until(t, "that the log knows of the gap", func() bool { now, _ := m.history(t); return now != before })
	m.crash(t)
	a.await(t, "master_link_status", "up")
	b.await(t, "master_link_status", "up")
	m.do(t, "SET", "k", "w")
	inStep(t, m, a, b)
	if full, partial := m.info(t, "sync_full"), m.info(t, "sync_partial_ok"); full != "0" || partial != "2" {
		t.Errorf("%s full and %s partial synchronizations\n%s", full, partial, m.Log())
	}
}

// TestReplicaAheadOfTheLog: the master loses the end of its log; a replica that has it
// gets everything anew, one that was behind goes on from what the log still has.
func TestReplicaAheadOfTheLog(t *testing.T) {
	m := startNode(t, peer.StartKvorum, logs("--repl-backlog-size", "1mb", "--repl-backlog-disk-size", "64mb")...)
	w := newWire(t, m.port)
	ahead, behind := startNode(t, peer.StartKvorum), startNode(t, peer.StartKvorum)
	ahead.follow(t, m.port)
	behind.follow(t, w.port())
	for i := range 100 {
		m.do(t, "RPUSH", "list", strings.Repeat("v", 1000)+strconv.Itoa(i))
	}
	inStep(t, m, ahead, behind)
	w.cut(true)
	m.await(t, "connected_slaves", "1")
	for i := range 3000 {
		m.do(t, "RPUSH", "list", strings.Repeat("v", 1000)+strconv.Itoa(i))
	}
	inStep(t, m, ahead)
	m.kill(t)
	m.cutLog(t, 5000)
	w.mu.Lock()
	w.down = false
	w.mu.Unlock()
	m.restart(t)
	ahead.await(t, "master_link_status", "up")
	behind.await(t, "master_link_status", "up")
	m.do(t, "RPUSH", "list", "after")
	inStep(t, m, ahead, behind)
	if full, partial := m.info(t, "sync_full"), m.info(t, "sync_partial_ok"); full != "1" || partial != "1" {
		t.Errorf("%s full and %s partial synchronizations\n%s", full, partial, m.Log())
	}
}

// TestReplicaGoesOnFromItsLog: a replica asks its master only for what its log has not,
// also after kill -9 and a rewrite, whichever database the stream is about.
func TestReplicaGoesOnFromItsLog(t *testing.T) {
	for _, start := range []starter{peer.StartKvorum, peer.StartOracle} {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		m := startNode(t, start, "--repl-backlog-size", "64mb", "--save", "")
		r := startNode(t, peer.StartKvorum, logs("--replicaof", "127.0.0.1 "+strconv.Itoa(m.port))...)
		r.await(t, "master_link_status", "up")
		r.await(t, "aof_rewrite_in_progress", "0")
		syncs := m.info(t, "sync_full")
		m.do(t, "SELECT", "3")
		l := load(t, m, seed, 1)
		for round := range 4 {
			l.more(t, 200)
			if round >= 2 {
				r.do(t, "BGREWRITEAOF")
				for range 50 { // all of them in one database, that nothing selects again
					m.do(t, "RPUSH", "three", "v")
				}
				r.await(t, "aof_rewrite_in_progress", "0")
			}
			if round%2 == 0 {
				r.restart(t)
			} else {
				r.crash(t)
			}
			r.await(t, "master_link_status", "up")
		}
		l.stop()
		m.do(t, "SELECT", "0")
		inStep(t, m, r)
		if full, partial := m.info(t, "sync_full"), m.info(t, "sync_partial_ok"); full != syncs || partial != "4" {
			t.Errorf("%s full and %s partial synchronizations\n%s", full, partial, m.Log())
		}
	}
}

// TestLogRewrittenByReplica: the file that a replica begins at a rewrite says which
// database the stream goes on with.
func TestLogRewrittenByReplica(t *testing.T) {
	m := startNode(t, peer.StartKvorum)
	r := startNode(t, peer.StartKvorum, logs()...)
	r.follow(t, m.port)
	m.do(t, "SELECT", "3")
	m.do(t, "SET", "before", "v")
	r.await(t, "aof_rewrite_in_progress", "0")
	inStep(t, m, r)
	m.do(t, "SELECT", "3")
	r.do(t, "BGREWRITEAOF")
	r.await(t, "aof_rewrite_in_progress", "0")
	m.do(t, "SET", "after", "v")
	m.do(t, "SELECT", "0")
	inStep(t, m, r)
	r.do(t, "REPLICAOF", "NO", "ONE")
	r.restart(t)
	r.do(t, "SELECT", "3")
	if have := r.do(t, "GET", "after"); have != "v" {
		t.Errorf("database 3 has %q", have)
	}
}

// TestForeignLog: a log that another server has appended to claims no history.
func TestForeignLog(t *testing.T) {
	m := startNode(t, peer.StartKvorum, logs()...)
	r := startNode(t, peer.StartKvorum)
	r.follow(t, m.port)
	m.do(t, "SET", "k", "v")
	inStep(t, m, r)
	m.kill(t)
	m.appendLog(t, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nw\r\n")
	m.restart(t)
	r.await(t, "master_link_status", "up")
	inStep(t, m, r)
	if full := m.info(t, "sync_full"); full != "1" {
		t.Errorf("%s full synchronizations\n%s", full, m.Log())
	}
}
