package server_test

import (
	"testing"

	"kvorum/server/servertest"
)

// A client that asks for what it has to wait for and hangs up at once is gone, although
// the end of its stream came with the request.
func TestClientsThatHangUpAtOnceDoNotWait(t *testing.T) {
	srv := servertest.Start(t, "enable-debug-command yes", "io-threads 1")
	admin := srv.Dial()
	var clients []*servertest.Conn
	for range 20 {
		c := srv.Dial()
		c.Do("PING")
		clients = append(clients, c)
	}
	admin.Send("DEBUG", "SLEEP", "0.2") // the loop finds requests and ends together
	for _, c := range clients {
		c.Send("BLPOP", "list", "0")
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	admin.Read()
	awaitInfo(t, admin, "blocked_clients", "0")
	awaitInfo(t, admin, "connected_clients", "1")
}
