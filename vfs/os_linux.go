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
