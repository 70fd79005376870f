package server_test

import (
	"net"
	"strconv"
	"strings"
	"testing"

	"kvorum/server/servertest"
)

// outsideAddr returns an address of this machine that is not a loopback one.
func outsideAddr(t testing.TB) string {
	t.Helper()
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
			return n.IP.String()
		}
	}
	t.Skip("this machine has no address but loopback ones")
	return ""
}

const protectedText = "-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the default user. In this mode connections are only accepted from the loopback interface. If you want to connect from external computers to Redis you may adopt one of the following solutions: 1) Just disable protected mode sending the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from the same host the server is running, however MAKE SURE Redis is not publicly accessible from internet if you do so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the protected mode by editing the Redis configuration file, and setting the protected mode option to 'no', and then restarting the server. 3) If you started the server manually just for testing, restart it with the '--protected-mode no' option. 4) Set up an authentication password for the default user. NOTE: You only need to do one of the above things in order for the server to start accepting connections from the outside."

// Without a password, clients of other machines are refused and told what to do,
// whatever bind says; a password or protected-mode no lets them in.
func TestProtectedModeConditions(t *testing.T) {
	outside := outsideAddr(t)
	s := servertest.Start(t)
	admin := s.Dial()
	port := listenSomewhere(t, admin, "*")
	dial := func(host string) *servertest.Conn {
		t.Helper()
		conn, err := net.Dial("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			t.Fatal(err)
		}
		return servertest.NewConn(t, conn)
	}
	refused := func() {
		t.Helper()
		c := dial(outside)
		if v := c.Read(); v.Text() != protectedText {
			t.Errorf("have %s", v.Text())
		}
		c.WantClosed()
	}
	refused()
	dial("127.0.0.1").Want("+PONG", "PING")
	dial("127.5.5.5").Want("+PONG", "PING")
	if have := admin.Info("rejected_connections"); have != "1" {
		t.Errorf("rejected_connections %s", have)
	}
	admin.Want("+OK", "CONFIG", "SET", "bind", outside+" 127.0.0.1")
	refused()
	admin.Want("+OK", "CONFIG", "SET", "requirepass", "secret")
	dial(outside).Want("-NOAUTH Authentication required.", "PING")
	admin.Want("+OK", "CONFIG", "SET", "requirepass", "")
	refused()
	admin.Want("+OK", "CONFIG", "SET", "protected-mode", "no")
	dial(outside).Want("+PONG", "PING")
	if have := admin.Info("connected_clients"); have < "1" || strings.HasPrefix(have, "-") {
		t.Errorf("connected_clients %s", have)
	}
}

// maxclients refuses the next client, who is told; lowering it sends nobody away.
func TestMaxClientsChanges(t *testing.T) {
	s := servertest.Start(t, "maxclients 3")
	admin := s.Dial()
	first, second := s.Dial(), s.Dial()
	first.Want("+PONG", "PING")
	second.Want("+PONG", "PING")
	refused := func() {
		t.Helper()
		c := s.Dial()
		if v := c.Read(); v.Text() != "-ERR max number of clients reached" {
			t.Errorf("have %s", v.Text())
		}
		c.WantClosed()
	}
	refused()
	admin.Want("+OK", "CONFIG", "SET", "maxclients", "1")
	second.Want("+PONG", "PING")
	refused()
	if a, b := admin.Info("connected_clients"), admin.Info("rejected_connections"); a != "3" || b != "2" {
		t.Errorf("%s connected, %s rejected", a, b)
	}
	admin.Want("+OK", "CONFIG", "SET", "maxclients", "3")
	if have := admin.Info("maxclients"); have != "3" {
		t.Errorf("INFO says maxclients %s", have)
	}
}

// At level verbose the log has a line for each client that comes.
func TestAcceptedIsLogged(t *testing.T) {
	s := servertest.Start(t, "loglevel verbose")
	admin := s.Dial()
	port := listenSomewhere(t, admin, "127.0.0.1")
	c := connect(t, "127.0.0.1", port)
	for _, line := range []string{" - Accepted connection to " + s.Socket + "\n", " - Accepted " + c.LocalAddr().String() + "\n"} {
		if !strings.Contains(s.Log.String(), line) {
			t.Errorf("the log lacks %q:\n%s", line, s.Log.String())
		}
	}
	admin.Want("+OK", "CONFIG", "SET", "loglevel", "notice")
	before := s.Log.String()
	s.Dial().Want("+PONG", "PING")
	if s.Log.String() != before {
		t.Errorf("the log is\n%s", s.Log.String())
	}
}
