//go:build !linux

package vfs

// WriteBack implements File: there is no part of Sync to be had.
func (f osFile) WriteBack(_, _ int64, wait bool) error {
	if !wait {
		return nil
	}
	return f.Sync()
}

// Preallocate implements File.
func (f osFile) Preallocate(int64) error { return nil }
