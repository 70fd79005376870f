package rdb

import (
	"strings"
	"testing"

	"kvorum/ds/listpack"
	"kvorum/object"
)

// triples returns a listpack.
func triples(words ...string) string {
	var p packed
	p.reset()
	for _, word := range words {
		p.add(listpack.Of([]byte(word)))
	}
	return string(p.done())
}

// TestTimedForms reads what Redis 7.4 and its candidates write for hashes with TTLs on
// fields, right and wrong.
func TestTimedForms(t *testing.T) {
	w := newWorld(t)
	const next = "\x64\x00\x00\x00\x00\x00\x00\x00"
	long := strings.Repeat("x", 17) // more than testLimits has
	many := "\x18" + next + "\x09"
	for _, c := range "abcdefghi" {
		many += "\x00\x01" + string(c) + "\x01v"
	}
	for _, c := range []struct {
		name, body, want string // "!" and an error
		enc              object.Encoding
	}{
		{"table", "\x18" + next + "\x02\x0a\x01f\x01v\x00\x01g\x01w", `"f"="v" until 109 "g"="w"`, object.EncListpackEx},
		{"wide table", "\x18" + next + "\x01\x01\x01f\x11" + long, `"f"="` + long + `" until 100`, object.EncHashtableEx},
		{"long table", many, `"a"="v" "b"="v" "c"="v" "d"="v" "e"="v" "f"="v" "g"="v" "h"="v" "i"="v"`, object.EncHashtableEx},
		{"old table", "\x16\x01\x0a\x01f\x01v", `"f"="v" until 10`, object.EncListpackEx},
		{"pack", "\x19" + next + sized(triples("f", "v", "100", "g", "w", "0")), `"f"="v" until 100 "g"="w"`, object.EncListpackEx},
		{"old pack", "\x17" + sized(triples("f", "v", "100")), `"f"="v" until 100`, object.EncListpackEx},
		{"pack in no order", "\x19" + next + sized(triples("f", "v", "0", "g", "w", "200", "h", "x", "100")),
			`"f"="v" "g"="w" until 200 "h"="x" until 100`, object.EncListpackEx},

		{"late table", "\x18" + next + "\x01\x81\x00\x00\x40\x00\x00\x00\x00\x00\x01f\x01v", "!invalid expireAt time", 0},
		{"field twice", "\x18" + next + "\x02\x01\x01f\x01v\x00\x01f\x01v", "!Duplicate hash fields detected", 0},
		{"no fields", "\x18" + next + "\x00", "!empty", 0},
		{"short table", "\x18" + next + "\x01\x01\x01f", "!Unexpected EOF", 0},
		{"packed field twice", "\x19" + next + sized(triples("f", "v", "1", "f", "w", "2")), "!Hash listpack integrity check failed.", 0},
		{"pairs", "\x19" + next + sized(triples("f", "v")), "!Hash listpack integrity check failed.", 0},
		{"packed text", "\x19" + next + sized(triples("f", "v", "soon")), "!due time that is none", 0},
		{"packed past", "\x19" + next + sized(triples("f", "v", "-1")), "!due time that is none", 0},
		{"packed late", "\x19" + next + sized(triples("f", "v", "70368744177664")), "!due time that is none", 0},
		{"short pack", "\x19\x00", "!Unexpected EOF", 0},
	} {
		rec, err := w.b.BuildPayload(w.a, []byte("k"), []byte(c.body+strings.Repeat("\x00", footerSize)), 0, false)
		if want, wrong := strings.CutPrefix(c.want, "!"); wrong {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", c.name, err)
			}
			w.empty()
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := w.text(rec); got != c.want {
			t.Errorf("%s\nis     %.300s\nwanted %.300s", c.name, got, c.want)
		}
		if enc := object.Load(rec).Encoding(); enc != c.enc {
			t.Errorf("%s has the encoding %s", c.name, enc.Name())
		}
		object.Free(rec)
		w.empty()
	}
}
