package object

// Drawn remembers what was drawn of something, so that each is taken once: numbers
// or handles, by open addressing in a table at most half full.
type Drawn struct {
	slots []uint64 // the value + 1, 0 if empty
	mask  uint64
}

const (
	drawnMin = 8
	// drawnMix spreads values over the table: 2^64 divided by the golden ratio. The
	// high bits of the product are the good ones.
	drawnMix   = 0x9e3779b97f4a7c15
	drawnShift = 20
)

// NewDrawn returns an empty memory for count values, at most 2^64-2 each.
func NewDrawn(count int) Drawn {
	size := drawnMin
	for size < 2*count {
		size *= 2
	}
	return Drawn{make([]uint64, size), uint64(size - 1)}
}

// Add remembers a value and reports whether it is new.
func (d *Drawn) Add(v uint64) bool {
	for i := v * drawnMix >> drawnShift & d.mask; ; i = (i + 1) & d.mask {
		switch d.slots[i] {
		case 0:
			d.slots[i] = v + 1
			return true
		case v + 1:
			return false
		}
	}
}
