package setcmd_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"kvorum/command/all"
	"kvorum/engine/enginetest"
)

// What SPOP takes is random: replicas must be told what it was, in effects of at most
// 1024 members, and of what the reply says.
func TestSpopFeedsWhatItTook(t *testing.T) {
	for _, c := range []struct {
		size, count int
		limits      string
	}{
		{1, 0, "128"}, {10, 0, "128"}, {10, 3, "128"}, {10, 9, "128"}, {40, 3, "1"}, {40, 39, "1"},
		{3000, 2000, "128"}, {3000, 2900, "128"}, {3000, 1024, "128"}, {1030, 1025, "5000"},
	} {
		s := enginetest.New(t, all.Families()...)
		s.Do("CONFIG", "SET", "set-max-listpack-entries", c.limits)
		words := []string{"SADD", "s"}
		for i := range c.size {
			words = append(words, fmt.Sprintf("m%d", i))
		}
		s.Do(words...)
		s.Effects()
		request := []string{"SPOP", "s"}
		if c.count > 0 {
			request = append(request, fmt.Sprint(c.count))
		}
		dirty := s.Dirty()
		var popped []string
		for _, line := range strings.Split(s.Do(request...), "\r\n") {
			if strings.HasPrefix(line, "m") {
				popped = append(popped, line)
			}
		}
		want := max(1, c.count)
		if got := s.Dirty() - dirty; got != uint64(want) || len(popped) != want {
			t.Errorf("%v of %d: %d members, %d changes", request, c.size, len(popped), got)
		}
		var fed []string
		effects := s.Effects()
		for i, e := range effects {
			members, ok := strings.CutPrefix(e, "0 SREM s ")
			list := strings.Fields(members)
			if !ok || i < len(effects)-1 && len(list) != 1024 {
				t.Errorf("%v of %d: effect %d of %d members: %.60s", request, c.size, i, len(list), e)
			}
			fed = append(fed, list...)
		}
		slices.Sort(fed)
		slices.Sort(popped)
		if !slices.Equal(fed, popped) {
			t.Errorf("%v of %d: the effects do not say what the reply says", request, c.size)
		}
		if got := s.Do("SCARD", "s"); got != fmt.Sprintf(":%d\r\n", c.size-want) {
			t.Errorf("%v of %d leaves %q", request, c.size, got)
		}
	}
}
