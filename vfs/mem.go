package vfs

import (
	"io"
	"io/fs"
	"path"
	"slices"
	"sort"
	"sync"
	"syscall"
)

// Mem is a file system in memory, for tests. It remembers what has been synced,
// so that Crash can give the file system that the next start would find.
//
// Of each file it keeps the bytes that are on the disk and the operations since
// then; of each folder the names that are on the disk and the changes since then.
// Folders themselves are on the disk as soon as they are made, as few programs
// care for them.
type Mem struct {
	mu   sync.Mutex
	dirs map[string]*memDir
}

// memDir is a folder.
type memDir struct {
	now    map[string]*inode
	stable map[string]*inode
	undone []nameChange // not synced, in order
}

// nameChange is a change of one name; node is nil when it was removed. A rename
// within a folder is one change of two names (V3).
type nameChange struct {
	removed string
	made    string
	node    *inode
}

// inode is the content of a file.
type inode struct {
	now    []byte
	stable []byte
	undone []write // not synced, in order
}

// write is a change of a file's content: data at offset, or, with data nil, a cut
// at offset.
type write struct {
	offset int64
	data   []byte
}

var _ FS = (*Mem)(nil)

// NewMem returns an empty file system with a root folder and a working folder, which
// are not the same.
func NewMem() *Mem {
	return &Mem{dirs: map[string]*memDir{".": newMemDir(), "/": newMemDir()}}
}

func newMemDir() *memDir {
	return &memDir{now: make(map[string]*inode), stable: make(map[string]*inode)}
}

// clean returns the folder and the name in it of a path.
func clean(name string) (dir, base string) {
	name = path.Clean(name)
	return path.Dir(name), path.Base(name)
}

func pathErr(op, name string, err error) error { return &fs.PathError{Op: op, Path: name, Err: err} }

// find returns the folder and the file of a path.
func (m *Mem) find(op, name string) (d *memDir, base string, node *inode, err error) {
	dir, base := clean(name)
	d = m.dirs[dir]
	if d == nil {
		return nil, base, nil, pathErr(op, name, syscall.ENOENT)
	}
	return d, base, d.now[base], nil
}

func (d *memDir) change(c nameChange) {
	d.undone = append(d.undone, c)
	c.apply(d.now)
}

func (c nameChange) apply(names map[string]*inode) {
	if c.removed != "" {
		delete(names, c.removed)
	}
	if c.made != "" {
		names[c.made] = c.node
	}
}

func (w write) apply(b []byte) []byte {
	end := w.offset + int64(len(w.data))
	if w.data == nil && end < int64(len(b)) {
		return b[:end]
	}
	if missing := end - int64(len(b)); missing > 0 {
		b = append(b, make([]byte, missing)...)
	}
	copy(b[w.offset:], w.data)
	return b
}

func (n *inode) change(w write) {
	n.undone = append(n.undone, w)
	n.now = w.apply(n.now)
}

func (n *inode) sync() {
	for _, w := range n.undone {
		n.stable = w.apply(n.stable)
	}
	n.undone = nil
}

// Crash returns the file system that a start after a power failure at this moment
// finds; m stays as it is. Of n changes of a folder that are not synced, or n bytes
// of a file, the first survive(n) are there; nil: none.
func (m *Mem) Crash(survive func(n int) int) *Mem {
	if survive == nil {
		survive = func(int) int { return 0 }
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	after := NewMem()
	moved := make(map[*inode]*inode)
	for _, name := range sortedKeys(m.dirs) {
		d, fresh := m.dirs[name], newMemDir()
		names := make(map[string]*inode, len(d.stable))
		for base, node := range d.stable {
			names[base] = node
		}
		for _, c := range d.undone[:survive(len(d.undone))] {
			c.apply(names)
		}
		for _, base := range sortedKeys(names) {
			node := names[base]
			if moved[node] == nil {
				moved[node] = node.crash(survive)
			}
			fresh.now[base], fresh.stable[base] = moved[node], moved[node]
		}
		after.dirs[name] = fresh
	}
	return after
}

// crash returns what is left of a file.
func (n *inode) crash(survive func(n int) int) *inode {
	b := slices.Clone(n.stable)
	size := 0
	for _, w := range n.undone {
		size += max(len(w.data), 1)
	}
	left := survive(size)
	for _, w := range n.undone {
		if left <= 0 {
			break
		}
		if w.data != nil && len(w.data) > left {
			w.data = w.data[:left] // torn
		}
		left -= max(len(w.data), 1)
		b = w.apply(b)
	}
	return &inode{now: b, stable: slices.Clone(b)}
}

func sortedKeys[T any](names map[string]T) []string {
	list := make([]string, 0, len(names))
	for name := range names {
		list = append(list, name)
	}
	sort.Strings(list)
	return list
}

// Open implements FS.
func (m *Mem) Open(name string) (File, error) { return m.open(name, memFile{reads: true}) }

// Edit implements FS.
func (m *Mem) Edit(name string) (File, error) {
	return m.open(name, memFile{reads: true, writes: true})
}

func (m *Mem) open(name string, f memFile) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, _, node, err := m.find("open", name)
	if err == nil && node == nil {
		err = pathErr("open", name, syscall.ENOENT)
		if m.dirs[path.Clean(name)] != nil {
			err = pathErr("open", name, syscall.EISDIR)
		}
	}
	if err != nil {
		return nil, err
	}
	f.m, f.name, f.node = m, name, node
	return &f, nil
}

// Create implements FS.
func (m *Mem) Create(name string) (File, error) {
	f, err := m.make(name)
	if err != nil {
		return nil, err
	}
	f.reads = true
	return f, f.Truncate(0)
}

// Append implements FS.
func (m *Mem) Append(name string) (File, error) {
	f, err := m.make(name)
	if err != nil {
		return nil, err
	}
	f.atEnd = true
	return f, nil
}

func (m *Mem) make(name string) (*memFile, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, base, node, err := m.find("open", name)
	if err == nil && m.dirs[path.Clean(name)] != nil {
		err = pathErr("open", name, syscall.EISDIR)
	}
	if err != nil {
		return nil, err
	}
	if node == nil {
		node = &inode{}
		d.change(nameChange{made: base, node: node})
	}
	return &memFile{m: m, name: name, node: node, writes: true}, nil
}

// Rename implements FS. Folders are not renamed.
func (m *Mem) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	source, fromBase, node, err := m.find("rename", from)
	if err == nil && node == nil {
		err = pathErr("rename", from, syscall.ENOENT)
	}
	if err != nil {
		return err
	}
	target, toBase, _, err := m.find("rename", to)
	if err != nil {
		return err
	}
	if m.dirs[path.Clean(to)] != nil {
		return pathErr("rename", to, syscall.EISDIR)
	}
	if source == target {
		source.change(nameChange{removed: fromBase, made: toBase, node: node})
		return nil
	}
	target.change(nameChange{made: toBase, node: node})
	source.change(nameChange{removed: fromBase})
	return nil
}

// Remove implements FS.
func (m *Mem) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d := m.dirs[path.Clean(name)]; d != nil {
		if len(d.now) > 0 {
			return pathErr("remove", name, syscall.ENOTEMPTY)
		}
		delete(m.dirs, path.Clean(name))
		return nil
	}
	d, base, node, err := m.find("remove", name)
	if err == nil && node == nil {
		err = pathErr("remove", name, syscall.ENOENT)
	}
	if err != nil {
		return err
	}
	d.change(nameChange{removed: base})
	return nil
}

// Mkdir implements FS.
func (m *Mem) Mkdir(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, _, node, err := m.find("mkdir", name)
	if err == nil && node != nil {
		err = pathErr("mkdir", name, syscall.EEXIST)
	}
	if dir := path.Clean(name); err == nil && m.dirs[dir] == nil {
		m.dirs[dir] = newMemDir()
	}
	return err
}

// List implements FS.
func (m *Mem) List(name string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir := path.Clean(name)
	d := m.dirs[dir]
	if d == nil {
		return nil, pathErr("open", name, syscall.ENOENT)
	}
	names := sortedKeys(d.now)
	for _, sub := range sortedKeys(m.dirs) {
		if sub != dir && path.Dir(sub) == dir {
			names = append(names, path.Base(sub))
		}
	}
	sort.Strings(names)
	return names, nil
}

// Stat implements FS.
func (m *Mem) Stat(name string) (Info, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dirs[path.Clean(name)] != nil {
		return Info{Dir: true, Mode: dirMode}, nil
	}
	_, _, node, err := m.find("stat", name)
	if err == nil && node == nil {
		err = pathErr("stat", name, syscall.ENOENT)
	}
	if err != nil {
		return Info{}, err
	}
	return Info{Size: int64(len(node.now)), Mode: fileMode}, nil
}

// SyncDir implements FS.
func (m *Mem) SyncDir(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.dirs[path.Clean(name)]
	if d == nil {
		return pathErr("open", name, syscall.ENOENT)
	}
	for _, c := range d.undone {
		c.apply(d.stable)
	}
	d.undone = nil
	return nil
}

// memFile is an open file of Mem.
type memFile struct {
	m             *Mem
	name          string
	node          *inode
	at            int64
	reads, writes bool
	atEnd, closed bool
}

func (f *memFile) check(op string, allowed bool) error {
	switch {
	case f.closed:
		return pathErr(op, f.name, fs.ErrClosed)
	case !allowed:
		return pathErr(op, f.name, syscall.EBADF)
	}
	return nil
}

// Name implements File.
func (f *memFile) Name() string { return f.name }

// Read implements File.
func (f *memFile) Read(b []byte) (int, error) {
	n, err := f.ReadAt(b, f.at)
	f.at += int64(n)
	if n > 0 && err == io.EOF {
		err = nil
	}
	return n, err
}

// ReadAt implements File.
func (f *memFile) ReadAt(b []byte, offset int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.check("read", f.reads); err != nil {
		return 0, err
	}
	if len(b) == 0 {
		return 0, nil
	}
	n := 0
	if offset < int64(len(f.node.now)) {
		n = copy(b, f.node.now[offset:])
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// Write implements File.
func (f *memFile) Write(b []byte) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.check("write", f.writes); err != nil {
		return 0, err
	}
	if f.atEnd {
		f.at = int64(len(f.node.now))
	}
	if len(b) > 0 {
		f.node.change(write{offset: f.at, data: slices.Clone(b)})
		f.at += int64(len(b))
	}
	return len(b), nil
}

// WriteAt implements File.
func (f *memFile) WriteAt(b []byte, offset int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.check("write", f.writes && !f.atEnd); err != nil {
		return 0, err
	}
	if len(b) > 0 {
		f.node.change(write{offset: offset, data: slices.Clone(b)})
	}
	return len(b), nil
}

// Size implements File.
func (f *memFile) Size() (int64, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	return int64(len(f.node.now)), f.check("stat", true)
}

// Sync implements File.
func (f *memFile) Sync() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.check("fsync", true); err != nil {
		return err
	}
	f.node.sync()
	return nil
}

// WriteBack implements File: nothing is on the disk by it for certain.
func (f *memFile) WriteBack(int64, int64, bool) error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	return f.check("sync_file_range", f.writes)
}

// Truncate implements File.
func (f *memFile) Truncate(size int64) error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.check("truncate", f.writes); err != nil {
		return err
	}
	if size != int64(len(f.node.now)) {
		f.node.change(write{offset: size})
	}
	return nil
}

// Preallocate implements File.
func (f *memFile) Preallocate(int64) error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	return f.check("fallocate", f.writes)
}

// Close implements File.
func (f *memFile) Close() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	err := f.check("close", true)
	f.closed = true
	return err
}
