package interop

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"kvorum/test/peer"
)

// lineOf returns the line of CLIENT LIST of the only client of a type.
func lineOf(t *testing.T, n *server, kind string) string {
	t.Helper()
	text := strings.TrimSuffix(n.do(t, "CLIENT", "LIST", "TYPE", kind), "\n")
	if text == "" || strings.Contains(text, "\n") {
		t.Fatalf("%s: clients of type %s: %q", n, kind, text)
	}
	return text
}

// TestLinksAreClients: each end of a link is a client of a type of its own, which can be
// ended, and which the counts of clients know.
func TestLinksAreClients(t *testing.T) {
	m, r := startNode(t, peer.StartKvorum), startNode(t, peer.StartKvorum)
	r.follow(t, m.port)
	m.do(t, "SET", "k", "v")
	inStep(t, m, r)
	for _, have := range []struct{ line, want string }{
		{lineOf(t, m, "replica"), " flags=S "}, {lineOf(t, m, "slave"), " cmd=replconf "}, {lineOf(t, r, "master"), " flags=M "},
		{lineOf(t, r, "master"), " user=(superuser) "}, {lineOf(t, r, "normal"), " flags=U "}, {lineOf(t, m, "normal"), " flags=U "},
	} {
		if !strings.Contains(have.line, have.want) {
			t.Errorf("%q has no %q", have.line, have.want)
		}
	}
	if a, b := m.info(t, "connected_clients"), r.info(t, "connected_clients"); a != "1" || b != "2" {
		t.Errorf("%s clients of the master, %s of the replica", a, b)
	}
	if m.info(t, "mem_clients_slaves") == "0" || m.info(t, "mem_replication_backlog") == "0" {
		t.Error("replicas take no memory")
	}
	for i, kill := range []struct {
		n    *server
		kind string
	}{{m, "replica"}, {r, "master"}, {m, "slave"}} {
		if v, err := kill.n.admin.Do("CLIENT", "KILL", "TYPE", kill.kind); err != nil || v.Int != 1 {
			t.Errorf("killed %v of type %s: %v", v.Int, kill.kind, err)
		}
		m.await(t, "sync_partial_ok", strconv.Itoa(i+1))
		r.await(t, "master_link_status", "up")
	}
	if full := m.info(t, "sync_full"); full != "1" {
		t.Errorf("%s full synchronizations", full)
	}
}

// TestEmptyLineIsASignOfLife: a replica that sends nothing but empty lines, as one does
// that loads for long, is not given up.
func TestEmptyLineIsASignOfLife(t *testing.T) {
	m := startNode(t, peer.StartKvorum, "--repl-timeout", "2")
	dial := func() *peer.Conn {
		c, err := m.Dial()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		if err := c.Send([]byte("PSYNC ? -1\r\n")); err != nil {
			t.Fatal(err)
		}
		return c
	}
	alive, silent := dial(), dial()
	_ = silent
	m.await(t, "connected_slaves", "2")
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(200 * time.Millisecond):
				_ = alive.Send([]byte("\n"))
			}
		}
	}()
	m.await(t, "connected_slaves", "1")
	// Longer than the timeout: nothing tells when a server would have dropped it.
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(lookEvery) {
		if n := m.info(t, "connected_slaves"); n != "1" {
			t.Fatalf("%s replicas\n%s", n, m.Log())
		}
	}
}

// TestMessagesReachReplicas: who is subscribed at a replica of either kind gets what is
// published at the master, in the order of the writes around it; no log has it.
func TestMessagesReachReplicas(t *testing.T) {
	for _, p := range pairs {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			m, r := startNode(t, p.master), startNode(t, p.replica)
			r.follow(t, m.port)
			sub, err := r.Dial()
			if err != nil {
				t.Fatal(err)
			}
			defer sub.Close()
			if _, err := sub.Do("SUBSCRIBE", "ch"); err != nil {
				t.Fatal(err)
			}
			m.do(t, "SELECT", "3")
			m.do(t, "MULTI")
			m.do(t, "SET", "k", "v")
			m.do(t, "PUBLISH", "ch", "one")
			m.do(t, "EXEC")
			m.do(t, "PUBLISH", "ch", "two")
			m.do(t, "SELECT", "0")
			for _, want := range []string{"one", "two"} {
				b, err := sub.Reply()
				if err != nil || !strings.HasSuffix(string(b), "\r\n"+want+"\r\n") {
					t.Fatalf("got %q, %v, not %q", b, err, want)
				}
			}
			inStep(t, m, r)
		})
	}
}

// TestConfigurationTellsTheMaster: CONFIG GET follows what REPLICAOF says.
func TestConfigurationTellsTheMaster(t *testing.T) {
	m, r := startNode(t, peer.StartKvorum), startNode(t, peer.StartKvorum)
	port := strconv.Itoa(m.port)
	get := func() string {
		v, err := r.admin.Do("CONFIG", "GET", "replicaof")
		if err != nil || len(v.Elems) != 2 {
			t.Fatal(v, err)
		}
		return string(v.Elems[1].Str)
	}
	r.follow(t, m.port)
	if have := get(); have != "127.0.0.1 "+port {
		t.Errorf("replicaof %q", have)
	}
	r.do(t, "REPLICAOF", "NO", "ONE")
	if have := get(); have != "" {
		t.Errorf("replicaof %q", have)
	}
}
