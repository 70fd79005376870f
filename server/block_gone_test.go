package server_test

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"kvorum/server/servertest"
)

// callText sends a request and returns the reply as text.
func callText(c *servertest.Conn, args ...string) string {
	v := call(c, args...)
	return v.Text()
}

// Who waits as one of a group learns that its stream is gone, however it goes: when
// its time is over, met by a command that writes nothing or by nobody, or evicted.
func TestBlockedReadersLearnThatTheirStreamIsGone(t *testing.T) {
	const gone = "-NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option"
	for name, how := range map[string]func(admin *servertest.Conn){
		"expiry": func(admin *servertest.Conn) { admin.Want(":1", "PEXPIRE", "s", "5") },
		"read": func(admin *servertest.Conn) {
			admin.Want("+OK", "DEBUG", "SET-ACTIVE-EXPIRE", "0")
			admin.Want(":1", "PEXPIRE", "s", "1")
			for callText(admin, "EXISTS", "s") != ":0" {
			}
		},
		"scan": func(admin *servertest.Conn) {
			admin.Want("+OK", "DEBUG", "SET-ACTIVE-EXPIRE", "0")
			admin.Want(":1", "PEXPIRE", "s", "1")
			for callText(admin, "SCAN", "0", "COUNT", "100") != "*2\n  \"0\"\n  *0" {
			}
		},
		"randomkey": func(admin *servertest.Conn) {
			admin.Want("+OK", "DEBUG", "SET-ACTIVE-EXPIRE", "0")
			admin.Want(":1", "PEXPIRE", "s", "1")
			for callText(admin, "RANDOMKEY") != "$-1" {
			}
		},
		"transaction": func(admin *servertest.Conn) {
			admin.Want("+OK", "MULTI")
			admin.Want("+QUEUED", "PEXPIRE", "s", "-1")
			admin.Want("*1\n  :1", "EXEC")
		},
		"eviction": func(admin *servertest.Conn) {
			admin.Want("+OK", "CONFIG", "SET", "maxmemory-policy", "allkeys-random")
			admin.Want("+OK", "CONFIG", "SET", "maxmemory", "1")
			admin.Want("+PONG", "PING")
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := servertest.Start(t, "io-threads 2", "enable-debug-command yes")
			admin, c := s.Dial(), s.Dial()
			admin.Want("+OK", "XGROUP", "CREATE", "s", "g", "$", "MKSTREAM")
			blockAll(t, admin, []*servertest.Conn{c}, "XREADGROUP", "GROUP", "g", "c", "BLOCK", "0", "STREAMS", "s", ">")
			how(admin)
			if v := c.Read(); v.Text() != gone {
				t.Error(v.Text())
			}
		})
	}
}

// A client that hangs up while one of its requests is served, and of whom the next one
// waits, is gone for good: nobody would ever tell it anything.
func TestWaitingAgainWithoutAPeer(t *testing.T) {
	addr := fmt.Sprint("127.0.0.1:", freePort(t))
	admin := servertest.Start(t, "io-threads 2", "bind 127.0.0.1", "port "+strings.TrimPrefix(addr, "127.0.0.1:")).Dial()
	dial := func() *servertest.Conn {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		return servertest.NewConn(t, conn)
	}
	for range 60 {
		first, second := dial(), dial()
		for range 2 {
			first.Send("BRPOPLPUSH", "a", "b", "0")
		}
		awaitInfo(t, admin, "blocked_clients", "1")
		second.Send("BRPOPLPUSH", "b", "c", "0")
		awaitInfo(t, admin, "blocked_clients", "2")
		second.Send("BRPOPLPUSH", "b", "c", "0")
		admin.Want(":1", "LPUSH", "a", "v")
		first.Close()
		second.Close()
		awaitInfo(t, admin, "blocked_clients", "0")
		admin.Do("DEL", "a", "b", "c")
	}
	awaitInfo(t, admin, "connected_clients", "1")
}
