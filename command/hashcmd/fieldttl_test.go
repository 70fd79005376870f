package hashcmd_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"kvorum/clock"
	"kvorum/command"
	"kvorum/command/all"
	"kvorum/engine/enginetest"
	"kvorum/keyspace"
)

// eventful is a server on a manual clock that records events.
func eventful(t *testing.T) (*clock.Manual, *enginetest.Server) {
	return enginetest.NewManual(t, command.NotifyHash|command.NotifyGeneric, all.Families()...)
}

func run(s *enginetest.Server, lines string) (last string) {
	for _, line := range strings.Split(lines, "\n") {
		last = s.Do(strings.Fields(line)...)
	}
	return strings.ReplaceAll(strings.TrimSuffix(last, "\r\n"), "\r\n", " ")
}

func memCheck(t *testing.T, s *enginetest.Server) {
	t.Helper()
	if err := s.Engine.KS.MemCheck(); err != nil {
		t.Error(err)
	}
}

// TestDueFieldIsAbsent: whatever command meets the hash first takes the field for
// absent, removes it, and says so once, as it does with keys (due-fields in COMPAT.md).
func TestDueFieldIsAbsent(t *testing.T) {
	for _, form := range []string{"packed", "table"} {
		for _, tc := range []struct{ command, reply string }{
			{"HGET h f", "$-1"}, {"HMGET h f g", "*2 $-1 $1 5"}, {"HEXISTS h f", ":0"}, {"HSTRLEN h f", ":0"}, {"HLEN h", ":1"},
			{"HGETALL h", "*2 $1 g $1 5"}, {"HKEYS h", "*1 $1 g"}, {"HVALS h", "*1 $1 5"}, {"HSCAN h 0", "*2 $1 0 *2 $1 g $1 5"},
			{"HRANDFIELD h", "$1 g"}, {"HRANDFIELD h 5", "*1 $1 g"}, {"HRANDFIELD h -2", "*2 $1 g $1 g"},
			{"HTTL h FIELDS 2 f g", "*2 :-2 :-1"}, {"HPEXPIRETIME h FIELDS 1 f", "*1 :-2"}, {"HPERSIST h FIELDS 2 f g", "*2 :-2 :-1"},
			{"HEXPIRE h 100 FIELDS 2 f g", "*2 :-2 :1"}, {"HEXPIRE h 0 FIELDS 1 f", "*1 :-2"},
			{"HDEL h f", ":0"}, {"HSET h f 2", ":1"}, {"HSETNX h f 2", ":1"}, {"HINCRBY h f 2", ":2"}, {"HINCRBYFLOAT h f 2.5", "$3 2.5"},
			{"HMSET h f 2", "+OK"}, {"HINCRBY h g 2", ":7"},
		} {
			hand, s := eventful(t)
			run(s, "HSET h f 1 g 5\nHPEXPIRE h 100 FIELDS 1 f")
			if form == "table" {
				run(s, "HSET h large "+strings.Repeat("x", 100)+"\nHDEL h large")
			}
			hand.Advance(100)
			if got := run(s, "HEXISTS h f"); got != ":1" {
				t.Fatalf("%s: the field is gone at its due time: %q", form, got)
			}
			hand.Advance(1)
			s.Effects()
			s.Events()
			if got := run(s, tc.command); got != tc.reply {
				t.Errorf("%s: %s: %q, want %q", form, tc.command, got, tc.reply)
			}
			if effects := s.Effects(); len(effects) == 0 || effects[0] != "0 HDEL h f" {
				t.Errorf("%s: %s: effects %q", form, tc.command, effects)
			}
			if events := s.Events(); len(events) == 0 || events[0] != "hexpired h" {
				t.Errorf("%s: %s: events %q", form, tc.command, events)
			}
			if n := s.Totals().ExpiredFields; n != 1 {
				t.Errorf("%s: %s: %d expired fields counted", form, tc.command, n)
			}
			memCheck(t, s)
		}
	}
}

// TestLastDueFieldTakesTheHash: a command that meets a hash all of whose fields are
// due meets no key.
func TestLastDueFieldTakesTheHash(t *testing.T) {
	for _, tc := range []struct{ command, reply string }{
		{"HGETALL h", "*0"}, {"HLEN h", ":0"}, {"HRANDFIELD h", "$-1"}, {"HRANDFIELD h 3", "*0"}, {"HSCAN h 0", "*2 $1 0 *0"},
		{"HDEL h f", ":0"}, {"HSET h f 2", ":1"}, {"HINCRBY h f 1", ":1"}, {"HTTL h FIELDS 1 f", "*1 :-2"},
	} {
		hand, s := eventful(t)
		run(s, "HSET h f 1 g 5\nHPEXPIRE h 100 FIELDS 1 f\nHPEXPIRE h 90 FIELDS 1 g\nEXPIRE h 1000")
		hand.Advance(101)
		s.Effects()
		s.Events()
		if got := run(s, tc.command); got != tc.reply {
			t.Errorf("%s: %q, want %q", tc.command, got, tc.reply)
		}
		if effects := s.Effects(); len(effects) < 2 || !slices.Equal(effects[:2], []string{"0 HDEL h g", "0 HDEL h f"}) {
			t.Errorf("%s: effects %q", tc.command, effects)
		}
		if events := s.Events(); len(events) < 2 || !slices.Equal(events[:2], []string{"hexpired h", "del h"}) {
			t.Errorf("%s: events %q", tc.command, events)
		}
		memCheck(t, s)
	}
}

// TestManyDueFieldsAreGone: more fields are due at once than a command removes. None
// may be seen or counted, and the command does not remove them all.
func TestManyDueFieldsAreGone(t *testing.T) {
	const fields, most = 5000, 64
	hand, s := eventful(t)
	for i := range fields {
		run(s, fmt.Sprintf("HSET h f%d v\nHPEXPIRE h 100 FIELDS 1 f%d", i, i))
	}
	run(s, "HSET h stays v later v\nHPEXPIRE h 1000 FIELDS 1 later")
	hand.Advance(101)
	s.Effects()
	for _, tc := range []struct{ command, reply string }{
		{"HLEN h", ":2"}, {"HGET h f77", "$-1"}, {"HSTRLEN h stays", ":1"}, {"HEXISTS h f4000", ":0"}, {"HSET h f4999 new", ":1"},
		{"HDEL h f4998", ":0"}, {"HINCRBY h f4997 3", ":3"}, {"HTTL h FIELDS 2 f4997 f3", "*2 :-1 :-2"}, {"HDEL h f4999 f4997", ":2"},
	} {
		if got := run(s, tc.command); got != tc.reply {
			t.Errorf("%s: %q, want %q", tc.command, got, tc.reply)
		}
		removed := 0
		for _, effect := range s.Effects() {
			if strings.HasPrefix(effect, "0 HDEL h f") {
				removed++
			}
		}
		if removed > most+1 {
			t.Fatalf("%s removed %d fields", tc.command, removed)
		}
	}
	for _, line := range []string{"HGETALL h", "HKEYS h", "HRANDFIELD h 10", "HRANDFIELD h -5", "HSCAN h 0 COUNT 100000"} {
		if got := run(s, line); !strings.Contains(got, "stays") && !strings.Contains(got, "later") || strings.Contains(got, "f1") {
			t.Errorf("%s: %q", line, got)
		}
	}
	run(s, "HDEL h stays later")
	if got := run(s, "HRANDFIELD h"); got != "$-1" {
		t.Errorf("HRANDFIELD: %q", got)
	}
	memCheck(t, s)
}

// TestTickRemovesDueFields: nobody asks for the fields; each must go within a tick of
// the wheel and a pause between looks after its due time, and not before, wherever
// its hash has gone meanwhile.
func TestTickRemovesDueFields(t *testing.T) {
	const (
		hashes   = 200
		boundMs  = keyspace.TickMs + 50 + 1
		spreadMs = 7
	)
	hand, s := eventful(t)
	due := map[string]int64{}
	want := func(key string, ms int) { due["0 HDEL "+key+" f"] = int64(ms) }
	for i := range hashes {
		key := fmt.Sprint("key:", i)
		ms := 1 + i*spreadMs
		run(s, fmt.Sprintf("HSET %s f v stays w\nHPEXPIRE %s %d FIELDS 1 f", key, key, ms))
		switch i % 6 {
		case 0:
			run(s, "EXPIRE "+key+" 100")
		case 1:
			run(s, "COPY "+key+" copy:"+key)
			want("copy:"+key, ms)
		case 2:
			run(s, "RENAME "+key+" new:"+key)
			key = "new:" + key
		case 3: // refreshed: the ticket there is comes too early
			ms += 90
			run(s, fmt.Sprintf("HPERSIST %s FIELDS 1 f\nHPEXPIRE %s %d FIELDS 1 f", key, key, ms))
		case 4:
			run(s, "HSET "+key+" large "+strings.Repeat("x", 100))
		case 5: // the field goes, and comes back with an earlier end
			run(s, fmt.Sprintf("HDEL %s f\nHSET %s f v\nHPEXPIRE %s 1 FIELDS 1 f", key, key, key))
			ms = 1
		}
		want(key, ms)
	}
	run(s, "HSET kept f v\nHPEXPIRE kept 10 FIELDS 1 f\nHPERSIST kept FIELDS 1 f")
	run(s, "HSET set f v\nHPEXPIRE set 10 FIELDS 1 f\nHSET set f v")
	run(s, "HSET gone f v\nHPEXPIRE gone 10 FIELDS 1 f\nDEL gone\nHSET over f v\nHPEXPIRE over 10 FIELDS 1 f\nSET over v")
	run(s, "HSET moved f v stays w\nHPEXPIRE moved 50 FIELDS 1 f\nMOVE moved 1")
	due["1 HDEL moved f"] = 50
	s.Effects()
	before := s.Dirty()
	for now := int64(1); now <= hashes*spreadMs+90+boundMs; now++ {
		hand.Advance(1)
		s.Worker.Tick(now * 1e6)
		for _, effect := range s.Effects() {
			at, ok := due[effect]
			if !ok || now <= at || now > at+boundMs {
				t.Errorf("%s at %d ms, due at %d", effect, now, at)
			}
			delete(due, effect)
		}
	}
	if len(due) > 0 {
		t.Errorf("still there: %v", due)
	}
	if n := s.Dirty() - before; n != 0 {
		t.Errorf("expiry counted as %d changes", n)
	}
	hand.Advance(1000)
	s.Worker.Tick(1e15)
	for i := range 2 {
		if db := s.Engine.KS.DB(i); db.TimedLen() != 0 {
			t.Errorf("%d hashes in the wheel of database %d", db.TimedLen(), i)
		}
	}
	memCheck(t, s)
}

// TestStormOfFieldsIsSliced: very many fields of one hash are due at once. No slice
// may go on until all are gone, the next one must be soon, and they end with the key.
func TestStormOfFieldsIsSliced(t *testing.T) {
	const fields, perSlice, dueMs = 10000, 32 * 64, 100_000_000
	slices := enginetest.Storm(t, dueMs, fields, perSlice, func(do func(words ...[]byte)) {
		due := fmt.Append(nil, enginetest.StartMs+dueMs)
		for i := range fields {
			f := fmt.Append(nil, i)
			do([]byte("HSET"), []byte("h"), f, []byte("v"))
			do([]byte("HPEXPIREAT"), []byte("h"), due, []byte("FIELDS"), []byte("1"), f)
		}
	}, all.Families()...)
	if slices < fields/perSlice {
		t.Errorf("%d slices", slices)
	}
}

// TestReplayKeepsDueFields: what a log says of a field that has been due since means
// that field: only the log removes it.
func TestReplayKeepsDueFields(t *testing.T) {
	hand, s := eventful(t)
	hand.Advance(1000)
	replay := s.Session("replay", 2)
	replay.Flags |= command.Internal | command.Authenticated
	do := func(line string) string {
		var args [][]byte
		for _, word := range strings.Fields(line) {
			args = append(args, []byte(word))
		}
		return strings.ReplaceAll(string(s.Exec("replay", 2, args)), "\r\n", " ")
	}
	do("HSET h f 1 g 2")
	for _, tc := range []struct{ command, reply string }{
		{fmt.Sprintf("HPEXPIREAT h %d FIELDS 1 f", enginetest.StartMs+10), "*1 :1 "}, {"HINCRBY h f 5", ":6 "}, {"HPEXPIREAT h 0 FIELDS 1 g", "*1 :1 "},
		{"HDEL h g", ":1 "}, {"HPERSIST h FIELDS 1 f", "*1 :1 "},
	} {
		if got := do(tc.command); got != tc.reply {
			t.Errorf("%s: %q, want %q", tc.command, got, tc.reply)
		}
	}
	if got := run(s, "HGETALL h"); got != "*2 $1 f $1 6" {
		t.Errorf("after the replay: %q", got)
	}
}

// TestIncrbyfloatFeedsTTL: the effect sets the field, which takes its TTL, so the TTL
// is fed, too (hincrbyfloat-ttl in COMPAT.md).
func TestIncrbyfloatFeedsTTL(t *testing.T) {
	_, s := eventful(t)
	run(s, "HSET h f 1\nHPEXPIRE h 5000 FIELDS 1 f")
	s.Effects()
	run(s, "HINCRBYFLOAT h f 0.5")
	want := []string{"0 HSET h f 1.5", fmt.Sprintf("0 HPEXPIREAT h %d FIELDS 1 f", enginetest.StartMs+5000)}
	if got := s.Effects(); !slices.Equal(got, want) {
		t.Errorf("effects %q, want %q", got, want)
	}
}

// TestSortMissesDueFields: a pattern of SORT that means a field meets it as HGET does.
func TestSortMissesDueFields(t *testing.T) {
	hand, s := eventful(t)
	run(s, "RPUSH l 1\nHSET h1 f v\nHPEXPIRE h1 100 FIELDS 1 f")
	hand.Advance(100)
	if got := run(s, "SORT l GET h*->f"); got != "*1 $1 v" {
		t.Errorf("not due: %q", got)
	}
	hand.Advance(1)
	if got := run(s, "SORT l GET h*->f"); got != "*1 $-1" {
		t.Errorf("due: %q", got)
	}
}
