// Package vfs is the file system as the parts of the server that keep data on
// disk see it: few operations, each of which can fail or be the last before a
// crash. OS is the real one; Mem is one in memory that can crash; package errfs
// puts errors in front of either.
//
//	Create, Write, Sync, Close, Rename, SyncDir    the way a file appears safely
//
// Names are paths with slashes; relative ones are relative to the working
// directory of the process (OS) or to the root (Mem).
//
// What survives a crash is what POSIX promises and no more. V1: bytes of a file
// survive once Sync has returned; of later writes, any beginning may. V2: a name
// made, changed or removed survives once SyncDir of its folder has returned; of
// later changes in that folder, any beginning may, in their order. V3: Rename
// replaces the old file in one step: a reader finds one or the other.
//
// Who may call it: any goroutine; a File belongs to one at a time, but for
// ReadAt, and for Sync and WriteBack, which may run beside a Write of another goroutine.
//
// Errors are those of the system (io/fs.PathError with an errno inside), so that
// errors.Is(err, fs.ErrNotExist) and the texts of errno work for all of them.
package vfs

import (
	"errors"
	"io"
	"io/fs"
	"path"
)

// FS is a file system.
type FS interface {
	// Open opens a file for reading.
	Open(name string) (File, error)
	// Create makes a file, or empties the one of that name, for reading and writing.
	Create(name string) (File, error)
	// Append opens a file for writing at its end, and makes it if there is none.
	Append(name string) (File, error)
	// Edit opens a file that exists for reading and writing, from its beginning.
	Edit(name string) (File, error)
	// Rename gives a file another name, in place of the file that had it.
	Rename(from, to string) error
	// Remove removes a file or an empty folder.
	Remove(name string) error
	// Mkdir makes a folder. One that is there is no error.
	Mkdir(name string) error
	// List returns the names in a folder, sorted.
	List(name string) ([]string, error)
	// Stat describes a file or a folder.
	Stat(name string) (Info, error)
	// SyncDir brings the names in a folder to the disk.
	SyncDir(name string) error
}

// File is an open file. Read and Write share one position; a file from Append is
// always written at its end.
type File interface {
	io.Reader
	io.ReaderAt
	io.Writer
	// WriteAt writes in place; not to a file from Append.
	io.WriterAt
	io.Closer
	// Name returns the name it was opened under.
	Name() string
	// Size returns the length in bytes.
	Size() (int64, error)
	// Sync brings what was written to the disk, with as much about the file as is
	// needed to read it again.
	Sync() error
	// WriteBack has the system begin to bring size bytes from an offset on to the disk,
	// and with wait, stays until they are there, so that a later Sync has little to do.
	// It promises nothing about a crash. An error means that bytes may be lost, which a
	// later Sync need not say again. Like Sync, it may run beside a Write.
	WriteBack(offset, size int64, wait bool) error
	// Truncate cuts the file, or lengthens it by zeros, to size bytes.
	Truncate(size int64) error
	// Preallocate asks for room for size bytes from the beginning, without a
	// change of the length. It does nothing where the system cannot.
	Preallocate(size int64) error
}

// Info describes a file.
type Info struct {
	Size    int64 // bytes
	Dir     bool
	Mode    fs.FileMode // permission bits
	ModUnix int64       // seconds; 0 in memory
}

// ReadFile returns the bytes of a file.
func ReadFile(fsys FS, name string) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(f)
	return data, errors.Join(err, f.Close())
}

// WriteFile makes or replaces a file and brings its bytes, not its name, to the
// disk.
func WriteFile(fsys FS, name string, data []byte) error {
	f, err := fsys.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// ReplaceFile gives a file other bytes in one step: after a crash it has the old
// ones or the new ones. temp is a name in the same folder that nobody else uses.
func ReplaceFile(fsys FS, name, temp string, data []byte) error {
	err := WriteFile(fsys, temp, data)
	if err == nil {
		err = fsys.Rename(temp, name)
	}
	if err != nil {
		_ = fsys.Remove(temp) // the first error is the one to tell
		return err
	}
	return fsys.SyncDir(path.Dir(name))
}

// Exists reports whether there is a file or folder of that name.
func Exists(fsys FS, name string) bool {
	_, err := fsys.Stat(name)
	return err == nil
}
