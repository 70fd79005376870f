package stream

import (
	"cmp"
	"math"
	"strconv"
)

// ID names an entry: milliseconds, and a sequence number within them.
type ID struct{ Ms, Seq uint64 }

// MaxID is the greatest id; the least is the zero one.
var MaxID = ID{math.MaxUint64, math.MaxUint64}

// IDSize bounds the text of an id.
const IDSize = 41

// Compare returns -1, 0 or 1 as the id is less than, equal to or greater than b.
func (id ID) Compare(b ID) int {
	if id.Ms != b.Ms {
		return cmp.Compare(id.Ms, b.Ms)
	}
	return cmp.Compare(id.Seq, b.Seq)
}

// Less reports whether the id comes before b.
func (id ID) Less(b ID) bool { return id.Ms < b.Ms || id.Ms == b.Ms && id.Seq < b.Seq }

// IsZero reports whether the id is 0-0, which no entry has.
func (id ID) IsZero() bool { return id == ID{} }

// Next returns the id after this one; ok is false for the greatest.
func (id ID) Next() (next ID, ok bool) {
	switch {
	case id.Seq < math.MaxUint64:
		return ID{id.Ms, id.Seq + 1}, true
	case id.Ms < math.MaxUint64:
		return ID{id.Ms + 1, 0}, true
	}
	return ID{}, false
}

// Prev returns the id before this one; ok is false for the least.
func (id ID) Prev() (prev ID, ok bool) {
	switch {
	case id.Seq > 0:
		return ID{id.Ms, id.Seq - 1}, true
	case id.Ms > 0:
		return ID{id.Ms - 1, math.MaxUint64}, true
	}
	return MaxID, false
}

// Append appends the text of the id, "ms-seq", to dst.
func (id ID) Append(dst []byte) []byte {
	dst = strconv.AppendUint(dst, id.Ms, 10)
	return strconv.AppendUint(append(dst, '-'), id.Seq, 10)
}

// String returns the text of the id.
func (id ID) String() string { return string(id.Append(nil)) }
