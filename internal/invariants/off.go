//go:build !race && !memdebug && !invariants

package invariants

// Enabled tells whether expensive checks are compiled in.
const Enabled = false
