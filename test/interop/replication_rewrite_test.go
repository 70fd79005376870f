package interop

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kvorum/test/peer"
)

// TestRewriteTellsTheMaster: CONFIG REWRITE writes the master that REPLICAOF has named in
// the place where the file has one, else at its end, and takes it out again, as a real
// server does.
func TestRewriteTellsTheMaster(t *testing.T) {
	files := map[string]string{
		"none":    "# top\nmaxmemory 100mb\n# end\n",
		"one":     "# top\n# master\nreplicaof 127.0.0.1 3\nmaxmemory 100mb\n# end\n",
		"oldName": "# top\nslaveof 127.0.0.1 3\n\nmaxmemory 100mb\n# end\n",
		"twice":   "replicaof 127.0.0.1 3\nmaxmemory 100mb\nREPLICAOF 127.0.0.1 4\n# end\n",
		"noOne":   "replicaof no one\nmaxmemory 100mb\n# end\n",
	}
	masters := []string{"", "127.0.0.1 1", "::1 2", "NO ONE", "localhost 3", "NO ONE"}
	for name, text := range files {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want, got := rewrites(t, peer.StartOracle, text, masters), rewrites(t, peer.StartKvorum, text, masters)
			for i := range want {
				if !slices.Equal(want[i], got[i]) {
					t.Errorf("after %q the file is\n%s\nand that of a real server\n%s", masters[:i+1], strings.Join(got[i], "\n"), strings.Join(want[i], "\n"))
				}
			}
		})
	}
}

// rewrites starts a server from a file, names one master after another ("" leaves the
// file's), and returns what of interest the file has after each: comments, a directive
// that stays, and the master.
func rewrites(t *testing.T, run starter, text string, masters []string) [][]string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "server.conf")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	n := &server{Server: run(t, path)}
	n.dial(t)
	ofInterest := []string{"#", "maxmemory ", "replicaof", "slaveof", "REPLICAOF"}
	var out [][]string
	for _, master := range masters {
		if master != "" {
			if have := n.do(t, append([]string{"REPLICAOF"}, strings.Fields(master)...)...); !strings.HasPrefix(have, "OK") {
				t.Fatalf("REPLICAOF %s: %s", master, have)
			}
		}
		if have := n.do(t, "CONFIG", "REWRITE"); have != "OK" {
			t.Fatal(have)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, slices.DeleteFunc(strings.Split(string(b), "\n"), func(line string) bool {
			return !slices.ContainsFunc(ofInterest, func(prefix string) bool { return strings.HasPrefix(line, prefix) })
		}))
	}
	return out
}
