package enginetest_test

import (
	"slices"
	"strings"
	"testing"

	"kvorum/clock"
	"kvorum/command"
	"kvorum/command/all"
	"kvorum/engine/enginetest"
)

// A server must record what a command leaves and keep its sessions apart.
func TestServerRecords(t *testing.T) {
	hand := clock.NewManual(1_700_000_000_000)
	s := enginetest.NewAt(t, hand.Clock(), all.Families()...)
	if got := s.Do("CONFIG", "SET", "notify-keyspace-events", "KEA"); got != "+OK\r\n" {
		t.Fatal(got)
	}
	s.Do("SET", "key", "a b", "EX", "10")
	if got, want := s.Effects(), []string{`0 SET key "a b" PXAT 1700000010000`}; !slices.Equal(got, want) {
		t.Errorf("effects %q, want %q", got, want)
	}
	if got, want := s.Events(), []string{"new key", "set key", "expire key"}; !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
	if got := s.Dirty(); got != 1 {
		t.Errorf("%d changes, want 1", got)
	}
	hand.Advance(10_001)
	if got := s.Do("GET", "key"); got != "$-1\r\n" {
		t.Errorf("an expired key replies %q", got)
	}
	for proto, want := range map[int]string{2: "$-1\r\n", 3: "_\r\n"} {
		name := strings.Repeat("c", proto)
		if got := s.Exec(name, proto, [][]byte{[]byte("GET"), []byte("none")}); string(got) != want {
			t.Errorf("RESP%d: %q, want %q", proto, got, want)
		}
	}
}

// A handler that keeps borrowed bytes must be found out: what it kept is
// overwritten once the request has been served.
func TestBorrowedBytesAreOverwritten(t *testing.T) {
	var kept []byte
	s := enginetest.New(t, []*command.Spec{{
		Name: "keep", Arity: 2, Handler: func(c *command.Ctx) {
			kept = c.Args[1]
			c.W.OK()
		},
	}})
	s.Do("KEEP", "bytes")
	if string(kept) == "bytes" {
		t.Error("a request's bytes are intact after it")
	}
}
