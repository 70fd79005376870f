package server_test

import (
	"regexp"
	"strings"
	"testing"

	"kvorum/server/servertest"
)

// The log tells at level verbose what was wrong with a request, and shows the input
// from there on, as Redis does.
func TestProtocolErrorIsLogged(t *testing.T) {
	s := servertest.Start(t, "loglevel verbose")
	for _, c := range []struct{ input, text, shown string }{
		{"*1\r\n$x\r\n", "invalid bulk length", "'$x..'"},
		{"PING\r\n*2\r\n$3\r\nGET\r\n+x\r\n", "expected $ but got something else", "'+x..'"},
		{"*99999999999\r\n", "invalid mbulk count", "'*99999999999..'"},
		{"\"abc\r\n", "unbalanced quotes in inline request", "'\"abc..'"},
		{"*2\r\n$3\r\nGET\r\n$" + strings.Repeat("7", 198) + "\r\n", "invalid bulk length",
			"'$" + strings.Repeat("7", 63) + "' (... more 73 bytes ...) '" + strings.Repeat("7", 62) + "..'"},
	} {
		conn := s.Dial()
		conn.Write([]byte(c.input))
		for {
			if _, err := conn.TryRead(); err != nil {
				break
			}
		}
		line := regexp.MustCompile(` - Protocol error \(` + regexp.QuoteMeta(c.text) + `\) from client: id=\d+ addr=.*\. Query buffer during protocol error: ` +
			regexp.QuoteMeta(c.shown) + `\n`)
		awaitLog(t, s.Log.String, line.String())
	}
}

// At the start and every five seconds the log tells what is there: databases at
// level verbose, clients at level debug.
func TestStateIsLogged(t *testing.T) {
	s := servertest.Start(t, "loglevel debug")
	awaitLog(t, s.Log.String, ` \. The AOF directory appendonlydir doesn't exist\n`)
	awaitLog(t, s.Log.String, ` \. 0 clients connected \(0 replicas\), \d+ bytes in use\n`)
	c := s.Dial()
	c.Want("+OK", "SET", "a", "1", "EX", "100")
	c.Want("+OK", "SET", "b", "1")
	s.Server.LogState() // as every five seconds
	awaitLog(t, s.Log.String, ` - DB 0: 2 keys \(1 volatile\) in \d+ slots HT\.\n`)
	awaitLog(t, s.Log.String, ` \. 1 clients connected \(0 replicas\), \d+ bytes in use\n`)
}
