//go:build !amd64 && !arm64

package clock

// There is no counter here: ticks are nanoseconds of the monotonic clock.

func readCounter() uint64 { return 0 }
func counterHz() uint64   { return 0 }
func counterUsable() bool { return false }
