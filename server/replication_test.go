package server_test

import (
	"strings"
	"testing"

	"kvorum/server/servertest"
)

// Directives about what a replica, or a master without replicas, lets clients do are in
// force with the reply of CONFIG SET.
func TestReplicationSettingsAreInForce(t *testing.T) {
	c := servertest.Start(t).Dial()
	c.Want("+OK", "CONFIG", "SET", "min-replicas-to-write", "1")
	c.Want("-NOREPLICAS Not enough good replicas to write.", "SET", "a", "1")
	c.Want("+OK", "CONFIG", "SET", "min-replicas-max-lag", "0")
	c.Want("+OK", "SET", "a", "1")
	c.Want("+OK", "CONFIG", "SET", "min-replicas-max-lag", "10", "min-replicas-to-write", "0")
	c.Want("+OK", "SET", "a", "2")
	c.Want("+OK", "REPLICAOF", "127.0.0.1", "1")
	await(t, func() bool { return c.Info("role") == "slave" })
	c.Want("-READONLY You can't write against a read only replica.", "SET", "a", "3")
	c.Want("+OK", "CONFIG", "SET", "replica-read-only", "no")
	c.Want("+OK", "SET", "a", "3")
	c.Want("+OK", "CONFIG", "SET", "replica-serve-stale-data", "no")
	c.Want("-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", "GET", "a")
	c.Want("+OK", "CONFIG", "SET", "replica-serve-stale-data", "yes")
	c.Want(`"3"`, "GET", "a")
	c.Want("+OK", "REPLICAOF", "NO", "ONE")
}

// A transaction is refused with the role that the server has at its EXEC, whatever is in
// it: it needs what any of its commands needs.
func TestRoleAtExec(t *testing.T) {
	s := servertest.Start(t, "replica-serve-stale-data no")
	c, other := s.Dial(), s.Dial()
	c.Want("+OK", "SET", "a", "1")
	for _, word := range []string{"GET a", "PING", "SET a 2"} {
		words := strings.Fields(word)
		c.Want("+OK", "MULTI")
		c.Want("+QUEUED", "INFO")
		c.Want("+QUEUED", words...)
		other.Want("+OK", "REPLICAOF", "127.0.0.1", "1")
		want := "-EXECABORT Transaction discarded because of: MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."
		if words[0] == "SET" {
			want = "-EXECABORT Transaction discarded because of: READONLY You can't write against a read only replica."
		}
		c.Want(want, "EXEC")
		c.Want("-ERR EXEC without MULTI", "EXEC")
		c.Want("+OK", "MULTI")
		c.Want("+QUEUED", "INFO", "server")
		if reply := c.Do("EXEC"); strings.HasPrefix(reply, "-") {
			t.Errorf("INFO in a transaction: %s", reply)
		}
		c.Want("+OK", "MULTI")
		other.Want("+OK", "REPLICAOF", "NO", "ONE")
		c.Want("+QUEUED", words...)
		if reply := c.Do("EXEC"); strings.HasPrefix(reply, "-") {
			t.Errorf("%s by a master: %s", word, reply)
		}
	}
}
