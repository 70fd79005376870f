package interop

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"

	"kvorum/test/peer"
)

// Servers that are restarted go on with the history of their data.

// saves makes a server save its data at its end.
var saves = []string{"--save", "3600 1"}

// restart ends a server politely and starts it again with its data. It is told more.
func (n *server) restart(t *testing.T) {
	t.Helper()
	n.admin.Close()
	if err := n.Restart(); err != nil {
		t.Fatal(err)
	}
	n.dial(t)
	n.await(t, "loading", "0")
}

// TestRestartedReplicaGoesOn: a replica that comes back from its file asks for what it
// has missed only, whichever database the stream was about, and so do those below it.
func TestRestartedReplicaGoesOn(t *testing.T) {
	for _, p := range pairs {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			m := startNode(t, p.master, "--repl-backlog-size", "64mb")
			r := startNode(t, p.replica, append(saves, "--replicaof", "127.0.0.1 "+strconv.Itoa(m.port))...)
			r.await(t, "master_link_status", "up")
			l := load(t, m, seed, 3)
			for range 2 {
				l.more(t, 200)
				r.restart(t)
				r.await(t, "master_link_status", "up")
			}
			l.stop()
			inStep(t, m, r)
			if full, partial := m.info(t, "sync_full"), m.info(t, "sync_partial_ok"); full != "1" || partial != "2" {
				t.Errorf("%s full and %s partial synchronizations\n%s", full, partial, m.Log())
			}
		})
	}
}

// TestRestartedMasterGoesOn: a master that comes back from its file has a history of its
// own, with which its replicas can go on, and what expired meanwhile is in the stream.
func TestRestartedMasterGoesOn(t *testing.T) {
	for _, p := range pairs {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			m := startNode(t, p.master, saves...)
			r := startNode(t, p.replica)
			r.follow(t, m.port)
			below := startNode(t, peer.StartKvorum)
			below.follow(t, r.port)
			l := load(t, m, seed, 3)
			l.more(t, 300)
			l.stop()
			for i := range 50 {
				m.do(t, "SET", "gone"+strconv.Itoa(i), "v", "PX", "300")
			}
			id := m.info(t, "master_replid")
			m.restart(t)
			if have := m.info(t, "master_replid2"); have != id {
				t.Errorf("the second history is %s, not %s", have, id)
			}
			if have := m.info(t, "master_replid"); have == id {
				t.Error("the history is the old one")
			}
			r.await(t, "master_link_status", "up")
			below.await(t, "master_link_status", "up")
			m.do(t, "SET", "after", "v")
			inStep(t, m, r, below)
			if full := m.info(t, "sync_full"); full != "0" {
				t.Errorf("%s full synchronizations\n%s", full, m.Log())
			}
			if full := r.info(t, "sync_full"); full != "1" {
				t.Errorf("the replica gave %s full synchronizations", full)
			}
			if n := r.do(t, "KEYS", "gone*"); strings.Contains(n, "gone") {
				t.Errorf("the replica still has %s", n)
			}
		})
	}
}

// TestReloadIsNoRestart: DEBUG RELOAD leaves the history and the links alone.
func TestReloadIsNoRestart(t *testing.T) {
	m, r := startNode(t, peer.StartKvorum), startNode(t, peer.StartKvorum)
	r.follow(t, m.port)
	m.do(t, "SET", "k", "v")
	inStep(t, m, r)
	id := m.info(t, "master_replid")
	for _, n := range []*server{m, r} {
		if have := n.do(t, "DEBUG", "RELOAD"); have != "OK" {
			t.Error(have)
		}
		if have := n.info(t, "master_replid"); have != id || n.info(t, "master_replid2") != strings.Repeat("0", 40) {
			t.Errorf("the history is %s, not %s", have, id)
		}
	}
	m.do(t, "SET", "k", "w")
	inStep(t, m, r)
	if full := m.info(t, "sync_full"); full != "1" {
		t.Errorf("%s full synchronizations", full)
	}
}

// TestRestartAmidWrites: a master that is told to end while clients write lets its
// replicas have all that it has acknowledged, and saves just that: they go on with it.
func TestRestartAmidWrites(t *testing.T) {
	m := startNode(t, peer.StartKvorum, append(saves, "--shutdown-timeout", "30")...)
	a, b := startNode(t, peer.StartKvorum), startNode(t, peer.StartOracle)
	a.follow(t, m.port)
	b.follow(t, m.port)
	acked := make([]int64, 4)
	var work sync.WaitGroup
	for i := range acked {
		c, err := m.Dial()
		if err != nil {
			t.Fatal(err)
		}
		work.Go(func() {
			defer c.Close()
			for {
				v, err := c.Do("INCR", "n"+strconv.Itoa(i))
				if err != nil {
					return
				}
				acked[i] = v.Int
			}
		})
	}
	until(t, "that the counters run", func() bool { n, _ := strconv.Atoi(m.do(t, "GET", "n0")); return n > 100 })
	m.restart(t)
	work.Wait()
	a.await(t, "master_link_status", "up")
	b.await(t, "master_link_status", "up")
	inStep(t, m, a, b)
	for i, n := range acked {
		if have := m.do(t, "GET", "n"+strconv.Itoa(i)); have != strconv.FormatInt(n, 10) {
			t.Errorf("acknowledged up to %d, restarted with %s", n, have)
		}
	}
	if full, partial := m.info(t, "sync_full"), m.info(t, "sync_partial_ok"); full != "0" || partial != "2" {
		t.Errorf("%s full and %s partial synchronizations\n%s", full, partial, m.Log())
	}
}

// TestShutdownWaits: SHUTDOWN waits for a replica that is behind as long as it may, and
// can be called off; the texts of the log are Redis's.
func TestShutdownWaits(t *testing.T) {
	m := startNode(t, peer.StartKvorum, "--shutdown-timeout", "60", "--repl-timeout", "3600")
	r := startNode(t, peer.StartOracle)
	r.follow(t, m.port)
	m.await(t, "connected_slaves", "1")
	if have := m.do(t, "SHUTDOWN", "ABORT"); have != "ERR No shutdown in progress." {
		t.Error(have)
	}
	var asleep sync.WaitGroup
	sleep := func(seconds string) {
		c, err := r.Dial()
		if err != nil {
			t.Fatal(err)
		}
		asleep.Go(func() {
			defer c.Close()
			_, _ = c.Do("DEBUG", "SLEEP", seconds)
		})
	}
	sleep("1")
	r.awaitAsleep(t)
	m.do(t, "SET", "k", "v")
	ending, err := m.Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer ending.Close()
	replied := make(chan string, 1)
	go func() {
		v, err := ending.Do("SHUTDOWN")
		if err != nil {
			replied <- err.Error()
			return
		}
		replied <- string(v.Str)
	}()
	awaitLog(t, m, "Waiting for replicas before shutting down.")
	if ms := m.info(t, "shutdown_in_milliseconds"); ms == "" || ms == "0" {
		t.Errorf("the shutdown is due in %q ms", ms)
	}
	if have := m.do(t, "SHUTDOWN", "ABORT"); have != "OK" {
		t.Error(have)
	}
	if have := <-replied; have != "ERR Errors trying to SHUTDOWN. Check logs." {
		t.Errorf("the client that asked was told %q", have)
	}
	if have := m.do(t, "SET", "k", "w"); have != "OK" {
		t.Error(have)
	}
	m.do(t, "CONFIG", "SET", "shutdown-timeout", "1")
	asleep.Wait()
	sleep("3")
	r.awaitAsleep(t)
	m.do(t, "SET", "k", "x")
	go func() { _, _ = ending.Do("SHUTDOWN") }()
	if err := m.AwaitEnd(syncTimeout); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"Shutdown manually aborted.", "Lagging replica 127.0.0.1:" + strconv.Itoa(r.port) + " reported offset ",
		"0 of 1 replicas are in sync when shutting down."} {
		if !strings.Contains(m.Log(), text) {
			t.Errorf("%q is not in the log\n%s", text, m.Log())
		}
	}
	asleep.Wait()
}
