package server_test

import (
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"kvorum/server/servertest"
)

// A replica that goes away while it is about to be given a snapshot leaves nothing behind
// that keeps the stream in memory, and no snapshot that keeps the server from ending.
func TestReplicaGoneBeforeItsSnapshot(t *testing.T) {
	in := servertest.Start(t, "repl-diskless-sync-delay 0", "repl-backlog-size 16kb")
	c := in.Dial()
	for i := range 300 {
		conn, err := net.Dial("unix", in.Socket)
		if err != nil {
			t.Fatal(err)
		}
		conn.Write([]byte("REPLCONF capa eof capa psync2\r\n"))
		b := make([]byte, 16)
		if n, err := conn.Read(b); string(b[:n]) != "+OK\r\n" {
			t.Fatalf("%q %v", b[:n], err)
		}
		conn.Write([]byte("PSYNC ? -1\r\n"))
		for began := time.Now(); time.Since(began) < time.Duration(i%60)*10*time.Microsecond; {
		}
		conn.Close()
	}
	await(t, func() bool { return c.Info("connected_slaves") == "0" })
	value := strings.Repeat("x", 64<<10)
	for range 16 {
		c.Want("+OK", "SET", "k", value)
	}
	kept, err := strconv.Atoi(c.Info("repl_backlog_histlen"))
	if err != nil || kept > 256<<10 {
		t.Errorf("%d bytes of the stream are kept (%v)", kept, err)
	}
}
