package aof

import (
	"errors"
	"strings"
	"testing"
)

func TestManifestRoundTrip(t *testing.T) {
	const text = `file appendonly.aof.2.base.rdb seq 2 type b
file appendonly.aof.1.incr.aof seq 1 type h
file appendonly.aof.4.incr.aof seq 4 type i
file "a file.5.incr.aof" seq 5 type i
`
	m, err := ParseManifest([]byte("# a comment\n" + text))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(m.Append(nil)); got != text {
		t.Errorf("written again:\n%s", got)
	}
	if m.LastIncr() != 5 || len(m.Files()) != 3 || m.Files()[0].Name != "appendonly.aof.2.base.rdb" {
		t.Errorf("files %v", m.Files())
	}
	c := m.Clone()
	if f := c.AddIncr("x"); f.Name != "x.6.incr.aof" {
		t.Errorf("next incr %v", f)
	}
	if f := c.ReplaceBase("x", false, 5); f.Name != "x.3.base.aof" {
		t.Errorf("next base %v", f)
	}
	want := `file x.3.base.aof seq 3 type b
file "a file.5.incr.aof" seq 5 type h
file appendonly.aof.4.incr.aof seq 4 type h
file appendonly.aof.2.base.rdb seq 2 type h
file appendonly.aof.1.incr.aof seq 1 type h
file x.6.incr.aof seq 6 type i
`
	if got := string(c.Append(nil)); got != want {
		t.Errorf("after a rewrite:\n%s", got)
	}
	if string(m.Append(nil)) != text {
		t.Error("the copy was not apart")
	}
}

// The problems and their texts are those of Redis.
func TestManifestProblems(t *testing.T) {
	for _, c := range []struct{ text, problem string }{
		{"", problemEmpty},
		{"file a seq 1 type i", problemLong},
		{"file a seq 1 type i" + strings.Repeat(" ", 1100) + "\n", problemLong},
		{"\n", problemFormat},
		{"file a seq 1 type i\n\nfile b seq 2 type i\n", problemFormat},
		{"filx a seq 1 type b\n", problemFormat},
		{"file a type i\n", problemFormat},
		{"file a seq 1 type i more\n", problemFormat},
		{"file a seq x type i\n", problemFormat},
		{"file \"a seq 1 type i\n", problemFormat},
		{"file ../a seq 1 type i\n", problemPath},
		{"file a seq 1 type b\nfile b seq 2 type b\n", problemDuplicate},
		{"file a seq 2 type i\nfile b seq 2 type i\n", problemOrder},
		{"file a seq 1 type x\n", problemType},
	} {
		_, err := ParseManifest([]byte(c.text))
		var me *ManifestError
		if !errors.As(err, &me) || me.Problem != c.problem {
			t.Errorf("%q: %v, want %q", c.text, err, c.problem)
		}
	}
	if _, err := ParseManifest([]byte("file a seq 1 type b later 7\nFILE b SEQ 2tail TYPE incr\n")); err != nil {
		t.Error(err)
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte("file a seq 1 type b\nfile b seq 2 type i\n"))
	f.Add([]byte("file \"\\x00\" seq 1 type h\n#\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseManifest(data)
		if err != nil || len(m.Files())+len(m.History) == 0 {
			return
		}
		text := m.Append(nil)
		again, err := ParseManifest(text)
		if err != nil {
			return // a name may have become longer than a line
		}
		if string(again.Append(nil)) != string(text) {
			t.Fatalf("%q became %q", text, again.Append(nil))
		}
	})
}
