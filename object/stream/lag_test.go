package stream

import "testing"

// What follows from the history of a stream about ids and groups: the rules of
// Redis 7.2, as XINFO GROUPS shows them.
func TestLagIsToldOnlyWhenKnown(t *testing.T) {
	// Ten entries were added, 1-0 to 10-0; the first five are gone.
	trimmed := Counters{Length: 5, Added: 10, First: ID{6, 0}, Last: ID{10, 0}}
	holed := Counters{Length: 4, Added: 10, First: ID{6, 0}, Last: ID{10, 0}, MaxDeleted: ID{8, 0}}
	before := Counters{Length: 5, Added: 10, First: ID{6, 0}, Last: ID{10, 0}, MaxDeleted: ID{3, 0}}
	empty := Counters{Added: 10, Last: ID{10, 0}, MaxDeleted: ID{10, 0}}
	for i, c := range []struct {
		c    Counters
		last ID
		read int64
		upTo int64 // of last
		lag  int64 // -1 unknown
	}{
		{Counters{}, ID{3, 3}, 7, 0, 0},
		{Counters{Last: ID{5, 0}}, ID{3, 3}, ReadUnknown, 0, 0},
		{trimmed, ID{}, 0, 5, 10},
		{trimmed, ID{}, ReadUnknown, 5, 5},
		{trimmed, ID{6, 0}, ReadUnknown, 6, 4},
		{trimmed, ID{7, 0}, ReadUnknown, ReadUnknown, -1},
		{trimmed, ID{7, 0}, 7, ReadUnknown, 3},
		{trimmed, ID{10, 0}, ReadUnknown, 10, 0},
		{trimmed, ID{11, 0}, ReadUnknown, ReadUnknown, -1},
		{holed, ID{5, 0}, 5, ReadUnknown, -1},
		{holed, ID{8, 0}, 8, ReadUnknown, -1},
		{holed, ID{8, 1}, 8, ReadUnknown, 2},
		{holed, ID{10, 0}, ReadUnknown, 10, 0},
		{before, ID{5, 0}, ReadUnknown, 5, 5},
		{before, ID{3, 0}, 3, 5, 7},
		{empty, ID{4, 0}, ReadUnknown, 10, 0},
		{empty, ID{4, 0}, 4, 10, 6},
		{empty, ID{12, 0}, ReadUnknown, ReadUnknown, -1},
	} {
		if got := c.c.ReadUpTo(c.last); got != c.upTo {
			t.Errorf("case %d: read up to %v: %d, want %d", i, c.last, got, c.upTo)
		}
		lag, ok := c.c.Lag(c.last, c.read)
		if !ok {
			lag = -1
		}
		if lag != c.lag {
			t.Errorf("case %d: lag %d, want %d", i, lag, c.lag)
		}
	}
}

func TestAdvanceKeepsOrLosesCount(t *testing.T) {
	holed := Counters{Length: 4, Added: 10, First: ID{6, 0}, Last: ID{10, 0}, MaxDeleted: ID{8, 0}}
	for i, c := range []struct {
		c    Counters
		read int64
		id   ID
		want int64
	}{
		{holed, 5, ID{7, 0}, ReadUnknown},
		{holed, 8, ID{9, 0}, 9},
		{holed, ReadUnknown, ID{9, 0}, ReadUnknown},
		{holed, ReadUnknown, ID{10, 0}, 10},
		{Counters{Length: 1, First: ID{1, 0}, Last: ID{1, 0}}, ReadUnknown, ID{1, 0}, ReadUnknown},
	} {
		if got := c.c.Advance(c.read, c.id); got != c.want {
			t.Errorf("case %d: %d, want %d", i, got, c.want)
		}
	}
}

func TestIDsFollowEachOther(t *testing.T) {
	for _, id := range []ID{{}, {0, 1}, {1, 0}, {5, 1<<64 - 1}, {1<<64 - 1, 5}} {
		next, ok := id.Next()
		back, _ := next.Prev()
		if !ok || back != id || !id.Less(next) || next.Compare(id) != 1 || id.Compare(next) != -1 {
			t.Errorf("%v is followed by %v, which follows %v", id, next, back)
		}
	}
	if next, ok := MaxID.Next(); ok || !next.IsZero() {
		t.Errorf("%v follows the greatest", next)
	}
	if prev, ok := (ID{}).Prev(); ok || prev != MaxID {
		t.Errorf("%v precedes the least", prev)
	}
	if s := MaxID.String(); s != "18446744073709551615-18446744073709551615" || len(s) != IDSize {
		t.Errorf("greatest id %s", s)
	}
}
