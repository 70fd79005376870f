package invariants

import "testing"

// Fail must stop the caller and carry the numbers to the crash report.
func TestFailPanicsWithTheNumbers(t *testing.T) {
	defer func() {
		const want = "invariant broken: mem: 3 < 7"
		if got := recover(); got != want {
			t.Fatalf("recovered %v, want %q", got, want)
		}
	}()
	Fail("mem: %d < %d", 3, 7)
	t.Fatal("Fail returned")
}
