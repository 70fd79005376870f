package vfs

import (
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
)

// both runs a test on the machine's file system and on the one in memory: what
// programs see of them must be the same.
func both(t *testing.T, test func(t *testing.T, fsys FS, dir string)) {
	t.Run("os", func(t *testing.T) { test(t, OS{}, filepath.ToSlash(t.TempDir())) })
	t.Run("mem", func(t *testing.T) {
		m := NewMem()
		if err := m.Mkdir("d"); err != nil {
			t.Fatal(err)
		}
		test(t, m, "d")
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, fsys FS, name, text string) {
	t.Helper()
	must(t, WriteFile(fsys, name, []byte(text)))
}

func expect(t *testing.T, fsys FS, name, want string) {
	t.Helper()
	got, err := ReadFile(fsys, name)
	if err != nil || string(got) != want {
		t.Fatalf("%s holds %q, %v; want %q", name, got, err, want)
	}
}

func TestOperationsOfBothFileSystems(t *testing.T) {
	both(t, func(t *testing.T, fsys FS, dir string) {
		a, b := dir+"/a", dir+"/b"
		put(t, fsys, a, "hello")
		f, err := fsys.Append(a)
		must(t, err)
		must(t, f.Preallocate(1<<16))
		_, err = f.Write([]byte(" world"))
		must(t, err)
		if n, err := f.Size(); n != 11 || err != nil {
			t.Fatalf("size %d, %v", n, err)
		}
		must(t, errors.Join(f.WriteBack(0, 5, false), f.WriteBack(0, 11, true)))
		must(t, f.Truncate(7))
		_, err = f.Write([]byte("x"))
		must(t, errors.Join(err, f.Sync(), f.Close()))
		expect(t, fsys, a, "hello wx")

		f, err = fsys.Edit(a)
		must(t, err)
		part := make([]byte, 3)
		n, err := f.ReadAt(part, 6)
		if string(part[:n]) != "wx" || err != io.EOF {
			t.Fatalf("read %q, %v", part[:n], err)
		}
		_, err = io.ReadFull(f, part)
		must(t, err)
		must(t, errors.Join(f.Truncate(2), f.Close()))
		expect(t, fsys, a, "he")

		must(t, fsys.Rename(a, b))
		if Exists(fsys, a) || !Exists(fsys, b) {
			t.Fatal("rename left the names as they were")
		}
		must(t, ReplaceFile(fsys, b, dir+"/temp", []byte("new")))
		expect(t, fsys, b, "new")
		must(t, errors.Join(fsys.Mkdir(dir+"/sub"), fsys.Mkdir(dir+"/sub"), fsys.SyncDir(dir)))
		names, err := fsys.List(dir)
		if strings.Join(names, " ") != "b sub" || err != nil {
			t.Fatalf("list %q, %v", names, err)
		}
		info, err := fsys.Stat(dir + "/sub")
		if !info.Dir || err != nil {
			t.Fatalf("stat %+v, %v", info, err)
		}
	})
}

func TestErrorsOfBothFileSystems(t *testing.T) {
	both(t, func(t *testing.T, fsys FS, dir string) {
		for _, fn := range []func(string) error{
			func(name string) error { _, err := fsys.Open(name); return err },
			func(name string) error { _, err := fsys.Edit(name); return err },
			func(name string) error { _, err := fsys.Stat(name); return err },
			func(name string) error { _, err := fsys.List(name); return err },
			func(name string) error { return fsys.Remove(name) },
			func(name string) error { return fsys.Rename(name, dir+"/other") },
			func(name string) error { _, err := fsys.Create(name + "/deep"); return err },
		} {
			if err := fn(dir + "/none"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("error %v", err)
			}
		}
		put(t, fsys, dir+"/file", "x")
		if err := fsys.Mkdir(dir + "/file"); !errors.Is(err, fs.ErrExist) {
			t.Errorf("folder over a file: %v", err)
		}
		f, err := fsys.Open(dir + "/file")
		must(t, err)
		if _, err := f.Write([]byte("y")); err == nil {
			t.Error("a file opened for reading was written")
		}
		must(t, f.Close())
		if _, err := f.Read(make([]byte, 1)); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("read after close: %v", err)
		}
	})
}

// What is not synced may be lost, what is synced may not.
func TestCrashKeepsWhatWasSynced(t *testing.T) {
	m := NewMem()
	must(t, m.Mkdir("d"))
	f, err := m.Append("d/log")
	must(t, err)
	_, err = f.Write([]byte("synced"))
	must(t, err)
	must(t, f.WriteBack(0, 6, true))
	expect(t, m, "d/log", "synced")
	if after := m.Crash(nil); Exists(after, "d/log") {
		t.Error("WriteBack made a name survive")
	}
	must(t, f.Sync())
	if after := m.Crash(nil); Exists(after, "d/log") {
		t.Error("a name survived without SyncDir")
	}
	must(t, m.SyncDir("d"))
	_, err = f.Write([]byte("+tail"))
	must(t, err)
	must(t, m.Rename("d/log", "d/moved"))
	expect(t, m.Crash(nil), "d/log", "synced")
	expect(t, m.Crash(func(n int) int { return n }), "d/moved", "synced+tail")
	expect(t, m, "d/moved", "synced+tail")
	expect(t, m.Crash(func(n int) int { return n / 2 }), "d/log", "synced+t")
}

// ReplaceFile gives the old bytes or the new ones whatever survives.
func TestReplaceFileIsAtomic(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		m := NewMem()
		must(t, ReplaceFile(m, "f", "f.tmp", []byte("old")))
		must(t, WriteFile(m, "f.tmp", []byte("new")))
		must(t, m.Rename("f.tmp", "f"))
		after := m.Crash(func(n int) int { return rng.IntN(n + 1) })
		got, err := ReadFile(after, "f")
		if err != nil || string(got) != "old" && string(got) != "new" {
			t.Fatalf("f holds %q, %v", got, err)
		}
	}
}
