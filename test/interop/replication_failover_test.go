package interop

import (
	"strconv"
	"testing"
	"time"

	"kvorum/test/peer"
)

// TestFailover: FAILOVER lets a master and a replica of either kind change places under a
// load of writes, none of which is lost, and all go on without a full synchronization.
func TestFailover(t *testing.T) {
	for _, p := range pairs {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			a, b, c := startNode(t, p.master), startNode(t, p.replica), startNode(t, peer.StartKvorum)
			b.follow(t, a.port)
			c.follow(t, a.port)
			a.await(t, "connected_slaves", "2")
			writer, err := a.Dial()
			if err != nil {
				t.Fatal(err)
			}
			defer writer.Close()
			acked, over := int64(0), make(chan struct{})
			go func() {
				defer close(over)
				for {
					v, err := writer.Do("INCR", "n")
					if err != nil || v.Type != ':' {
						return // READONLY: it is a replica now
					}
					acked = v.Int
				}
			}()
			until(t, "that the counter runs", func() bool { n, _ := strconv.Atoi(a.do(t, "GET", "n")); return n > 100 })
			awaitOnline(t, a, 2)
			if have := a.do(t, "FAILOVER", "TO", "127.0.0.1", strconv.Itoa(b.port), "TIMEOUT", "20000"); have != "OK" {
				t.Fatal(have)
			}
			b.await(t, "role", "master")
			a.await(t, "master_failover_state", "no-failover")
			a.await(t, "master_link_status", "up")
			<-over
			if have := b.do(t, "GET", "n"); have != strconv.FormatInt(acked, 10) {
				t.Errorf("acknowledged up to %d, the new master has %s", acked, have)
			}
			c.do(t, "REPLICAOF", "127.0.0.1", strconv.Itoa(b.port))
			c.await(t, "master_link_status", "up")
			b.do(t, "SET", "after", "v")
			inStep(t, b, a, c)
			if full, partial := b.info(t, "sync_full"), b.info(t, "sync_partial_ok"); full != "0" || partial != "2" {
				t.Errorf("%s full and %s partial synchronizations\n%s\n%s", full, partial, a.Log(), b.Log())
			}
			// And back, to whichever replica is first.
			awaitOnline(t, b, 2)
			if have := b.do(t, "FAILOVER"); have != "OK" {
				t.Fatal(have)
			}
			b.await(t, "role", "slave")
			b.await(t, "master_failover_state", "no-failover")
			b.await(t, "master_link_status", "up")
		})
	}
}

// awaitOnline waits until so many replicas get the stream.
func awaitOnline(t *testing.T, n *server, replicas int) {
	t.Helper()
	for end := time.Now().Add(syncTimeout); ; time.Sleep(lookEvery) {
		v, err := n.admin.Do("ROLE")
		if err == nil && len(v.Elems) == 3 && len(v.Elems[2].Elems) == replicas {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: not %d replicas: %v, %v", n, replicas, v, err)
		}
	}
}

// TestFailoverIsGivenUp: without a replica that catches up in time the master stays what
// it is and serves what waited; so it does when the target refuses.
func TestFailoverIsGivenUp(t *testing.T) {
	m, r := startNode(t, peer.StartKvorum), startNode(t, peer.StartOracle)
	r.follow(t, m.port)
	awaitOnline(t, m, 1)
	slow, err := r.Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = slow.Do("DEBUG", "SLEEP", "2")
	}()
	r.awaitAsleep(t)
	m.do(t, "SET", "k", "v")
	if have := m.do(t, "FAILOVER", "TIMEOUT", "300"); have != "OK" {
		t.Fatal(have)
	}
	for _, refused := range [][]string{{"FAILOVER"}, {"REPLICAOF", "127.0.0.1", "1"}} {
		want := map[string]string{"FAILOVER": "ERR FAILOVER already in progress.", "REPLICAOF": "ERR REPLICAOF not allowed while failing over."}[refused[0]]
		if have := m.do(t, refused...); have != want {
			t.Errorf("%v: %q", refused, have)
		}
	}
	start := time.Now()
	if have := m.do(t, "SET", "k", "w"); have != "OK" || time.Since(start) < 100*time.Millisecond {
		t.Errorf("a write during the failover: %q after %v", have, time.Since(start))
	}
	if have := m.info(t, "master_failover_state"); have != "no-failover" {
		t.Error(have)
	}
	awaitLog(t, m, "Replica never caught up before timeout")
	if have := m.do(t, "FAILOVER", "ABORT"); have != "ERR No failover in progress." {
		t.Error(have)
	}
	<-done
	inStep(t, m, r)
}
