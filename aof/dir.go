package aof

import (
	"errors"
	"fmt"
	"io/fs"
	"path"

	"kvorum/vfs"
)

// Dir is where the files of a log are.
type Dir struct {
	FS       vfs.FS
	Root     string // the folder that the log's folder is in
	Name     string // appenddirname
	Filename string // appendfilename
}

// OpError is an error of an operation on a file, with the file as Redis names it.
type OpError struct {
	Op   string // in Redis's words, e.g. "Can't open the append-only file"
	File string
	Err  error
}

// Error implements error.
func (e *OpError) Error() string { return fmt.Sprintf("aof: %s %s: %v", e.Op, e.File, e.Err) }

// Unwrap returns the error of the file system.
func (e *OpError) Unwrap() error { return e.Err }

func failed(op, file string, err error) error {
	if err == nil {
		return nil
	}
	return &OpError{op, file, err}
}

// Path returns where a file of the log is.
func (d *Dir) Path(name string) string { return path.Join(d.Root, d.Name, name) }

// single returns where older versions kept their only file.
func (d *Dir) single() string { return path.Join(d.Root, d.Filename) }

// ManifestName returns the name of the manifest.
func (d *Dir) ManifestName() string { return d.Filename + manifestSuffix }

// TempIncr returns the name of the file that takes effects while the first base of
// a log is being written.
func (d *Dir) TempIncr() string { return tempPrefix + d.Filename + incrSuffix }

// Make makes the folder if it is missing.
func (d *Dir) Make() error {
	return failed("Can't open or create append-only dir", d.Name, d.FS.Mkdir(d.Path("")))
}

// Load reads the manifest; without one the log is empty. Errors: *ManifestError,
// *OpError.
func (d *Dir) Load() (*Manifest, error) {
	data, err := vfs.ReadFile(d.FS, d.Path(d.ManifestName()))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &Manifest{}, nil
	case err != nil:
		return nil, failed("Fatal error: can't open the AOF manifest file", d.ManifestName(), err)
	}
	return ParseManifest(data)
}

// Save replaces the manifest on the disk (L1).
func (d *Dir) Save(m *Manifest) error {
	temp := tempPrefix + d.ManifestName()
	if err := vfs.WriteFile(d.FS, d.Path(temp), m.Append(nil)); err != nil {
		return failed("Error trying to write the temporary AOF manifest file", temp, err)
	}
	if err := d.FS.Rename(d.Path(temp), d.Path(d.ManifestName())); err != nil {
		return failed("Error trying to rename the temporary AOF manifest file", temp, err)
	}
	return failed("Fail to fsync AOF directory", d.Name, d.FS.SyncDir(d.Path("")))
}

// Upgrade takes over the single file that older versions wrote, if m says that it
// has not been done, and reports whether it did. The file becomes the base, under
// its name. A crash at any point is made good by the next call.
func (d *Dir) Upgrade(m *Manifest) (done bool, err error) {
	if !vfs.Exists(d.FS, d.single()) {
		return false, nil
	}
	begun := m.Base != nil && len(m.Incr) == 0 && m.Base.Name == d.Filename && !vfs.Exists(d.FS, d.Path(d.Filename))
	if vfs.Exists(d.FS, d.Path("")) && !m.Empty() && !begun {
		return false, nil
	}
	if err := d.Make(); err != nil {
		return false, err
	}
	m.Base, m.baseSeq = &File{Name: d.Filename, Seq: 1, Type: Base}, 1
	if err := d.Save(m); err != nil {
		return false, err
	}
	if err := d.FS.Rename(d.single(), d.Path(d.Filename)); err != nil {
		return false, failed("Error trying to move the old AOF file", d.Filename, err)
	}
	if err := d.FS.SyncDir(d.Path("")); err != nil {
		return false, failed("Fail to fsync AOF directory", d.Name, err)
	}
	return true, nil
}

// Append opens a file of the log for writing; fresh: an empty one. What is written
// goes to its end, also after a failed write was cut off.
func (d *Dir) Append(name string, fresh bool) (f vfs.File, size int64, err error) {
	if f, err = d.FS.Append(d.Path(name)); err == nil {
		if fresh {
			err = f.Truncate(0)
		} else {
			size, err = f.Size()
		}
		if err != nil {
			_ = f.Close() // the first error is the one to tell
		}
	}
	if err != nil {
		return nil, 0, failed("Can't open the append-only file", name, err)
	}
	return f, size, nil
}

// Rotate adds an empty incr file to the log, on the disk and in m, and opens it.
// After an error m is as it was.
func (d *Dir) Rotate(m *Manifest) (vfs.File, File, error) {
	next := m.Clone()
	added := next.AddIncr(d.Filename)
	f, _, err := d.Append(added.Name, true)
	if err != nil {
		return nil, added, err
	}
	if err := d.Save(next); err != nil {
		_ = f.Close() // the first error is the one to tell
		return nil, added, err
	}
	*m = *next
	return f, added, nil
}

// Install makes a finished file the new base of the log, on the disk and in m: temp
// is its path, synced already. The incr files up to lastCovered become history. If
// pending is not empty it is the temporary incr file with the effects since the cut,
// which gets its name now. After an error m is as it was.
func (d *Dir) Install(m *Manifest, temp string, rdb bool, lastCovered int64, pending string) (base, incr File, err error) {
	next := m.Clone()
	base = next.ReplaceBase(d.Filename, rdb, lastCovered)
	if err := d.FS.Rename(temp, d.Path(base.Name)); err != nil {
		return base, incr, failed("Error trying to rename the temporary AOF base file", temp, err)
	}
	if pending != "" {
		incr = next.AddIncr(d.Filename)
		if err := d.FS.Rename(d.Path(pending), d.Path(incr.Name)); err != nil {
			_ = d.FS.Remove(d.Path(base.Name)) // the first error is the one to tell
			return base, incr, failed("Error trying to rename the temporary AOF incr file", pending, err)
		}
	}
	if err := d.Save(next); err != nil {
		// The manifest on the disk may be the new one all the same: its files stay.
		return base, incr, err
	}
	*m = *next
	return base, incr, nil
}

// Sweep removes the history files and then their lines (L2). each is told of every
// file before it goes. What cannot be removed stays in the list.
func (d *Dir) Sweep(m *Manifest, each func(name string)) error {
	if len(m.History) == 0 {
		return nil
	}
	next := m.Clone()
	next.History = nil
	for _, f := range m.History {
		each(f.Name)
		if err := d.FS.Remove(d.Path(f.Name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			next.History = append(next.History, f)
		}
	}
	if err := d.Save(next); err != nil {
		return err
	}
	*m = *next
	return nil
}

// Size returns the bytes of all files that are loaded, and of the base alone. The
// error names the file.
func (d *Dir) Size(m *Manifest) (all, base int64, err error) {
	for _, f := range m.Files() {
		info, err := d.FS.Stat(d.Path(f.Name))
		if err != nil {
			return 0, 0, &OpError{"Unable to obtain the AOF file", f.Name, err}
		}
		all += info.Size
		if f.Type == Base {
			base = info.Size
		}
	}
	return all, base, nil
}
