package keycmd_test

import (
	"fmt"
	"strings"
	"testing"

	"kvorum/clock"
	"kvorum/command"
	"kvorum/command/all"
	"kvorum/engine"
	"kvorum/engine/enginetest"
	"kvorum/keyspace"
)

// eventful is a server on a manual clock that records what expires.
func eventful(t *testing.T) (*clock.Manual, *enginetest.Server) {
	return enginetest.NewManual(t, command.NotifyExpired, all.Families()...)
}

// TestExpiredKeyIsAbsent: whatever command meets the key first takes it for
// absent, removes it, and says so once.
func TestExpiredKeyIsAbsent(t *testing.T) {
	for _, tc := range []struct{ command, reply string }{
		{"GET k", "$-1"}, {"EXISTS k", ":0"}, {"TTL k", ":-2"}, {"PTTL k", ":-2"}, {"EXPIRETIME k", ":-2"},
		{"TYPE k", "+none"}, {"TOUCH k", ":0"}, {"DEL k", ":0"}, {"UNLINK k", ":0"}, {"PERSIST k", ":0"},
		{"EXPIRE k 100", ":0"}, {"EXPIRE k -1", ":0"}, {"RENAME k l", "-ERR no such key"}, {"RENAMENX x k", "-ERR no such key"},
		{"MOVE k 1", ":0"}, {"COPY k l", ":0"}, {"OBJECT ENCODING k", "$-1"}, {"RANDOMKEY", "$-1"}, {"SCAN 0", "*2"},
		{"APPEND k x", ":1"}, {"SETNX k x", ":1"}, {"RENAMENX live k", ":1"}, {"COPY live k", ":1"},
	} {
		hand, s := eventful(t)
		s.Do("SET", "k", "v", "PX", "100")
		if strings.Contains(tc.command, "live") {
			s.Do("SET", "live", "v")
		}
		hand.Advance(100)
		if got := s.Do("EXISTS", "k"); got != ":1\r\n" {
			t.Fatalf("the key is gone at its due time: %q", got)
		}
		hand.Advance(1)
		s.Effects()
		first, _, _ := strings.Cut(s.Do(strings.Fields(tc.command)...), "\r\n")
		if first != tc.reply {
			t.Errorf("%s: %q, want %q", tc.command, first, tc.reply)
		}
		if tc.command == "RENAMENX x k" {
			continue // the source is missed first
		}
		effects := s.Effects()
		if len(effects) == 0 || effects[0] != "0 DEL k" {
			t.Errorf("%s: effects %q", tc.command, effects)
		}
		if events := s.Events(); len(events) != 1 || events[0] != "expired k" {
			t.Errorf("%s: events %q", tc.command, events)
		}
		if n := s.Totals().ExpiredKeys; n != 1 {
			t.Errorf("%s: %d expired keys counted", tc.command, n)
		}
	}
}

// TestTickRemovesDueKeys: nobody asks for the keys; each must go within a tick
// of the wheel and a pause between looks after its due time, and not before.
func TestTickRemovesDueKeys(t *testing.T) {
	const (
		keys     = 200
		boundMs  = keyspace.TickMs + 50 + 1
		spreadMs = 7
	)
	hand, s := eventful(t)
	due := map[string]int64{}
	for i := range keys {
		key := fmt.Sprint("key:", i)
		ms := int64(1 + i*spreadMs)
		s.Do("SET", key, "v", "PX", fmt.Sprint(ms))
		due["expired "+key] = ms
	}
	s.Do("SET", "stays", "v", "PX", "100000")
	s.Do("SET", "kept", "v", "PX", "10")
	s.Do("PERSIST", "kept")
	s.Do("SET", "later", "v", "PX", "10")
	s.Do("PEXPIRE", "later", "90000")
	s.Effects()
	before := s.Dirty()
	for now := int64(1); now <= keys*spreadMs+boundMs; now++ {
		hand.Advance(1)
		s.Worker.Tick(now * 1e6)
		for _, event := range s.Events() {
			at, ok := due[event]
			if !ok || now <= at || now > at+boundMs {
				t.Errorf("%s at %d ms, due at %d", event, now, at)
			}
			delete(due, event)
		}
	}
	if len(due) > 0 {
		t.Errorf("still there: %v", due)
	}
	if effects := s.Effects(); len(effects) != keys || !strings.HasPrefix(effects[0], "0 DEL key:") {
		t.Errorf("%d effects", len(effects))
	}
	if got := s.Do("DBSIZE"); got != ":3\r\n" {
		t.Errorf("DBSIZE %q", got)
	}
	if n := s.Totals().ExpiredKeys; n != keys {
		t.Errorf("%d expired keys counted", n)
	}
	// Source: rdb_changes_since_last_save of a real server, which expiry leaves.
	if n := s.Dirty() - before; n != 0 {
		t.Errorf("expiry counted as %d changes", n)
	}
}

// TestStormIsSliced: very many keys are due at once. No slice may go on until
// all are gone, the next one must be soon, and they end.
func TestStormIsSliced(t *testing.T) {
	const keys, perSlice, dueMs = 3000, 32, 100_000
	enginetest.Storm(t, dueMs, keys, perSlice, func(do func(words ...[]byte)) {
		due := fmt.Append(nil, enginetest.StartMs+dueMs)
		for i := range keys {
			do([]byte("SET"), fmt.Append(nil, i), []byte("v"), []byte("PXAT"), due)
		}
	}, all.Families()...)
}

// TestEventsNameTheirDatabase: MOVE and COPY concern two.
func TestEventsNameTheirDatabase(t *testing.T) {
	table, err := command.NewTable(all.Families()...)
	if err != nil {
		t.Fatal(err)
	}
	hand := clock.NewManual(enginetest.StartMs)
	var events []string
	e := engine.New(keyspace.New(4), table, hand.Clock(), engine.Hooks{OnEvent: func(_ uint32, event string, key []byte, db int) {
		events = append(events, fmt.Sprint(event, " ", string(key), " ", db))
	}})
	settings := *e.Settings()
	settings.NotifyMask = command.NotifyGeneric | command.NotifyNew | command.NotifyExpired
	e.Apply(settings)
	w, session := e.NewWorker(), e.NewSession(nil)
	defer e.KS.Close()
	defer w.Close()
	do := func(line string) { w.Do(session, bytesOf(strings.Fields(line))...) }
	do("SELECT 2")
	do("SET k v PX 10")
	do("SELECT 1")
	do("SET k v")
	hand.Advance(11)
	do("COPY k c DB 3")
	do("MOVE k 2")
	got := strings.Join(events, ", ")
	want := "new k 2, expire k 2, new k 1, new c 3, copy_to c 3, expired k 2, new k 2, move_from k 1, move_to k 2"
	if got != want {
		t.Errorf("events:\n %s\nwant:\n %s", got, want)
	}
}
