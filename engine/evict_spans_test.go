//go:build !race && !memdebug

package engine_test

import (
	"strconv"
	"strings"
	"testing"

	"kvorum/engine"
	"kvorum/mem"
)

// Not for the checked builds: their blocks are larger than they are counted.

// boundMin is the least limit that holds for what is resident.
const boundMin = 64 << 20

// Spans must not stay where values of another size left them: evicting 1 KB values
// for small ones, and these for large ones, keeps the process small.
func TestSpansFollowTheSizeOfValues(t *testing.T) {
	if testing.Short() {
		t.Skip("fills and empties many spans, which takes long in the instrumented builds that run with -short")
	}
	c := newCache(t)
	c.limit(engine.AllKeysLRU, boundMin)
	limit := c.Settings().Memory.Max
	now, most := int64(1), int64(0)
	for _, size := range []int{1000, 100, 4000, 300} {
		value := strings.Repeat("v", size)
		for i := range 80 << 20 / (size + 100) {
			c.want("+OK", "SET k"+strconv.Itoa(size)+":"+strconv.Itoa(i)+" "+value)
			if i%64 == 0 {
				c.w.Tick(now)
				now += 2_000_000
			}
			most = max(most, c.KS.SpanBytes())
		}
		t.Logf("values of %d bytes: %d MB in use, %d MB of spans", size, c.UsedMemory()>>20, c.KS.SpanBytes()>>20)
	}
	// The slack of a small limit is 5 MB.
	if most > limit+5<<20+limit/10 {
		t.Errorf("%d MB of spans for a limit of %d MB; %d MB copied", most>>20, limit>>20, c.KS.CompactedBytes()>>20)
	}
	if s := mem.ReadStats(); s.Spans < c.KS.SpanBytes() {
		t.Errorf("%d bytes of spans, %d by arena", s.Spans, c.KS.SpanBytes())
	}
}
