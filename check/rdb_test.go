package check

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kvorum/rdb"
)

// smallFile has two strings, one past its due time, under one prefix, and a set.
func smallFile(t *testing.T) string {
	t.Helper()
	var fin rdb.Finisher
	b := fin.AppendAux(rdb.AppendHead(nil, rdb.VersionDefault), "redis-ver", "7.2.4")
	b = rdb.AppendDB(b, 0, 3, 1)
	b = append(b, "\x00\x06user:1\x05hello"...)
	b = append(b, "\xfc\x01\x00\x00\x00\x00\x00\x00\x00\x00\x06user:2\x05there"...)
	b = append(b, "\x02\x04tags\x02\x01a\x01b"...)
	b = rdb.AppendSum(rdb.AppendEnd(b), 0)
	name := filepath.Join(t.TempDir(), "dump.rdb")
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func run(args ...string) (status int, out, problems string) {
	var o, p bytes.Buffer
	status = RDB("redis-check-rdb", args, "7.2.4", &o, &p)
	return status, o.String(), p.String()
}

func TestRDB(t *testing.T) {
	name := smallFile(t)
	status, out, _ := run(name)
	want := "[offset 0] Checking RDB file " + name + "\n[offset 26] AUX FIELD redis-ver = '7.2.4'\n[offset 28] Selecting DB ID 0\n" +
		"[offset 88] RDB file was saved with checksum disabled: no check performed.\n[offset 88] \\o/ RDB looks OK! \\o/\n" +
		"[info] 3 keys read\n[info] 1 expires\n[info] 1 already expired\n"
	if status != 0 || out != want {
		t.Errorf("status %d\n%s", status, out)
	}
	for _, args := range [][]string{{}, {name, name}, {"--top"}, {"--top", "x", name}, {"--json", name}, {"--report"}} {
		if status, _, problems := run(args...); status != 1 || !strings.HasPrefix(problems, "Usage: redis-check-rdb <rdb-file-name>\n") {
			t.Errorf("%v: status %d, %s", args, status, problems)
		}
	}
	if status, out, problems := run(name + "x"); status != 1 || out != "" || !strings.HasPrefix(problems, "Cannot open file ") {
		t.Errorf("status %d, %s", status, problems)
	}
	if status, out, _ := run("-v"); status != 0 || out != "redis-check-rdb 7.2.4\n" {
		t.Errorf("status %d, %s", status, out)
	}
}

func TestReport(t *testing.T) {
	name := smallFile(t)
	status, out, _ := run("--report", "--json", "--top", "1", name)
	var r struct {
		Keys     int64
		Types    []share
		Prefixes []share
		Due      []share
		Biggest  []bigKey
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil || status != 0 {
		t.Fatal(status, err, out)
	}
	if r.Keys != 3 || len(r.Types) != 2 || len(r.Prefixes) != 1 || r.Prefixes[0].Name != "user:" || r.Prefixes[0].Keys != 2 ||
		r.Due[0].Keys != 1 || r.Due[len(r.Due)-1].Keys != 2 || len(r.Biggest) != 1 || r.Biggest[0].Key != "user:1" {
		t.Errorf("%+v", r)
	}
	status, out, _ = run("--report", name)
	for _, line := range []string{"3 keys, ", "set-hashtable  1", "user:   2", "expired          1", "biggest keys"} {
		if status != 0 || !strings.Contains(out, line) {
			t.Errorf("status %d, no %q in\n%s", status, line, out)
		}
	}
	if err := os.Truncate(name, 60); err != nil {
		t.Fatal(err)
	}
	if status, out, _ := run("--report", name); status != 1 || !strings.HasPrefix(out, "--- RDB ERROR DETECTED ---\n") {
		t.Errorf("status %d\n%s", status, out)
	}
}
