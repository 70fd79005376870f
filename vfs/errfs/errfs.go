// Package errfs puts failures in front of a file system, for tests: an error at
// the n-th operation, at certain operations, or at all of them after a crash.
//
//	fsys := errfs.New(vfs.NewMem())
//	fsys.FailAt(7, syscall.EIO)    // the seventh operation fails, later ones work
//	fsys.CrashAt(7)                // the seventh and all after it fail
//	fsys.Fail(func(op errfs.Op) error { ... })
//
// Operations that change the disk or can fail for the disk's sake are counted,
// from 1: open, create, append, edit, rename, remove, mkdir, write, sync,
// writeback, truncate, preallocate, syncdir; reading, listing, describing and closing are
// not. A write that fails has written half of its bytes, as a full disk does.
//
// Any goroutine may call it. It must not be used by anything but tests.
//
// Same level: vfs.
package errfs

import (
	"errors"
	"io/fs"
	"sync"

	"kvorum/vfs"
)

// ErrCrashed is what all operations return after a crash.
var ErrCrashed = errors.New("errfs: the machine has crashed")

// Op is an operation that is about to run.
type Op struct {
	Number int    // from 1
	Name   string // "write", "sync", "rename", ...
	Path   string // for a rename the new name
	Size   int    // bytes of a write
}

// FS is a file system whose operations may fail.
type FS struct {
	inner vfs.FS

	mu      sync.Mutex
	count   int
	fail    func(Op) error
	crashAt int
	crashed bool
	log     []Op
	logging bool
}

var _ vfs.FS = (*FS)(nil)

// New puts failures in front of inner. Until told otherwise nothing fails.
func New(inner vfs.FS) *FS { return &FS{inner: inner} }

// Count returns how many operations have been counted.
func (f *FS) Count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count
}

// Log begins to record operations; Ops returns those recorded.
func (f *FS) Log() {
	f.mu.Lock()
	f.logging = true
	f.mu.Unlock()
}

// Ops returns the operations since Log.
func (f *FS) Ops() []Op {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Op(nil), f.log...)
}

// Fail has fn asked before each operation, by the goroutine that runs it: what it
// returns, the operation fails with. fn may wait, as a disk does that stalls.
// nil: nothing fails any more.
func (f *FS) Fail(fn func(Op) error) {
	f.mu.Lock()
	f.fail = fn
	f.mu.Unlock()
}

// FailAt makes the n-th operation fail with err.
func (f *FS) FailAt(n int, err error) {
	f.Fail(func(op Op) error {
		if op.Number == n {
			return err
		}
		return nil
	})
}

// CrashAt makes the n-th operation and all after it fail with ErrCrashed.
func (f *FS) CrashAt(n int) {
	f.mu.Lock()
	f.crashAt = n
	f.mu.Unlock()
}

// Crashed reports whether the crash has happened.
func (f *FS) Crashed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.crashed
}

// before counts an operation and returns the error it is to fail with.
func (f *FS) before(name, path string, size int) error {
	f.mu.Lock()
	f.count++
	op := Op{f.count, name, path, size}
	if f.crashAt > 0 && f.count >= f.crashAt {
		f.crashed = true
	}
	if f.crashed {
		f.mu.Unlock()
		return &fs.PathError{Op: name, Path: path, Err: ErrCrashed}
	}
	if f.logging {
		f.log = append(f.log, op)
	}
	fail := f.fail
	f.mu.Unlock()
	if fail == nil {
		return nil
	}
	if err := fail(op); err != nil {
		return &fs.PathError{Op: name, Path: path, Err: err}
	}
	return nil
}

// Open implements vfs.FS.
func (f *FS) Open(name string) (vfs.File, error) { return f.open("open", name, f.inner.Open) }

// Create implements vfs.FS.
func (f *FS) Create(name string) (vfs.File, error) { return f.open("create", name, f.inner.Create) }

// Append implements vfs.FS.
func (f *FS) Append(name string) (vfs.File, error) { return f.open("append", name, f.inner.Append) }

// Edit implements vfs.FS.
func (f *FS) Edit(name string) (vfs.File, error) { return f.open("edit", name, f.inner.Edit) }

func (f *FS) open(op, name string, open func(string) (vfs.File, error)) (vfs.File, error) {
	if err := f.before(op, name, 0); err != nil {
		return nil, err
	}
	inner, err := open(name)
	if err != nil {
		return nil, err
	}
	return &file{inner, f}, nil
}

// Rename implements vfs.FS.
func (f *FS) Rename(from, to string) error {
	if err := f.before("rename", to, 0); err != nil {
		return err
	}
	return f.inner.Rename(from, to)
}

// Remove implements vfs.FS.
func (f *FS) Remove(name string) error {
	if err := f.before("remove", name, 0); err != nil {
		return err
	}
	return f.inner.Remove(name)
}

// Mkdir implements vfs.FS.
func (f *FS) Mkdir(name string) error {
	if err := f.before("mkdir", name, 0); err != nil {
		return err
	}
	return f.inner.Mkdir(name)
}

// List implements vfs.FS.
func (f *FS) List(name string) ([]string, error) { return f.inner.List(name) }

// Stat implements vfs.FS.
func (f *FS) Stat(name string) (vfs.Info, error) { return f.inner.Stat(name) }

// SyncDir implements vfs.FS.
func (f *FS) SyncDir(name string) error {
	if err := f.before("syncdir", name, 0); err != nil {
		return err
	}
	return f.inner.SyncDir(name)
}

// file is an open file whose operations may fail.
type file struct {
	vfs.File
	fs *FS
}

// Write implements vfs.File.
func (f *file) Write(b []byte) (int, error) {
	if err := f.fs.before("write", f.Name(), len(b)); err != nil {
		n := 0
		if !errors.Is(err, ErrCrashed) {
			n, _ = f.File.Write(b[:len(b)/2]) // the error to tell is the injected one
		}
		return n, err
	}
	return f.File.Write(b)
}

// WriteAt implements vfs.File.
func (f *file) WriteAt(b []byte, offset int64) (int, error) {
	if err := f.fs.before("write", f.Name(), len(b)); err != nil {
		n := 0
		if !errors.Is(err, ErrCrashed) {
			n, _ = f.File.WriteAt(b[:len(b)/2], offset) // the error to tell is the injected one
		}
		return n, err
	}
	return f.File.WriteAt(b, offset)
}

// Sync implements vfs.File.
func (f *file) Sync() error {
	if err := f.fs.before("sync", f.Name(), 0); err != nil {
		return err
	}
	return f.File.Sync()
}

// WriteBack implements vfs.File.
func (f *file) WriteBack(offset, size int64, wait bool) error {
	if err := f.fs.before("writeback", f.Name(), 0); err != nil {
		return err
	}
	return f.File.WriteBack(offset, size, wait)
}

// Truncate implements vfs.File.
func (f *file) Truncate(size int64) error {
	if err := f.fs.before("truncate", f.Name(), 0); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

// Preallocate implements vfs.File.
func (f *file) Preallocate(size int64) error {
	if err := f.fs.before("preallocate", f.Name(), 0); err != nil {
		return err
	}
	return f.File.Preallocate(size)
}
