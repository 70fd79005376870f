package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"kvorum/clock"
	"kvorum/command"
	"kvorum/command/all"
	"kvorum/engine"
	"kvorum/keyspace"
	"kvorum/resp"
)

// A request that finds, when it is tried again, that it needs a key whose shard is
// not locked, is served under both locks right after the command. The queue is made
// ready behind the engine's back, and met by a command on another key of its shard.
func TestARequestThatNeedsMoreLocksIsServedLater(t *testing.T) {
	table, err := command.NewTable(all.Families()...)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	ks := keyspace.New(2)
	e := engine.New(ks, table, clock.New(), engine.Hooks{Deliver: func(_ *command.Waiter, reply []byte) { got = append(got, string(reply)) }})
	w := e.NewWorker()
	serve := func(s *command.Session, line string) string {
		_, _, out := w.Serve(s, resp.AppendCommandStrings(nil, strings.Fields(line)...), nil)
		return string(out)
	}
	admin, first, second := e.NewSession(nil), e.NewSession(nil), e.NewSession(nil)
	serve(first, "BLMOVE from to LEFT LEFT 0")
	serve(second, "BLPOP from 0")

	from := ks.Key([]byte("from"))
	near := "near0"
	for i := 0; keyspace.ShardOf(ks.Key([]byte(near)).Hash) != keyspace.ShardOf(from.Hash); i++ {
		near = fmt.Sprint("near", i)
	}
	serve(admin, "SELECT 1") // where nobody waits: the list comes to db 0 unseen
	serve(admin, "RPUSH from 1 2")
	e.Exclusive(func() { ks.SwapDB(0, 1, 0) })
	serve(admin, "SELECT 0")
	if len(got) > 0 {
		t.Fatalf("served already: %q", got)
	}
	serve(admin, "SET "+near+" v")
	if want := []string{"$1\r\n1\r\n", "*2\r\n$4\r\nfrom\r\n$1\r\n2\r\n"}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("served: %q, want %q", got, want)
	}
	if have := serve(admin, "LRANGE to 0 -1"); have != "*1\r\n$1\r\n1\r\n" {
		t.Errorf("%q", have)
	}
	for _, s := range []*command.Session{first, second} {
		w.Released(s)
		w.EndSession(s)
	}
	w.Close()
	ks.Close()
}
