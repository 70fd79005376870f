//go:build !race && !memdebug

package mem

// The ordinary build has no red zones, no quarantine and no checks; the
// functions below are never called and cost nothing.

const largeRedZone = 0

type quarantine struct{}

func redZone(int) int                         { return 0 }
func debugAlloc(*span, Handle)                {}
func (a *Arena) debugLive(*span, Handle) bool { return true }
func (a *Arena) debugReuse(*span, Handle)     {}
func (a *Arena) debugFree(*span, Handle)      {}
func (a *Arena) flushQuarantine()             {}
