package keycmd_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"kvorum/command/all"
	"kvorum/engine/enginetest"
)

// RESTORE is fed with an absolute due time, and as DEL when the key is dead already.
func TestRestoreEffects(t *testing.T) {
	s := enginetest.New(t, all.Families()...)
	s.Do("CONFIG", "SET", "notify-keyspace-events", "AKEn")
	const payload = "\x00\x05hello\x0a\x00\x63\x72\xdf\x76\x65\x34\x20\x0a"
	for _, c := range []struct {
		words   []string
		effects string // a pattern
		events  string
		dirty   uint64
	}{
		{[]string{"r", "0", payload}, `^0 RESTORE r 0 "[^"]+"$`, "new r,restore r", 1},
		{[]string{"r", "0", payload}, `^$`, "", 0},
		{[]string{"r", "0", payload, "REPLACE"}, `^0 RESTORE r 0 "[^"]+" REPLACE$`, "new r,restore r", 1},
		{[]string{"r", "1000000", payload, "replace"}, `^0 RESTORE r \d{13} "[^"]+" replace ABSTTL$`, "new r,restore r", 1},
		{[]string{"r", "33177117420000", payload, "ABSTTL", "REPLACE"}, `^0 RESTORE r 33177117420000 "[^"]+" ABSTTL REPLACE$`, "new r,restore r", 1},
		{[]string{"r", "1", payload, "ABSTTL", "REPLACE"}, `^0 DEL r$`, "del r", 1},
		{[]string{"r", "1", payload, "ABSTTL"}, `^$`, "", 0},
		{[]string{"r", "0", "bad"}, `^$`, "", 0},
	} {
		s.Effects()
		s.Events()
		before := s.Dirty()
		s.Do(append([]string{"RESTORE"}, c.words...)...)
		what := fmt.Sprintf("RESTORE %.20q", c.words)
		if got := strings.Join(s.Effects(), "\n"); !regexp.MustCompile(c.effects).MatchString(got) {
			t.Errorf("%s feeds %s", what, got)
		}
		if got := strings.Join(s.Events(), ","); got != c.events {
			t.Errorf("%s tells %s", what, got)
		}
		if got := s.Dirty() - before; got != c.dirty {
			t.Errorf("%s counts %d", what, got)
		}
	}
}
