package server

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"kvorum/config"
	"kvorum/keyspace"
	"kvorum/logx"
	"kvorum/object"
	"kvorum/vfs"
	"kvorum/vfs/errfs"
)

// saver is a server that serves nobody, over a file system of a test.
type saver struct {
	*Server
	t   *testing.T
	log strings.Builder
}

const saverDir = "d"

func newSaver(t *testing.T) *saver {
	t.Helper()
	cfg := config.New(config.Options{Dir: saverDir})
	if err := cfg.Load([]byte("save \"\"\n"), config.Loader{}); err != nil {
		t.Fatal(err)
	}
	v := &saver{t: t}
	var err error
	if v.Server, err = New(cfg, "", logx.New(logx.Options{Stdout: &v.log})); err != nil {
		t.Fatal(err)
	}
	if name, err := cfg.RunHooks(); err != nil {
		t.Fatal(name, err)
	}
	t.Cleanup(func() {
		if err := v.Close(); err != nil {
			t.Error(err)
		}
	})
	return v
}

// put gives a hundred keys a value.
func (v *saver) put(value string) {
	db := v.ks.DB(0)
	for i := range 100 {
		k := v.ks.Key(fmt.Appendf(nil, "key:%d", i))
		db.SetString(k, db.Find(k), []byte(value), keyspace.NoTTL, 0)
	}
}

// loaded loads the file and returns the value that all keys have.
func (v *saver) loaded(fsys vfs.FS) (value string, err error) {
	v.persist.fs = fsys
	v.ks.DB(0).Flush()
	if err := v.loadRDB(loadOptions{}); err != nil {
		return "", err
	}
	db := v.ks.DB(0)
	for i := range 100 {
		e := db.Find(v.ks.Key(fmt.Appendf(nil, "key:%d", i)))
		if !e.OK() {
			return "", fmt.Errorf("key %d is missing", i)
		}
		var digits [24]byte
		if have := string(object.StringView(e.Rec, digits[:])); i == 0 {
			value = have
		} else if have != value {
			return "", fmt.Errorf("key %d has %q, others %q", i, have, value)
		}
	}
	return value, nil
}

func newDisk(t *testing.T) (*vfs.Mem, *errfs.FS) {
	t.Helper()
	disk := vfs.NewMem()
	if err := disk.Mkdir(saverDir); err != nil {
		t.Fatal(err)
	}
	if err := disk.SyncDir("."); err != nil {
		t.Fatal(err)
	}
	return disk, errfs.New(disk)
}

// TestSaveAndCrash crashes at every operation of a save: the old file is there, or
// the new one, and the new one if the save was said to have worked.
func TestSaveAndCrash(t *testing.T) {
	v, after := newSaver(t), newSaver(t)
	survivals := map[string]func(int) int{
		"nothing": nil, "half": func(n int) int { return n / 2 }, "all": func(n int) int { return n },
	}
	for name, survive := range survivals {
		for op := 1; ; op++ {
			disk, fsys := newDisk(t)
			v.persist.fs = fsys
			v.put("old")
			if err := v.Save(); err != nil {
				t.Fatal(err, v.log.String())
			}
			v.put("new")
			fsys.CrashAt(fsys.Count() + op)
			saved := v.Save() == nil
			got, err := after.loaded(disk.Crash(survive))
			if err != nil {
				t.Fatalf("crash at operation %d, %s survives: %v\n%s", op, name, err, after.log.String())
			}
			if saved && got != "new" || got != "new" && got != "old" {
				t.Errorf("crash at operation %d, %s survives: saved %v, the file has %q", op, name, saved, got)
			}
			if !fsys.Crashed() {
				if op < 5 {
					t.Errorf("a save has %d operations", op-1)
				}
				break
			}
		}
	}
}

// TestSaveAndErrors has every operation of a save fail: the old file stays, nothing
// is left beside it, and the next save works.
func TestSaveAndErrors(t *testing.T) {
	v, after := newSaver(t), newSaver(t)
	for op := 1; ; op++ {
		disk, fsys := newDisk(t)
		v.persist.fs = fsys
		v.put("old")
		if err := v.Save(); err != nil {
			t.Fatal(err)
		}
		v.put("new")
		failed := false
		at := fsys.Count() + op
		fsys.Fail(func(o errfs.Op) error {
			if failed = failed || o.Number == at; o.Number == at {
				return syscall.ENOSPC
			}
			return nil
		})
		err := v.Save()
		fsys.Fail(nil)
		if failed != (err != nil) {
			t.Errorf("operation %d fails: %v", op, err)
		}
		got, loadErr := after.loaded(disk)
		if loadErr != nil || err == nil && got != "new" {
			t.Fatalf("operation %d fails: the file has %q, %v", op, got, loadErr)
		}
		names, listErr := disk.List(saverDir)
		if listErr != nil || len(names) != 1 {
			t.Errorf("operation %d fails: left are %v, %v", op, names, listErr)
		}
		if err := v.Save(); err != nil {
			t.Errorf("the save after operation %d has failed: %v", op, err)
		}
		if got, err := after.loaded(disk); got != "new" {
			t.Errorf("after the second save: %q, %v", got, err)
		}
		if !failed {
			return
		}
	}
}
