//go:build !linux

package vfs

// Preallocate implements File.
func (f osFile) Preallocate(int64) error { return nil }
