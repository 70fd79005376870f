package rdb

import (
	"os"
	"path/filepath"
	"testing"

	"kvorum/test/peer"
)

// dumpFile returns where a server has its RDB file.
func dumpFile(s *peer.Server) string { return filepath.Join(filepath.Dir(s.Sock()), "dump.rdb") }

// TestFileToReal has each server load a file of the other.
func TestFileToReal(t *testing.T) {
	for _, flags := range [][]string{nil, {"--rdbcompression", "no", "--rdbchecksum", "no"}} {
		ours, theirs := peer.StartKvorum(t, flags...), peer.StartOracle(t, flags...)
		moveFile(t, ours, theirs)
		moveFile(t, theirs, ours)
	}
}

// moveFile has one server save and the other start with its file.
func moveFile(t *testing.T, from, to *peer.Server) {
	t.Helper()
	c := dial(t, from)
	c.do("FLUSHALL")
	c.values(11)
	want, digest := map[string]string{}, c.text("DEBUG", "DIGEST")
	for _, k := range c.keys() {
		want[k] = c.describe(k)
	}
	c.do("SAVE")
	b, err := os.ReadFile(dumpFile(from))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dumpFile(to), b, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := to.Restart(); err != nil {
		t.Fatal(err)
	}
	d := dial(t, to)
	for len(d.try("PING").Str) > 4 { // -LOADING
	}
	whole := peer.Older("7.1.0", from.Version) && peer.Older("7.1.0", to.Version) // see describe
	if got := d.text("DEBUG", "DIGEST"); whole && got != digest {
		t.Errorf("digest of %s: %s, at %s: %s", from, digest, to, got)
	}
	for k, w := range want {
		if got := d.describe(k); got != w {
			t.Errorf("%q\n%s: %s\n%s: %s", k, from, w, to, got)
		}
	}
	digest = d.text("DEBUG", "DIGEST")
	d.do("DEBUG", "RELOAD")
	if got := d.text("DEBUG", "DIGEST"); got != digest {
		t.Errorf("digest after DEBUG RELOAD: %s, want %s", got, digest)
	}
	for k, w := range want {
		if got := d.describe(k); got != w {
			t.Errorf("reloaded %q\nwas %s\nis %s", k, w, got)
		}
	}
}
