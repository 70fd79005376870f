package vfs

import (
	"errors"
	"io/fs"
	"os"
	"sort"
)

// OS is the file system of the machine.
type OS struct{}

// Permissions of what is made, before the umask of the process.
const (
	fileMode = 0o644
	dirMode  = 0o755
)

var _ FS = OS{}

func openOS(name string, flag int) (File, error) {
	f, err := os.OpenFile(name, flag, fileMode)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

// Open implements FS.
func (OS) Open(name string) (File, error) { return openOS(name, os.O_RDONLY) }

// Create implements FS.
func (OS) Create(name string) (File, error) { return openOS(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC) }

// Append implements FS.
func (OS) Append(name string) (File, error) {
	return openOS(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND)
}

// Edit implements FS.
func (OS) Edit(name string) (File, error) { return openOS(name, os.O_RDWR) }

// Rename implements FS.
func (OS) Rename(from, to string) error { return os.Rename(from, to) }

// Remove implements FS.
func (OS) Remove(name string) error { return os.Remove(name) }

// Mkdir implements FS.
func (OS) Mkdir(name string) error {
	err := os.Mkdir(name, dirMode)
	if errors.Is(err, fs.ErrExist) {
		if info, statErr := os.Stat(name); statErr == nil && info.IsDir() {
			return nil
		}
	}
	return err
}

// List implements FS.
func (OS) List(name string) ([]string, error) {
	d, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	names, err := d.Readdirnames(-1)
	sort.Strings(names)
	return names, errors.Join(err, d.Close())
}

// Stat implements FS.
func (OS) Stat(name string) (Info, error) {
	info, err := os.Stat(name)
	if err != nil {
		return Info{}, err
	}
	return Info{Size: info.Size(), Dir: info.IsDir(), Mode: info.Mode().Perm(), ModUnix: info.ModTime().Unix()}, nil
}

// SyncDir implements FS.
func (OS) SyncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// osFile is a file of the machine.
type osFile struct{ *os.File }

// Size implements File.
func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
