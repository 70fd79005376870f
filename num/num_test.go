package num

import (
	"math"
	"strconv"
	"strings"
	"testing"
)

// A text taken for an integer that is not its canonical form would be stored
// as a number and come back changed.
func TestParseInt64AcceptsCanonicalTextsOnly(t *testing.T) {
	accepted := []string{"0", "1", "-1", "42", "-42", "9223372036854775807", "-9223372036854775808", "1000000000000000000"}
	for _, s := range accepted {
		v, ok := ParseInt64([]byte(s))
		if want, _ := strconv.ParseInt(s, 10, 64); !ok || v != want {
			t.Errorf("ParseInt64(%q) = %d, %v; want %d", s, v, ok, want)
		}
	}
	refused := []string{"", "-", "-0", "+1", "01", "00", "-01", " 1", "1 ", "1a", "a", "0x1", "1.0", "1\x00",
		"9223372036854775808", "-9223372036854775809", "18446744073709551616", "99999999999999999999", "-99999999999999999999"}
	for _, s := range refused {
		if v, ok := ParseInt64([]byte(s)); ok {
			t.Errorf("ParseInt64(%q) = %d, want refusal", s, v)
		}
	}
}

// Stream ids and cursors go through strtoul and take more than integers do.
func TestUnsignedReadersFollowStrtoul(t *testing.T) {
	type result struct {
		v  uint64
		ok bool
	}
	refused := result{}
	for _, c := range []struct {
		text       string
		id, cursor result
	}{
		{"0", result{0, true}, result{0, true}},
		{"18446744073709551615", result{math.MaxUint64, true}, result{math.MaxUint64, true}},
		{"18446744073709551616", refused, refused},
		{"", refused, result{0, true}},
		{"-1", refused, result{math.MaxUint64, true}},
		{"-01", result{math.MaxUint64, true}, result{math.MaxUint64, true}},
		{"007", result{7, true}, result{7, true}},
		{"+7", result{7, true}, result{7, true}},
		{" 7", result{7, true}, refused},
		{"7 ", refused, refused},
		{"7\x00x", result{7, true}, result{7, true}},
		{"+", refused, refused},
		{"x", refused, refused},
	} {
		if v, ok := ParseUint64([]byte(c.text)); ok != c.id.ok || ok && v != c.id.v {
			t.Errorf("ParseUint64(%q) = %d, %v; want %v", c.text, v, ok, c.id)
		}
		if v, ok := ParseCursor([]byte(c.text)); ok != c.cursor.ok || ok && v != c.cursor.v {
			t.Errorf("ParseCursor(%q) = %d, %v; want %v", c.text, v, ok, c.cursor)
		}
	}
}

func TestParseMemoryKnowsTheUnits(t *testing.T) {
	for _, c := range []struct {
		text string
		v    uint64
		ok   bool
	}{
		{"0", 0, true}, {"1", 1, true}, {"100mb", 100 << 20, true}, {"1gb", 1 << 30, true}, {"1g", 1e9, true},
		{"1k", 1000, true}, {"1kb", 1024, true}, {"1M", 1e6, true}, {"2MB", 2 << 20, true}, {"7b", 7, true},
		{"b", 0, true}, {"", 0, true}, {"gb", 0, true}, {"18446744073709551615", math.MaxUint64, true},
		{"99999999999999999999", math.MaxUint64, true},
		{"-1", 0, false}, {"+1", 0, false}, {" 1", 0, false}, {"1 mb", 0, false}, {"1t", 0, false}, {"1mbb", 0, false},
		{"1.5gb", 0, false}, {strings.Repeat("0", 127), 0, true}, {strings.Repeat("0", 128), 0, false},
	} {
		if v, ok := ParseMemory([]byte(c.text)); v != c.v || ok != c.ok {
			t.Errorf("ParseMemory(%q) = %d, %v; want %d, %v", c.text, v, ok, c.v, c.ok)
		}
	}
}

// What the canonical form means: text and number convert both ways.
func FuzzParseInt64RoundTrips(f *testing.F) {
	f.Add([]byte("-9223372036854775808"))
	f.Add([]byte("007"))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, ok := ParseInt64(b)
		want, err := strconv.ParseInt(string(b), 10, 64)
		canonical := err == nil && strconv.FormatInt(want, 10) == string(b)
		if ok != canonical || ok && v != want {
			t.Fatalf("ParseInt64(%q) = %d, %v; strconv: %d, %v", b, v, ok, want, err)
		}
	})
}
