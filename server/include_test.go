package server

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Which files a pattern names is what glob(3) says: a wrong one loads an
// editor's hidden copy, or leaves a file out.
func TestGlobPaths(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.conf", "b.conf", ".hidden.conf", "[x].conf", "d/1.conf", "d/2.conf", "e/1.conf", "d/e/3.conf"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	for pattern, want := range map[string]string{
		"*.conf":          "[x].conf a.conf b.conf",
		".*.conf":         ".hidden.conf",
		"[!a].conf":       "b.conf",
		"[^a].conf":       "b.conf",
		"?.conf":          "a.conf b.conf",
		"[ab].conf":       "a.conf b.conf",
		`\[x\].conf`:      "[x].conf",
		"[x].conf":        "",
		"[a":              "",
		"*/1.conf":        "d/1.conf e/1.conf",
		"./d/[12].conf":   "./d/1.conf ./d/2.conf",
		"d//1*":           "d/1.conf",
		"*/*/*":           "d/e/3.conf",
		"nosuch/*":        "",
		"*/nosuch":        "",
		dir + "/d/*.conf": dir + "/d/1.conf " + dir + "/d/2.conf",
	} {
		if have := globPaths(pattern); !slices.Equal(have, strings.Fields(want)) {
			t.Errorf("%s: %q, want %q", pattern, have, want)
		}
	}
}

// A user line that says less than "everybody with the password may do all" must
// never be taken for one that says that.
func TestSameAsRequirepass(t *testing.T) {
	const foo = "#2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"
	for _, c := range []struct {
		line, requirepass string
		want              bool
	}{
		{"user default on nopass ~* &* +@all", "", true},
		{"user default on nopass sanitize-payload ~* &* +@all", "", true},
		{"user default on allkeys allchannels allcommands nopass", "", true},
		{"user default on >foo ~* &* +@all", "foo", true},
		{"user default on sanitize-payload " + foo + " ~* &* +@all", "foo", true},
		{"user default on nopass ~* &* +@all", "foo", false},
		{"user default on >foo ~* &* +@all", "", false},
		{"user default on >foo >bar ~* &* +@all", "foo", false},
		{"user default on >bar ~* &* +@all", "foo", false},
		{"user default off nopass ~* &* +@all", "", false},
		{"user default nopass ~* &* +@all", "", false},
		{"user default on nopass ~a* &* +@all", "", false},
		{"user default on nopass ~* +@all", "", false},
		{"user default on nopass ~* &* -@all", "", false},
		{"user default on nopass ~* &* +@all -get", "", false},
		{"user default", "", false},
		{"user alice on nopass ~* &* +@all", "", false},
	} {
		if have := sameAsRequirepass(strings.Fields(c.line), c.requirepass); have != c.want {
			t.Errorf("%s with %q: %v", c.line, c.requirepass, have)
		}
	}
	for _, requirepass := range []string{"", "foo", "a b"} {
		if !sameAsRequirepass(strings.Fields(defaultUserLine(requirepass)), requirepass) {
			t.Errorf("what REWRITE writes for %q is refused", requirepass)
		}
	}
}
