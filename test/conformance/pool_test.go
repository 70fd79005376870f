package conformance

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// What streams are made of: few keys, so that commands meet, and values at the
// borders where encodings, ranges and formats change.

var keyPool = []string{
	"k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7", "{tag}a", "{tag}b", "num", "float",
	"hll0", "hll1", "hash0", "hash1", "set0", "set1", "", "bin\x00\xff\r\n", "sp ace", strings.Repeat("long", 80), "Ümlaut",
}

// hllKeyPool are the keys of HyperLogLogs: apart, for other strings are none. Some
// are among keyPool, so that they get damaged.
var hllKeyPool = []string{"hll0", "hll1", "hll2", "hll3", "hll4", "k7"}

// hashKeyPool and setKeyPool are the keys of hashes and sets; other commands meet them
// too.
var (
	hashKeyPool = []string{"hash0", "hash1", "hash2", "{tag}a", "k6"}
	setKeyPool  = []string{"set0", "set1", "set2", "set3", "{tag}b", "k7"}
)

// elementPool are fields, members and values.
var elementPool = []string{
	"a", "b", "c", "d", "e", "f", "g", "", "field", "member", "ab", "abc", "abcd", "abcde", "abcdefgh", "abcdefghi", "01", "-0", "1.5",
	strings.Repeat("v", 20), strings.Repeat("v", 63), strings.Repeat("v", 64), strings.Repeat("v", 65), strings.Repeat("w", 300), strings.Repeat("blob", 300),
}

// countPool are numbers of random elements.
var countPool = []string{"0", "1", "2", "3", "5", "10", "1000", "9223372036854775807", "-1", "-2", "-7", "-50", "-9223372036854775808", "abc", "1.5", ""}

var stringPool = []string{
	"", "a", "foo", "bar", "hello world", "ohmytext", "mynewtext", "\x00", "\x00\x01\xfe\xff", "a\r\nb", "\"quoted\\\"",
	"$5\r\nhello\r\n", "*1\r\n", "naïve", " leading", "trailing ", "nil", "OK", "-ERR x",
	strings.Repeat("x", 19), strings.Repeat("x", 20), strings.Repeat("x", 43), strings.Repeat("x", 44), strings.Repeat("x", 45),
	strings.Repeat("y", 63), strings.Repeat("y", 64), strings.Repeat("z", 1023), strings.Repeat("z", 1024), strings.Repeat("z", 1025),
	strings.Repeat("abcdefghij", 200),
	"HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\xff", "HYLL\x01\x00\x00\x00\x07\x00\x00\x00\x00\x00\x00\x00\x41\xff\x84\x8b\x7d\xf9",
	"HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7e\xff\x7f\xff", "\x80", "\x84\x84\x3f",
}

var intPool = []string{
	"0", "1", "-1", "2", "3", "5", "10", "-10", "44", "100", "127", "128", "-128", "-129", "255", "256", "9999", "10000",
	"32767", "32768", "-32769", "65535", "65536", "2147483647", "2147483648", "-2147483648", "-2147483649",
	"4294967295", "4294967296", "9007199254740993", "9223372036854775806", "9223372036854775807", "9223372036854775808",
	"-9223372036854775807", "-9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616",
}

var badIntPool = []string{"", " ", " 1", "1 ", "+1", "01", "-0", "00", "1e3", "0x10", "1.0", "abc", "-", "--1", "1\x00", "٣"}

var floatPool = []string{
	"0", "-0", "0.0", "0.1", "0.2", "3.14", "-1.5", "1e10", "1e-10", "1.5e3", "5.0e3", "1E5", "123456789.123456789",
	"1e17", "1e18", "1e19", "1e22", "1e23", "1e100", "1e308", "1.7976931348623157e308", "1e309", "1e4000", "1e4932", "1e5000", "-1e5000", "1e-4950", "1e-5000",
	"inf", "-inf", "+inf", "Infinity", "nan", "NaN", "-nan", "nan(1)", "infinit", ".5", "5.", "-.5", ".", "0x1p3", "0x10", "1e", "1e+", " 1.5", "1.5 ", "1.5x", "+1.5", "",
	"0.30000000000000004", "3.0000000000000000000000000001", "9007199254740993", "99999999999999999999", "0.00000000000000001", "1.1111111111111111111111",
	"123456789012345678901234567890.5", "-9223372036854775808", "9223372036854775807",
}

var patternPool = []string{
	"a*", "[a-c]", "1?", "-*", "v*",
	"*", "k*", "k?", "k[0-3]", "k[^0-3]", "[k]*", "[a-", "k[", "[]", "[^]*", "\\k*", "\\", "*\\*", "*{tag}*", "", "?", "??", "*[0-9]", "k[3-0]",
	"K*", "bin*", "*\xff*", "*\n", "long*", "**k**1**", "[\\k]1", "{tag}[ab]", "k0", "*a*e*i*",
}

var typePool = []string{"string", "STRING", "list", "set", "zset", "hash", "stream", "nosuch", ""}

// encodingPool are the types of BITFIELD, most of them right.
var encodingPool = []string{
	"u1", "i1", "u2", "i5", "u7", "u8", "u8", "i8", "i8", "u9", "i13", "u16", "i16", "u31", "i32", "u33", "i57", "u60", "u63", "i63", "i64", "i64",
	"u64", "i65", "u0", "i0", "x8", "u", "", "U8", "u08", "i-1", "u8\x00z",
}

// bitOffsetPool are positions of bits; with # also numbers of fields.
var bitOffsetPool = []string{
	"0", "0", "1", "3", "7", "8", "9", "15", "16", "30", "63", "64", "100", "350", "351", "352", "1000", "8191", "8192", "8200", "20000",
	"#0", "#1", "#2", "#7", "#100", "#-1", "#", "##1", "#576460752303423488", "-1", "", "a", "4294967296", "9223372036854775807", "1e2",
}

// absolute due times far enough away that the time to live of no relative one
// meets them; rules_test.go compares them exactly.
const (
	farSeconds = 50_000_000_000
	farMillis  = farSeconds * 1000
)

const (
	// shortTTLMax: a number up to it could end as a short time to live.
	shortTTLMax = 100_000_000
	// dueMaxMillis is the last due time that kvorum keeps exactly, and more than
	// enough; times behind it stay out of streams unless they are errors.
	dueMaxMillis = 1<<56 - 1
)

// words draws the words of requests.
type words struct {
	*rand.Rand
	// nextTTL makes the times to live of a stream unique, so that none of two
	// servers finds equal what the other finds different by a millisecond.
	nextTTL int64
	// past allows keys that are due as soon as they are written. What RANDOMKEY
	// removes of them is random: a stream has one or the other.
	past bool

	// What the request being made is about, for lists and sorted sets.
	keyCount int  // keys that numkeys told
	byLex    bool // a range of names
	lexAdd   bool // a ZADD to a set of equal scores
}

func newWords(seed uint64) *words {
	w := &words{Rand: rand.New(rand.NewPCG(seed, 0x6b766f72756d))}
	w.past = w.IntN(3) == 0
	return w
}

func (w *words) from(pool []string) string { return pool[w.IntN(len(pool))] }

// chance is true once in n.
func (w *words) chance(n int) bool { return w.IntN(n) == 0 }

func (w *words) key() string {
	if w.chance(4) {
		return w.from(keyPool)
	}
	return w.from(keyPool[:8])
}

func (w *words) str() string {
	switch w.IntN(8) {
	case 0:
		return w.from(intPool)
	case 1:
		return w.from(floatPool)
	case 2:
		return w.letters()
	case 3:
		return w.bytes()
	case 4:
		return strconv.FormatInt(int64(w.Uint64()), 10)
	case 5:
		return strconv.Itoa(w.IntN(20000) - 100)
	default:
		return w.from(stringPool)
	}
}

// letters are few, so that two such strings have much in common.
func (w *words) letters() string {
	b := make([]byte, w.IntN(60))
	for i := range b {
		b[i] = "abcd"[w.IntN(4)]
	}
	return string(b)
}

func (w *words) bytes() string {
	b := make([]byte, w.IntN(100))
	for i := range b {
		b[i] = byte(w.Uint32())
	}
	return string(b)
}

func (w *words) integer() string {
	switch w.IntN(12) {
	case 0:
		return w.from(badIntPool)
	case 1, 2, 3, 4:
		return w.from(intPool)
	case 5:
		return strconv.FormatInt(int64(w.Uint64()), 10)
	case 6:
		return w.from(floatPool)
	default:
		return strconv.Itoa(w.IntN(60) - 20)
	}
}

func (w *words) float() string {
	switch w.IntN(6) {
	case 0:
		return strconv.FormatFloat(w.NormFloat64(), 'g', -1, 64)
	case 1:
		return strconv.FormatFloat(float64(w.IntN(2000)-1000)/100, 'f', -1, 64)
	case 2:
		return w.integer()
	case 3:
		return fmt.Sprintf("%d.%de%d", w.IntN(1000), w.IntN(1000000), w.IntN(40)-20)
	default:
		return w.from(floatPool)
	}
}

// ttl is a relative time, in seconds or milliseconds: days at least.
func (w *words) ttl() string {
	if w.chance(6) {
		return w.from([]string{"0", "-1", "-1000000", "abc", "", "1.5", "9223372036854775807", "9223372036854775", "9223372036854776",
			"-9223372036854775808", "-9223372036854775", "-9223372036854776", "9223372036854775808"})
	}
	return w.newTTL()
}

// newTTL is a time to live that no other key of the stream gets.
func (w *words) newTTL() string {
	w.nextTTL++
	return strconv.FormatInt(10*shortTTLMax+60_000*w.nextTTL, 10)
}

// at is a point in time; as milliseconds where ms.
func (w *words) at(ms bool) string {
	switch {
	case w.chance(8):
		if ms {
			return w.from([]string{"0", "-1", "abc", "", "9223372036854775808", "-9223372036854775808"})
		}
		return w.from([]string{"0", "-1", "abc", "", "9223372036854775807", "9223372036854776", "-9223372036854775808"})
	case w.past && w.chance(5):
		return w.from([]string{"1", "1000", "1500000000"})
	}
	far := int64(farSeconds) + 60*w.Int64N(20)
	if ms {
		far = far*1000 + w.Int64N(3)*500
	}
	return strconv.FormatInt(far, 10)
}

// anyCase writes a word in lower, upper or mixed case.
func (w *words) anyCase(s string) string {
	switch w.IntN(6) {
	case 0:
		return strings.ToLower(s)
	case 1:
		b := []byte(s)
		for i, c := range b {
			if w.chance(2) && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z') {
				b[i] ^= 0x20
			}
		}
		return string(b)
	default:
		return strings.ToUpper(s)
	}
}
