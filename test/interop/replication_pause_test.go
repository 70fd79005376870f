package interop

import (
	"strconv"
	"strings"
	"testing"
)

// TestPausedReplicaStandsStill: while clients of a replica are paused its data stay as
// they are. What the master sends is read, told and not executed, until the pause is
// over or the master is left; the link stays up meanwhile, for longer than its timeout.
func TestPausedReplicaStandsStill(t *testing.T) {
	for _, p := range pairs[:2] {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			m := startNode(t, p.master)
			r := startNode(t, p.replica, "--repl-timeout", "2")
			r.follow(t, m.port)
			m.do(t, "SET", "k", "v")
			inStep(t, m, r)
			large := strings.Repeat("x", 3<<20) // more than is read at once
			for _, mode := range []string{"WRITE", "ALL"} {
				look, err := r.Dial()
				if err != nil {
					t.Fatal(err)
				}
				r.do(t, "CLIENT", "PAUSE", map[string]string{"WRITE": "600000", "ALL": "3500"}[mode], mode)
				m.do(t, "SET", "k", mode)
				m.do(t, "SET", "large", large+mode)
				if mode == "WRITE" {
					until(t, "that the replica has read it", func() bool {
						return r.info(t, "slave_read_repl_offset") == m.info(t, "master_repl_offset")
					})
					awaitStill(t, m, r)
					if have := r.do(t, "GET", "k"); have != "v" {
						t.Errorf("the paused replica has %q", have)
					}
					if mine, master := number(t, r, "slave_repl_offset"), number(t, m, "master_repl_offset"); mine > master-int64(len(large)) {
						t.Errorf("the paused replica is at %d of %d", mine, master)
					}
					r.do(t, "CLIENT", "UNPAUSE")
				}
				inStep(t, m, r) // the pause of all ends by itself
				look.Close()
			}
			if full := m.info(t, "sync_full") + m.info(t, "sync_partial_ok"); full != "10" {
				t.Errorf("full and partial synchronizations: %s\n%s", full, r.Log())
			}
			// Who leaves the master leaves what it has not executed.
			r.do(t, "CLIENT", "PAUSE", "600000", "WRITE")
			m.do(t, "SET", "k", "lost")
			until(t, "that the replica has read it", func() bool {
				return r.info(t, "slave_read_repl_offset") == m.info(t, "master_repl_offset")
			})
			r.do(t, "REPLICAOF", "NO", "ONE")
			r.do(t, "CLIENT", "UNPAUSE")
			if have := r.do(t, "GET", "k"); have != "ALL" {
				t.Errorf("the replica that was promoted has %q", have)
			}
			r.follow(t, m.port)
			inStep(t, m, r)
		})
	}
}

// awaitStill waits until the master has sent signs of life for longer than the link's
// timeout.
func awaitStill(t *testing.T, m, r *server) {
	t.Helper()
	from := number(t, m, "master_repl_offset")
	until(t, "that the master sends signs of life", func() bool { return number(t, m, "master_repl_offset") >= from+4*14 })
	if have := r.info(t, "master_link_status"); have != "up" {
		t.Errorf("the link is %s", have)
	}
}

// number returns a field of INFO that is one.
func number(t *testing.T, n *server, field string) int64 {
	t.Helper()
	v, err := strconv.ParseInt(n.info(t, field), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
