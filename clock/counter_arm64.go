package clock

// readCounter reads the virtual counter.
func readCounter() uint64

// counterHz returns the rate of the virtual counter as the system set it.
func counterHz() uint64

// counterUsable reports true: the architecture promises one steady rate.
func counterUsable() bool {
	return true
}
