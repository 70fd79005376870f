package interop

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

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
			stop := load(t, m, seed, 3)
			for range 2 {
				time.Sleep(100 * time.Millisecond)
				r.restart(t)
				r.await(t, "master_link_status", "up")
			}
			stop()
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
			stop := load(t, m, seed, 3)
			time.Sleep(200 * time.Millisecond)
			stop()
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
