package vfs

import (
	"errors"
	"io/fs"
	"runtime"
	"syscall"
)

// fallocKeepSize is FALLOC_FL_KEEP_SIZE.
const fallocKeepSize = 1

// Sync implements File: without the times of the file, which nobody needs.
func (f osFile) Sync() error {
	for {
		err := syscall.Fdatasync(int(f.Fd()))
		runtime.KeepAlive(f.File)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EINTR) {
			return &fs.PathError{Op: "fdatasync", Path: f.Name(), Err: err}
		}
	}
}

// Flags of sync_file_range.
const (
	rangeWaitBefore = 1
	rangeWrite      = 2
	rangeWaitAfter  = 4
)

// WriteBack implements File. Unlike Sync it leaves what describes the file alone, so
// that it does not wait for the journal of the file system.
func (f osFile) WriteBack(offset, size int64, wait bool) error {
	flags := rangeWrite
	if wait {
		flags |= rangeWaitBefore | rangeWaitAfter
	}
	for {
		err := syscall.SyncFileRange(int(f.Fd()), offset, size, flags)
		runtime.KeepAlive(f.File)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, syscall.ENOSYS):
			return f.Sync()
		case !errors.Is(err, syscall.EINTR):
			return &fs.PathError{Op: "sync_file_range", Path: f.Name(), Err: err}
		}
	}
}

// Preallocate implements File.
func (f osFile) Preallocate(size int64) error {
	err := syscall.Fallocate(int(f.Fd()), fallocKeepSize, 0, size)
	runtime.KeepAlive(f.File)
	switch {
	case err == nil, errors.Is(err, syscall.EOPNOTSUPP), errors.Is(err, syscall.ENOSYS), errors.Is(err, syscall.EINTR):
		return nil
	}
	return &fs.PathError{Op: "fallocate", Path: f.Name(), Err: err}
}
