package glob

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// Answers checked on Redis 7.2.5.
func TestMatchAnswersLikeRedis(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		exact, folded bool
	}{
		{"", "", true, true}, {"", "a", false, false}, {"a", "a", true, true}, {"a", "A", false, true}, {"a", "", false, false},
		{"*", "", false, false}, {"**", "", false, false}, {"*", "a", true, true}, {"***", "abc", true, true},
		{"a*", "a", true, true}, {"a**", "a", true, true}, {"*a", "a", true, true}, {"a*c", "abbc", true, true}, {"a*c", "abbd", false, false},
		{"*b*", "abc", true, true}, {"*ab", "aab", true, true}, {"a?c", "abc", true, true}, {"?", "", false, false}, {"??", "a", false, false},
		{"h[ae]llo", "hello", true, true}, {"h[ae]llo", "hillo", false, false}, {"h[^e]llo", "hallo", true, true}, {"h[^e]llo", "hello", false, false},
		{"[a-c]", "b", true, true}, {"[c-a]", "b", true, true}, {"[a-c]", "B", false, true}, {"[A-C]", "b", false, true},
		{"[a-]", "]", true, true}, {"[a-]", "b", false, false}, {"[a-]]", "b", false, false}, {"[a-]", "_", true, true},
		{"[]", "]", false, false}, {"[]", "", false, false}, {"[^]", "a", true, true}, {"[]a]", "a", false, false},
		{"[abc", "b", true, true}, {"[abc", "d", false, false}, {"[", "[", false, false}, {"[^", "x", true, true}, {"[a-", "-", true, true}, {"[a-", "a", true, true},
		{`[\]]`, "]", true, true}, {`[\a]`, "A", false, false}, {`[\`, `\`, true, true}, {`[a\-z]`, "-", true, true}, {`[a\-z]`, "b", false, false},
		{`\*`, "*", true, true}, {`\*`, "a", false, false}, {`\a`, "A", false, true}, {`\`, `\`, true, true}, {`a\`, `a\`, true, true}, {`\\`, `\`, true, true},
		{"[\xff-a]", "\x00", true, true}, {"[a-\xe0]", "\xf0", true, false}, {"[a-\xe0]", "z", false, false},
		{"caf\xc3\xa9", "caf\xc3\xa9", true, true}, {"caf?", "caf\xc3\xa9", false, false},
	} {
		if got := Match([]byte(c.pattern), []byte(c.text)); got != c.exact {
			t.Errorf("Match(%q, %q) = %v", c.pattern, c.text, got)
		}
		if got := MatchFold([]byte(c.pattern), []byte(c.text)); got != c.folded {
			t.Errorf("MatchFold(%q, %q) = %v", c.pattern, c.text, got)
		}
	}
}

func TestLiteralPrefixEndsAtSpecialBytes(t *testing.T) {
	for pattern, want := range map[string]string{"": "", "abc": "abc", "ab*": "ab", "a?": "a", "a[b]": "a", `a\*`: "a", "*": "", "a]-^": "a]-^"} {
		if got := string(LiteralPrefix([]byte(pattern))); got != want {
			t.Errorf("LiteralPrefix(%q) = %q, want %q", pattern, got, want)
		}
		if IsLiteral([]byte(pattern)) != (want == pattern) {
			t.Errorf("IsLiteral(%q) is wrong", pattern)
		}
	}
}

// One client's pattern must not stop the server.
func TestManyStarsStayCheap(t *testing.T) {
	pattern := []byte(strings.Repeat("a*", 2_000) + "b")
	text := bytes.Repeat([]byte("a"), 20_000)
	start := time.Now()
	if Match(pattern, text) {
		t.Fatal("matched")
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Fatalf("took %v", d)
	}
}

func TestMatchDoesNotAllocate(t *testing.T) {
	pattern, text := []byte("user:*:[a-f]?\\**"), []byte("user:1234567:a1*rest")
	if n := testing.AllocsPerRun(100, func() { Match(pattern, text); MatchFold(pattern, text) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// naive is the definition, exponential: a star tries every rest of the text.
func naive(p, s []byte, fold bool) bool {
	switch {
	case len(p) == 0:
		return len(s) == 0
	case p[0] == '*':
		for i := 0; i <= len(s); i++ {
			if naive(p[1:], s[i:], fold) {
				return true
			}
		}
		return false
	case len(s) == 0:
		return false
	}
	rest, ok := matchOne(p, s[0], fold)
	return ok && naive(rest, s[1:], fold)
}

func FuzzMatchEqualsNaive(f *testing.F) {
	f.Add("a*b*[^c]?*", "aabbccdd", false)
	f.Add(`*\**[a-`, "AB*-", true)
	f.Fuzz(func(t *testing.T, pattern, text string, fold bool) {
		if len(text) > 24 || strings.Count(pattern, "*") > 6 || len(pattern) > 40 {
			return
		}
		p, s := []byte(pattern), []byte(text)
		want := naive(p, s, fold)
		if len(s) == 0 {
			want = len(p) == 0
		}
		if got := match(p, s, fold); got != want {
			t.Fatalf("match(%q, %q, %v) = %v, want %v", pattern, text, fold, got, want)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	pattern, text := []byte("user:*:name"), []byte("user:1234567:name")
	for b.Loop() {
		Match(pattern, text)
	}
}

func TestTooManyStarsMatchNothing(t *testing.T) {
	text := bytes.Repeat([]byte("a"), 5000)
	for stars, want := range map[int]bool{1000: true, 1001: false} {
		p := append(bytes.Repeat([]byte("*?"), stars), '*')
		if got := Match(p, text); got != want {
			t.Errorf("%d stars: %v, want %v", stars, got, want)
		}
	}
}
