package server

// Files that are written in the background go to the disk while they grow
// (rdb-save-incremental-fsync, aof-rewrite-incremental-fsync), so that the disk is at
// work from the beginning, little is left for the sync at the end, and the pages of the
// file do not fill the memory.
//
//	| on the disk | on its way: writeBackAhead at most | < writeBackStep |
//	              ^ waited for                         ^ begun            ^ written
//
// Who writes does not wait for the disk unless it falls behind: a sync of each part
// would leave processor and disk waiting for each other in turn.

const (
	// writeBackStep is how many bytes go on their way at once.
	writeBackStep = 4 << 20
	// writeBackAhead is how many may be on their way: enough for a disk that stalls now
	// and then.
	writeBackAhead = 64 << 20
)

// backWriter sends a file on its way to the disk as it grows from its beginning.
type backWriter struct {
	written int64 // bytes
	begun   int64
	waited  int64
}

// wrote notes that n more bytes have been written to the file.
func (b *backWriter) wrote(f savedTo, n int) error {
	if b.written += int64(n); b.written-b.begun < writeBackStep {
		return nil
	}
	if err := f.WriteBack(b.begun, b.written-b.begun, false); err != nil {
		return err
	}
	b.begun = b.written
	if b.begun-b.waited <= writeBackAhead {
		return nil
	}
	to := b.begun - writeBackAhead
	if err := f.WriteBack(b.waited, to-b.waited, true); err != nil {
		return err
	}
	b.waited = to
	return nil
}
