package engine_test

import (
	"strings"
	"testing"

	"kvorum/command/all"
	"kvorum/engine/enginetest"
	"kvorum/resp"
)

// Requests that arrive in one piece with a transaction, before and behind it, must
// find their own keys.
func TestTransactionInAPipeline(t *testing.T) {
	s := enginetest.New(t, all.Families()...)
	s.Do("MSET", "x", "of x", "y", "of y", "z", "of z")
	var in []byte
	for _, line := range []string{
		"GET x", "MULTI", "SET a 1", "GET z", "MGET a x", "EXEC", "GET y", "MGET x z", "WATCH x", "MULTI", "GET a", "EXEC", "GET z",
	} {
		in = resp.AppendCommandStrings(in, strings.Fields(line)...)
	}
	const want = "$4\r\nof x\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n+OK\r\n$4\r\nof z\r\n*2\r\n$1\r\n1\r\n$4\r\nof x\r\n" +
		"$4\r\nof y\r\n*2\r\n$4\r\nof x\r\n$4\r\nof z\r\n+OK\r\n+OK\r\n+QUEUED\r\n*1\r\n$1\r\n1\r\n$4\r\nof z\r\n"
	if have := string(s.Serve(s.Session("c", 2), in)); have != want {
		t.Errorf("have %q\nwant %q", have, want)
	}
}

// The same when the transaction was queued before.
func TestExecBeforeOthersInAPipeline(t *testing.T) {
	s := enginetest.New(t, all.Families()...)
	s.Do("MSET", "x", "of x", "y", "of y")
	client := s.Session("c", 2)
	s.Serve(client, resp.AppendCommandStrings(nil, "MULTI"))
	s.Serve(client, resp.AppendCommandStrings(nil, "MSET", "a", "of a", "b", "of b"))
	in := resp.AppendCommandStrings(nil, "EXEC")
	in = resp.AppendCommandStrings(in, "GET", "x")
	in = resp.AppendCommandStrings(in, "SET", "y", "new y")
	const want = "*1\r\n+OK\r\n$4\r\nof x\r\n+OK\r\n"
	if have := string(s.Serve(client, in)); have != want {
		t.Errorf("have %q\nwant %q", have, want)
	}
	if have := s.Do("MGET", "a", "b", "x", "y"); have != "*4\r\n$4\r\nof a\r\n$4\r\nof b\r\n$4\r\nof x\r\n$5\r\nnew y\r\n" {
		t.Errorf("have %q", have)
	}
}
