package engine

// HoldLong keeps all long commands from going on, between two of their slices, until
// release.
func (e *Engine) HoldLong() (release func()) {
	for range cap(e.long.slots) {
		e.long.slots <- struct{}{}
	}
	return func() {
		for range cap(e.long.slots) {
			<-e.long.slots
		}
	}
}
