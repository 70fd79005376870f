package aof

import (
	"errors"
	"math/rand/v2"
	"syscall"
	"testing"

	"kvorum/vfs"
	"kvorum/vfs/errfs"
)

// pastWorld is a log of which it is known where in the stream each of its bytes is.
type pastWorld struct {
	t      *testing.T
	rnd    *rand.Rand
	disk   *vfs.Mem
	dir    Dir
	m      *Manifest
	f      vfs.File
	h      *HistoryLog
	truth  []int64 // of the newest file: the offset at each size
	offset int64
	id     string
	nonce  uint64
}

func newPastWorld(t *testing.T, seed uint64) *pastWorld {
	w := &pastWorld{t: t, rnd: rand.New(rand.NewPCG(seed, 1)), disk: vfs.NewMem(), m: &Manifest{}, id: historyName('a')}
	w.dir = Dir{FS: w.disk, Name: "d", Filename: "a"}
	if err := w.dir.Make(); err != nil {
		t.Fatal(err)
	}
	base := w.m.ReplaceBase("a", true, 0)
	if err := vfs.WriteFile(w.disk, w.dir.Path(base.Name), []byte("base")); err != nil {
		t.Fatal(err)
	}
	w.turn()
	return w
}

func historyName(c byte) string {
	b := make([]byte, historyIDSize)
	for i := range b {
		b[i] = c
	}
	return string(b)
}

func (w *pastWorld) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// turn begins another file.
func (w *pastWorld) turn() {
	f, added, err := w.dir.Rotate(w.m)
	w.must(err)
	w.f, w.truth = f, []int64{w.offset}
	w.begin(added.Name)
}

func (w *pastWorld) begin(name string) {
	w.nonce++
	var err error
	w.h, err = w.dir.BeginHistory(w.nonce, w.dir.Identify(w.m, name), int64(len(w.truth)-1), w.id, w.offset)
	w.must(err)
}

// step does something that a writer does.
func (w *pastWorld) step() {
	switch w.rnd.IntN(12) {
	case 0: // what the log has not
		w.offset += 1 + w.rnd.Int64N(20)
		w.must(w.h.Mark(w.id, w.offset))
		w.truth[len(w.truth)-1] = w.offset
	case 1:
		w.id = historyName(byte('a' + w.rnd.IntN(6)))
		w.must(w.h.Mark(w.id, w.offset))
	case 2:
		w.must(w.f.Sync())
	case 3:
		w.must(w.h.Sync())
	case 4:
		if w.rnd.IntN(4) == 0 {
			w.must(w.f.Sync())
			w.turn()
		}
	case 5: // a write that fails
		w.must(w.h.Announce([]byte("lost")))
		w.h.Unannounce()
	default:
		b := make([]byte, 1+w.rnd.IntN(30))
		for i := range b {
			b[i] = byte(w.rnd.Uint32())
			w.offset++
			w.truth = append(w.truth, w.offset)
		}
		w.must(w.h.Announce(b))
		_, err := w.f.Write(b)
		w.must(err)
	}
}

// claimed returns the offset that the files of a disk give, ok is false for none.
func (w *pastWorld) claimed(disk vfs.FS) (offset int64, id string, size int64, ok bool) {
	w.t.Helper()
	dir := w.dir
	dir.FS = disk
	m, err := dir.Load()
	w.must(err)
	p, err := dir.ReadHistory(m)
	w.must(err)
	if p == nil {
		return 0, "", 0, false
	}
	if p.File != w.m.Incr[len(w.m.Incr)-1].Name {
		w.t.Fatalf("%s is not the newest file", p.File)
	}
	info, err := disk.Stat(dir.Path(p.File))
	w.must(err)
	last := p.Marks[len(p.Marks)-1]
	return last.Offset + info.Size - last.Pos, last.ID, info.Size, true
}

// TestHistoryOutlivesKill: whoever reads the files while the writer is between two of its
// operations, as after kill -9, learns exactly where the log is.
func TestHistoryOutlivesKill(t *testing.T) {
	for seed := range uint64(50) {
		w := newPastWorld(t, seed)
		for range 200 {
			w.step()
			offset, id, size, ok := w.claimed(w.disk)
			if !ok || offset != w.offset || id != w.id || size != int64(len(w.truth)-1) {
				t.Fatalf("seed %d: %v: %d of %q with %d bytes, not %d of %q with %d", seed, ok, offset, id, size, w.offset, w.id, len(w.truth)-1)
			}
		}
	}
}

// TestHistoryClaimsNothingWrong: after a power failure, with what survives of each file
// chosen by the seed, what is claimed is true; and something is, at times.
func TestHistoryClaimsNothingWrong(t *testing.T) {
	claims, torn := 0, 0
	for seed := range uint64(400) {
		w := newPastWorld(t, seed)
		for range 20 + w.rnd.IntN(100) {
			w.step()
		}
		disk := w.disk.Crash(func(n int) int { return w.rnd.IntN(n + 1) })
		if _, err := disk.Stat(w.dir.Path(w.m.Incr[len(w.m.Incr)-1].Name)); err != nil {
			continue // the manifest may name an older one only
		}
		m, err := (&Dir{FS: disk, Name: "d", Filename: "a"}).Load()
		if err != nil || m.LastIncr() != w.m.LastIncr() {
			continue
		}
		if p, err := (&Dir{FS: disk, Name: "d", Filename: "a"}).ReadHistory(m); err == nil && p != nil && p.File != w.m.Incr[len(w.m.Incr)-1].Name {
			t.Fatalf("seed %d: the history is that of %s", seed, p.File)
		}
		offset, _, size, ok := w.claimed(disk)
		if !ok {
			continue
		}
		claims++
		if size < int64(len(w.truth)-1) {
			torn++
		}
		// Where the file ends the stream may have gone on by what the log has not.
		if offset > w.truth[size] || size > 0 && offset <= w.truth[size-1] && offset != w.truth[size] {
			t.Fatalf("seed %d: %d bytes are said to be at %d, not %d", seed, size, offset, w.truth[size])
		}
	}
	if claims < 50 || torn < 10 {
		t.Errorf("%d claims, %d of torn files: that shows little", claims, torn)
	}
}

// TestHistoryIsOfThisLog: a log that somebody else has appended to, or has put in the
// place of the old one, is of no known history.
func TestHistoryIsOfThisLog(t *testing.T) {
	w := newPastWorld(t, 1)
	name := w.m.Incr[0].Name
	w.must(w.h.Announce([]byte("some bytes")))
	_, err := w.f.Write([]byte("some bytes"))
	w.must(err)
	if _, _, _, ok := w.claimed(w.disk); !ok {
		t.Fatal("nothing is claimed")
	}
	for _, content := range []string{"some bytes more", "other text", "some byte!"} {
		w.must(vfs.WriteFile(w.disk, w.dir.Path(name), []byte(content)))
		if _, _, _, ok := w.claimed(w.disk); ok {
			t.Errorf("%q is claimed", content)
		}
	}
	w.must(vfs.WriteFile(w.disk, w.dir.Path(name), nil))
	if offset, _, _, ok := w.claimed(w.disk); !ok || offset != 0 {
		t.Errorf("the empty file is claimed %v, at %d", ok, offset)
	}
	w.must(vfs.WriteFile(w.disk, w.dir.Path(w.m.Base.Name), []byte("another base")))
	if _, _, _, ok := w.claimed(w.disk); ok {
		t.Error("the empty file behind another base is claimed")
	}
}

// TestHistoryGoesOn: a file whose end was cut off goes on where it ends, without what was
// said of the lost end.
func TestHistoryGoesOn(t *testing.T) {
	for seed := range uint64(50) {
		w := newPastWorld(t, seed)
		for range 100 {
			w.step()
		}
		name := w.m.Incr[len(w.m.Incr)-1].Name
		p, err := w.dir.ReadHistory(w.m)
		w.must(err)
		if p == nil {
			t.Fatal("nothing is claimed")
		}
		cut := w.rnd.IntN(len(w.truth))
		f, err := w.disk.Edit(w.dir.Path(name))
		w.must(err)
		w.must(f.Truncate(int64(cut)))
		w.truth = w.truth[:cut+1]
		w.h, err = w.dir.ContinueHistory(p, int64(cut))
		w.must(err)
		last := w.h.Last()
		w.offset, w.id = last.Offset+int64(cut)-last.Pos, last.ID
		w.f, _, err = w.dir.Append(name, false)
		w.must(err)
		for range 50 {
			w.step()
			if offset, id, _, ok := w.claimed(w.disk); !ok || offset != w.offset || id != w.id {
				t.Fatalf("seed %d: %v: %d of %q, not %d of %q", seed, ok, offset, id, w.offset, w.id)
			}
		}
	}
}

// TestHistoryDiskFails: an error of any operation is told, and leaves nothing that is
// wrong.
func TestHistoryDiskFails(t *testing.T) {
	w := newPastWorld(t, 1)
	fsys := errfs.New(w.disk)
	w.dir.FS = fsys
	for n := 1; n < 40; n++ {
		at := fsys.Count() + n
		fsys.FailAt(at, syscall.EIO)
		name := w.m.Incr[0].Name
		h, err := w.dir.BeginHistory(uint64(n), w.dir.Identify(w.m, name), 0, w.id, 5)
		for i := 0; err == nil && i < 10; i++ {
			err = h.Mark(w.id, 5+int64(i))
		}
		fsys.Fail(nil)
		if n <= 10 && !errors.Is(err, syscall.EIO) {
			t.Fatalf("operation %d: %v", n, err)
		}
		m := *w.m
		if p, readErr := w.dir.ReadHistory(&m); readErr != nil {
			t.Fatal(readErr)
		} else if p != nil && err != nil && p.Marks[0].Offset > 5+10 {
			t.Fatalf("claimed %+v", p)
		}
	}
}
