package errfs

import (
	"errors"
	"syscall"
	"testing"

	"kvorum/vfs"
)

func write(fsys vfs.FS, text string) error {
	return vfs.ReplaceFile(fsys, "f", "f.tmp", []byte(text))
}

// Each operation of a change can fail, and then the old file is still there.
func TestEveryOperationCanFail(t *testing.T) {
	probe := New(vfs.NewMem())
	probe.Log()
	if err := write(probe, "old"); err != nil {
		t.Fatal(err)
	}
	ops := probe.Ops()
	if len(ops) != 5 || ops[0].Name != "create" || ops[4].Name != "syncdir" || probe.Count() != 5 {
		t.Fatalf("operations %v", ops)
	}
	for n := range ops {
		mem := vfs.NewMem()
		fsys := New(mem)
		if err := write(fsys, "old"); err != nil {
			t.Fatal(err)
		}
		fsys.FailAt(fsys.Count()+n+1, syscall.ENOSPC)
		if err := write(fsys, "newer"); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("operation %d: error %v", n, err)
		}
		want := "old"
		if n == 4 {
			want = "newer" // only the name may be lost
		}
		if got, err := vfs.ReadFile(mem, "f"); string(got) != want || err != nil {
			t.Errorf("operation %d: file holds %q, %v", n, got, err)
		}
	}
}

func TestNothingHappensAfterACrash(t *testing.T) {
	mem := vfs.NewMem()
	fsys := New(mem)
	fsys.CrashAt(3)
	if err := write(fsys, "x"); !errors.Is(err, ErrCrashed) || !fsys.Crashed() {
		t.Fatalf("error %v", err)
	}
	names, err := mem.List(".")
	if len(names) != 1 || err != nil {
		t.Fatalf("files %q, %v", names, err)
	}
}

// A write that fails leaves a part behind.
func TestFailedWriteIsTorn(t *testing.T) {
	mem := vfs.NewMem()
	fsys := New(mem)
	f, err := fsys.Create("f")
	if err != nil {
		t.Fatal(err)
	}
	fsys.FailAt(2, syscall.EIO)
	if n, err := f.Write([]byte("abcdef")); n != 3 || !errors.Is(err, syscall.EIO) {
		t.Fatalf("wrote %d, %v", n, err)
	}
	if got, _ := vfs.ReadFile(mem, "f"); string(got) != "abc" {
		t.Fatalf("file holds %q", got)
	}
}
