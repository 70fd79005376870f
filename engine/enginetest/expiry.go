package enginetest

import (
	"testing"

	"kvorum/clock"
	"kvorum/command"
	"kvorum/engine"
	"kvorum/keyspace"
)

// StartMs is when the manual clocks of this package begin, in Unix milliseconds.
const StartMs = 1_700_000_000_000

// NewManual is New on a clock that the caller moves, with events of the classes of
// mask (command.NotifyExpired and its like) recorded.
func NewManual(t testing.TB, mask uint32, families ...[]*command.Spec) (*clock.Manual, *Server) {
	t.Helper()
	hand := clock.NewManual(StartMs)
	s := NewAt(t, hand.Clock(), families...)
	settings := *s.Engine.Settings()
	settings.NotifyMask = mask
	s.Engine.Apply(settings)
	return hand, s
}

// slowFeed is a feed on which every effect takes a millisecond: a slice of
// background work ends after the first look at the clock.
type slowFeed struct {
	hand *clock.Manual
	n    int
}

// AppendControl implements command.Effects.
func (f *slowFeed) AppendControl(db int, args ...[]byte) { f.Append(db, args...) }

// Append implements command.Effects.
func (f *slowFeed) Append(int, ...[]byte) {
	f.hand.Advance(1)
	f.n++
}

// Storm has fill make things under a database's keys of which total are due after
// dueMs, all at once, with every effect taking a millisecond. No slice of background
// work may remove more than perSlice, the next one must be soon, and in the end no key
// may be left. It returns the number of slices.
func Storm(t testing.TB, dueMs int64, total, perSlice int, fill func(do func(words ...[]byte)), families ...[]*command.Spec) (slices int) {
	t.Helper()
	hand := clock.NewManual(StartMs)
	table, err := command.NewTable(families...)
	if err != nil {
		t.Fatal(err)
	}
	feed := &slowFeed{hand: hand}
	e := engine.New(keyspace.New(1), table, hand.Clock(), engine.Hooks{Feed: feed})
	w, session := e.NewWorker(), e.NewSession(nil)
	defer e.KS.Close()
	defer w.Close()
	fill(func(words ...[]byte) { w.Do(session, words...) })
	hand.Advance(dueMs + 2*keyspace.TickMs)
	clk := hand.Clock()
	for ; e.KS.DB(0).Len() > 0; slices++ {
		if slices > total {
			t.Fatalf("%d keys left after %d slices", e.KS.DB(0).Len(), slices)
		}
		feed.n = 0
		wait := w.Tick(clk.MonoNs())
		if feed.n > perSlice {
			t.Fatalf("slice %d had %d effects", slices, feed.n)
		}
		if e.KS.DB(0).Len() > 0 && wait > 1e6 {
			t.Fatalf("slice %d: the next one is in %d ns", slices, wait)
		}
		hand.Advance(max(1, wait/1e6))
	}
	if n := e.KS.DB(0).Tickets(); n != 0 {
		t.Errorf("%d tickets left", n)
	}
	return slices
}
