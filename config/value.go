package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"kvorum/internal/invariants"
)

// Texts that more than one parser or caller uses.
const (
	wrongCount = "wrong number of arguments"
	// enumErrorBytesMax is where Redis cuts the list of an enum's words.
	enumErrorBytesMax = 255
)

// parse reads the words of a directive. problem is "" or the text that
// follows the dash in CONFIG SET's error. Rows without MultiArg get one word.
func parse(d *Directive, words []string) (v value, problem string) {
	if d.Flags&MultiArg == 0 && len(words) != 1 {
		return value{}, wrongCount
	}
	switch d.Kind {
	case KindBool:
		return parseBool(words[0])
	case KindInt, KindOctal, KindMemory, KindMemoryOrPercent:
		return parseNumber(d, words[0])
	case KindEnum, KindEnumSet:
		return parseEnum(d, words)
	case KindString:
		return parseString(d, words[0])
	}
	return parseSpecial(d, words)
}

// text is the value as CONFIG GET shows it. For every row, splitting it as
// CONFIG SET does and parsing it again gives the same value (I4).
func text(d *Directive, v value) string {
	switch d.Kind {
	case KindBool:
		if v.num != 0 {
			return "yes"
		}
		return "no"
	case KindInt:
		return strconv.FormatInt(v.num, 10)
	case KindOctal:
		return strconv.FormatUint(uint64(v.num), 8)
	case KindMemoryOrPercent:
		if v.num < 0 {
			return strconv.FormatInt(-v.num, 10) + "%"
		}
		return strconv.FormatInt(v.num, 10)
	case KindMemory:
		return strconv.FormatUint(uint64(v.num), 10)
	case KindEnum, KindEnumSet:
		return enumText(d, v.num)
	case KindString:
		return v.str
	}
	return specialText(d, v)
}

// defaultOf parses the default of a row. The table is ours: a default that
// its own row refuses is a mistake in the table.
func defaultOf(d *Directive) value {
	if d.Kind == KindReplicaOf {
		return value{} // the one value without a text that sets it in one word
	}
	v, problem := parse(d, settingWords(d, d.Default))
	if problem != "" {
		invariants.Fail("config: default of %s: %s", d.Name, problem)
	}
	return v
}

// settingWords cuts a value as CONFIG SET does: at every single space, an
// empty text into no words; rows of one word take the text as it is.
func settingWords(d *Directive, s string) []string {
	if d.Flags&MultiArg == 0 {
		return []string{s}
	}
	if s == "" {
		return nil
	}
	return strings.Split(s, " ")
}

func parseBool(word string) (value, string) {
	word = cString(word)
	switch {
	case equalFold(word, "yes"):
		return value{num: 1}, ""
	case equalFold(word, "no"):
		return value{}, ""
	}
	return value{}, "argument must be 'yes' or 'no'"
}

func parseString(d *Directive, word string) (value, string) {
	if d.check != nil {
		if problem := d.check(word); problem != "" {
			return value{}, problem
		}
	}
	if d.Flags&Binary == 0 {
		word = cString(word)
	}
	return value{str: word}, ""
}

// parseNumber reads the four numeric kinds. A percentage is kept as a
// negative number, an unsigned number above the signed range by its bits.
func parseNumber(d *Directive, word string) (value, string) {
	n, problem := scanNumber(d.Kind, word)
	if problem == "" {
		problem = checkRange(d, n)
	}
	if problem != "" {
		return value{}, problem
	}
	if d.clamp != nil {
		n = d.clamp(n)
	}
	return value{num: n}, ""
}

func scanNumber(k Kind, word string) (n int64, problem string) {
	switch k {
	case KindInt:
		if n, ok := parseInt(word); ok {
			return n, ""
		}
		return 0, "argument couldn't be parsed into an integer"
	case KindOctal:
		if n, ok := scanInt(cString(word), 8); ok {
			return n, ""
		}
		return 0, "argument couldn't be parsed as an octal number"
	case KindMemory:
		if bytes, ok := ParseMemory(word); ok {
			return int64(bytes), ""
		}
		return 0, "argument must be a memory value"
	}
	if bytes, ok := ParseMemory(word); ok {
		return int64(bytes), ""
	}
	if digits, found := strings.CutSuffix(word, "%"); found {
		if n, ok := parseInt(digits); ok && n >= 0 {
			return -n, ""
		}
	}
	return 0, "argument must be a memory or percent value"
}

func checkRange(d *Directive, n int64) (problem string) {
	if d.Flags&Unsigned != 0 {
		if uint64(n) <= d.Max && uint64(n) >= uint64(d.Min) {
			return ""
		}
		if d.Kind == KindOctal {
			return fmt.Sprintf("argument must be between %o and %o inclusive", uint64(d.Min), d.Max)
		}
		return fmt.Sprintf("argument must be between %d and %d inclusive", uint64(d.Min), d.Max)
	}
	if d.Kind == KindMemoryOrPercent && n < 0 {
		if n < d.Min {
			return fmt.Sprintf("percentage argument must be less or equal to %d", -d.Min)
		}
		return ""
	}
	if n > int64(d.Max) || n < d.Min {
		return fmt.Sprintf("argument must be between %d and %d inclusive", d.Min, d.Max)
	}
	return ""
}

func parseEnum(d *Directive, words []string) (value, string) {
	var bits int64
	matched := len(words) > 0
	for _, word := range words {
		found := false
		for _, e := range d.Enum {
			if equalFold(cString(word), e.Name) {
				bits |= e.Bits
				found = true
				break
			}
		}
		matched = matched && found
	}
	if !matched {
		names := make([]string, len(d.Enum))
		for i, e := range d.Enum {
			names[i] = e.Name
		}
		problem := "argument(s) must be one of the following: " + strings.Join(names, ", ")
		return value{}, problem[:min(len(problem), enumErrorBytesMax)]
	}
	if d.valid != nil {
		if problem := d.valid(bits); problem != "" {
			return value{}, problem
		}
	}
	return value{num: bits}, ""
}

// enumText names the word for bits, or for an enum set the words that make
// them up in table order.
func enumText(d *Directive, bits int64) string {
	for _, e := range d.Enum {
		if e.Bits == bits {
			return e.Name
		}
	}
	var names []string
	for _, e := range d.Enum {
		if e.Bits != 0 && e.Bits&bits == e.Bits {
			names = append(names, e.Name)
			bits &^= e.Bits
		}
	}
	return strings.Join(names, " ")
}

// ParseMemory reads a number of bytes with an optional unit: b, k (1000), kb
// (1024), m, mb, g, gb in any case. As in Redis an empty text is 0, a number
// that is too long counts as the largest, and the product wraps.
func ParseMemory(s string) (bytes uint64, ok bool) {
	s = cString(s)
	digits := 0
	for digits < len(s) && s[digits] >= '0' && s[digits] <= '9' {
		digits++
	}
	const digitsMax = 127
	if digits > digitsMax {
		return 0, false
	}
	var unit uint64
	switch lower(s[digits:]) {
	case "", "b":
		unit = 1
	case "k":
		unit = 1000
	case "kb":
		unit = 1 << 10
	case "m":
		unit = 1000 * 1000
	case "mb":
		unit = 1 << 20
	case "g":
		unit = 1000 * 1000 * 1000
	case "gb":
		unit = 1 << 30
	default:
		return 0, false
	}
	var n uint64
	if digits > 0 {
		// The text is digits only: the one error left is a number out of
		// range, for which ParseUint returns the largest.
		n, _ = strconv.ParseUint(s[:digits], 10, 64)
	}
	return n * unit, true
}

// AppendMemory appends bytes with the largest of gb, mb, kb that divides it.
func AppendMemory(dst []byte, bytes int64) []byte {
	unit, name := int64(1), ""
	switch {
	case bytes == 0:
	case bytes%(1<<30) == 0:
		unit, name = 1<<30, "gb"
	case bytes%(1<<20) == 0:
		unit, name = 1<<20, "mb"
	case bytes%(1<<10) == 0:
		unit, name = 1<<10, "kb"
	}
	return append(strconv.AppendInt(dst, bytes/unit, 10), name...)
}

// parseInt reads a decimal number in its one canonical form: no sign but
// "-", no leading zero, no space.
func parseInt(s string) (n int64, ok bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != s {
		return 0, false
	}
	return n, true
}

// scanInt reads a whole text as strtoll does: white space before it, a sign,
// leading zeros and an empty text (0) are accepted. ok is false if bytes are
// left over or the number is out of range.
func scanInt(s string, base int) (n int64, ok bool) {
	n, err := strtoll(s, base)
	return n, err == nil
}

// scanSaturated is a decimal scanInt for directives that do not look at the
// range: a number out of it counts as the nearest.
func scanSaturated(s string) (n int64, ok bool) {
	n, err := strtoll(cString(s), 10)
	return n, err == nil || errors.Is(err, strconv.ErrRange)
}

func strtoll(s string, base int) (int64, error) {
	if s == "" {
		return 0, nil
	}
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	return strconv.ParseInt(s, base, 64)
}

// parseDouble reads a finite or infinite number as strtod does, without
// white space.
func parseDouble(s string) (f float64, ok bool) {
	if strings.ContainsRune(s, '_') {
		return 0, false
	}
	if h := lower(s); strings.Contains(h, "0x") && !strings.Contains(h, "p") {
		s += "p0" // Go wants the exponent of a hexadecimal number, C does not
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil && !math.IsNaN(f)
}

// cString is s up to its first NUL byte: what a C string holds of it.
func cString(s string) string {
	s, _, _ = strings.Cut(s, "\x00")
	return s
}

// number and unsigned read numbers that this package has written.
func number(s string) int64 {
	n, ok := parseInt(s)
	if !ok {
		invariants.Fail("config: not a number that was stored: %q", s)
	}
	return n
}

func unsigned(s string) uint64 {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		invariants.Fail("config: not a number that was stored: %q", s)
	}
	return n
}

// mustRow finds the row of a name in the code of the server.
func mustRow(name string, kinds ...Kind) int {
	e, ok := entries[name]
	if !ok {
		unknownName(name)
	}
	for _, k := range kinds {
		if table[e.row].Kind == k {
			return e.row
		}
	}
	invariants.Fail("config: %s is of kind %s, not %s", name, table[e.row].Kind, kinds[0])
	return 0
}

func unknownName(name string) {
	invariants.Fail("config: no directive %q", name)
}
