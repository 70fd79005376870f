package setcmd_test

import (
	"fmt"
	"testing"

	"kvorum/clock"
	"kvorum/command/all"
	"kvorum/engine/enginetest"
	"kvorum/keyspace"
)

// The destination of a SMOVE can expire, which moves other keys of its shard to other
// places in their table: among them the source, which goes with its last member.
func TestSmoveToExpiredDeletesTheSource(t *testing.T) {
	const pairs = 400
	hand := clock.NewManual(1_700_000_000_000)
	s := enginetest.NewAt(t, hand.Clock(), all.Families()...)
	var keys []string // all of one shard
	shard := -1
	for i := 0; len(keys) < 2*pairs; i++ {
		key := fmt.Sprint("key:", i)
		if at := keyspace.ShardOf(s.Engine.KS.Key([]byte(key)).Hash); shard < 0 || at == shard {
			shard = at
			keys = append(keys, key)
		}
	}
	for i := range pairs {
		s.Do("SADD", keys[2*i], "member")
		s.Do("SADD", keys[2*i+1], "other")
		s.Do("PEXPIRE", keys[2*i+1], "1")
	}
	hand.Advance(2)
	for i := range pairs {
		from, to := keys[2*i], keys[2*i+1]
		if got := s.Do("SMOVE", from, to, "member"); got != ":1\r\n" {
			t.Fatalf("SMOVE: %q", got)
		}
		if got := s.Do("EXISTS", from); got != ":0\r\n" {
			t.Fatalf("the source of move %d is there: %q", i, got)
		}
		if got := s.Do("SMEMBERS", to); got != "*1\r\n$6\r\nmember\r\n" {
			t.Fatalf("the destination of move %d is %q", i, got)
		}
	}
	if got, want := s.Do("DBSIZE"), fmt.Sprintf(":%d\r\n", pairs); got != want {
		t.Errorf("%q keys, want %q", got, want)
	}
}
