package rdb

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"kvorum/check"
	"kvorum/test/peer"
)

// own are lines in which both tools are allowed their own words, and types that 7.0
// has no name for.
var own = regexp.MustCompile(`(?m)^(\[offset \d+\] )(Unexpected EOF|Internal error) .*\n|^.* # Terminating server .*\n|(Reading type \d+) .*\n`)

// TestCheck has our check of files, right and wrong ones, say what the real tool says.
func TestCheck(t *testing.T) {
	tool, err := exec.LookPath("redis-check-rdb")
	if err != nil {
		t.Skip("needs redis-check-rdb to compare with (Debian package redis-tools)")
	}
	theirs := peer.StartOracle(t)
	c := dial(t, theirs)
	c.values(5)
	c.do("SAVE")
	whole, err := os.ReadFile(dumpFile(theirs))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{"right": whole, "empty": nil}
	for _, at := range []int{3, 8, 9, 12, 100, 5000, len(whole) / 2, len(whole) - 20, len(whole) - 9, len(whole) - 1} {
		files["cut "+itoa(int64(at))] = whole[:at]
	}
	for _, at := range []int{0, 6, len(whole) - 1} {
		bad := bytes.Clone(whole)
		bad[at] ^= 0x41
		files["changed "+itoa(int64(at))] = bad
	}
	noSum := bytes.Clone(whole)
	clear(noSum[len(noSum)-8:])
	files["no sum"] = noSum
	name := filepath.Join(t.TempDir(), "file")
	for what, b := range files {
		if err := os.WriteFile(name, b, 0o644); err != nil {
			t.Fatal(err)
		}
		want, err := exec.Command(tool, name).Output()
		status := 0
		if err != nil {
			status = 1
		}
		var got, problems bytes.Buffer
		if s := check.RDB("redis-check-rdb", []string{name}, "", &got, &problems); s != status || problems.Len() > 0 {
			t.Errorf("%s: status %d, theirs %d: %s", what, s, status, problems.String())
		}
		if a, b := shared(got.Bytes()), shared(want); !bytes.Equal(a, b) {
			t.Errorf("%s\nours\n%s\ntheirs\n%s", what, a, b)
		}
	}
}

// shared leaves out what the tools are allowed to say differently.
func shared(out []byte) []byte { return bytes.TrimSpace(own.ReplaceAll(out, []byte("$1$3\n"))) }
