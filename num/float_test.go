package num

import (
	"math"
	"math/big"
	"math/rand"
	"strconv"
	"strings"
	"testing"
)

// Replies checked on Redis 7.2.5. The first group are doubles whose Grisu2
// digits are not the shortest ones.
func TestAppendFloatRepliesLikeRedis(t *testing.T) {
	for _, c := range []struct {
		f    float64
		text string
	}{
		{471.1445090230321, "471.14450902303207"},
		{382.8537149066984, "382.85371490669837"},
		{0.0009613875240833047, "9.613875240833047e-4"},

		{0, "0"}, {math.Copysign(0, -1), "-0"}, {math.Inf(1), "inf"}, {math.Inf(-1), "-inf"}, {math.NaN(), "nan"},
		{1, "1"}, {-1, "-1"}, {3.5, "3.5"}, {-0.1, "-0.1"}, {0.1, "0.1"}, {12345678.9, "12345678.9"},
		{1e17, "100000000000000000"}, {1e23, "99999999999999990000000"}, {1e21, "1e+21"}, {123456789012345680000, "123456789012345680000"},
		{1 << 62, "4611686018427387904"}, {4611686018427388928, "4611686018427389000"},
		{0.00001, "0.00001"}, {1e-7, "1e-7"}, {9.5e-7, "9.5e-7"}, {1.5e-8, "1.5e-8"},
		{-1.2345678901234567e-7, "-1.2345678901234566e-7"},
		{5e-324, "5e-324"}, {2.2250738585072014e-308, "2.2250738585072014e-308"},
		{math.MaxFloat64, "1.7976931348623157e+308"}, {-math.MaxFloat64, "-1.7976931348623157e+308"},
	} {
		if got := string(AppendFloat(nil, c.f)); got != c.text {
			t.Errorf("AppendFloat(%g) = %q, want %q", c.f, got, c.text)
		}
	}
}

// A wrong table entry would only show in the last digit of some numbers.
func TestCachedPowersAreNearest(t *testing.T) {
	ten := big.NewInt(10)
	for i, got := range cachedPowers {
		power10 := powerFirst + i*powerStep
		exp := binaryExponent(power10)
		num, den := big.NewInt(1), big.NewInt(1)
		if power10 >= 0 {
			num.Exp(ten, big.NewInt(int64(power10)), nil)
		} else {
			den.Exp(ten, big.NewInt(int64(-power10)), nil)
		}
		if exp <= 0 {
			num.Lsh(num, uint(-exp))
		} else {
			den.Lsh(den, uint(exp))
		}
		num.Lsh(num, 1).Add(num, den).Quo(num, den.Lsh(den, 1))
		if !num.IsUint64() || num.Uint64() != got || got>>63 == 0 {
			t.Errorf("10^%d = %d * 2^%d, want mantissa %d", power10, got, exp, num)
		}
	}
}

func TestAppendFloatReadsBackExactly(t *testing.T) {
	seed := rand.Int63()
	r := rand.New(rand.NewSource(seed))
	for range 300_000 {
		f := math.Float64frombits(r.Uint64())
		if math.IsNaN(f) || math.IsInf(f, 0) {
			continue
		}
		text := AppendFloat(nil, f)
		if g, ok := ParseFloat(text); !ok || g != f {
			t.Fatalf("seed %d: %v written as %q reads back as %v, %v", seed, f, text, g, ok)
		}
		if len(text) > 25 {
			t.Fatalf("seed %d: %q is longer than 25 bytes", seed, text)
		}
	}
}

func TestParseFloatFollowsStrtod(t *testing.T) {
	for _, c := range []struct {
		text string
		f    float64
	}{
		{"0", 0}, {"-0", 0}, {"1", 1}, {"+1", 1}, {"007", 7}, {"1.", 1}, {".5", .5}, {"-1.5e3", -1500}, {"1E+2", 100},
		{"inf", math.Inf(1)}, {"+inf", math.Inf(1)}, {"-INF", math.Inf(-1)}, {"Infinity", math.Inf(1)}, {"-infinity", math.Inf(-1)},
		{"0x10", 16}, {"0X.8", .5}, {"0x1.8p3", 12}, {"-0x1p-1", -.5}, {"0xfffffffffffff8", 0xfffffffffffff8},
		{"0x1.fffffffffffff7fffffffffffffffffffffffffp0", 0x1.fffffffffffffp0},
		{"0x1.fffffffffffff8000000000000000000000000001p0", 2},
		{"4.9e-324", 5e-324}, {"2.5e-324", 5e-324}, {"0x1p-1074", 5e-324}, {"1.7976931348623157e308", math.MaxFloat64},
		{"0e99999999999999999999", 0}, {"123456789012345678901234567890", 1.2345678901234568e29},
		{"0." + strings.Repeat("0", 120_000) + "15e120001", 1.5},
		{"15" + strings.Repeat("0", 120_000) + "e-120001", 1.5},
		{strings.Repeat("0", 2000) + "2.50" + strings.Repeat("0", 2000), 2.5},
		{"9007199254740993" + strings.Repeat("0", 2000) + "e-2000", 9007199254740992},
		{"9007199254740993" + strings.Repeat("0", 2000) + "1e-2001", 9007199254740994},
	} {
		f, ok := ParseFloat([]byte(c.text))
		loose, looseOK := ParseFloatLoose([]byte(c.text))
		if !ok || f != c.f || !looseOK || loose != c.f {
			t.Errorf("%.40q = %v, %v; loosely %v, %v; want %v", c.text, f, ok, loose, looseOK, c.f)
		}
	}
	for _, s := range []string{"", " 1", "\t1", "1 ", "1a", "a", "-", "+", ".", "e5", "1e", "1e+", "--1", "+-1", "0x", "0x.", "0xg",
		"0x1p", "nan", "NaN", "-nan", "nan(1)", "infinit", "in", "1_0", "1,5", "1\x00", "1e400", "-1e400", "1e-400", "0x1p1024", "0x1p-1080", "2e-324"} {
		if f, ok := ParseFloat([]byte(s)); ok {
			t.Errorf("ParseFloat(%q) = %v, want refusal", s, f)
		}
	}
}

func TestParseFloatLooseTakesWhatStrtodTakes(t *testing.T) {
	for _, c := range []struct {
		text string
		f    float64
		ok   bool
	}{
		{"", 0, true}, {" 1", 1, true}, {"1e400", math.Inf(1), true}, {"-1e400", math.Inf(-1), true},
		{"1e-400", 0, true}, {"1\x00x", 1, true}, {"\x00", 0, true},
		{" ", 0, false}, {"1 ", 0, false}, {"nan", 0, false}, {"x", 0, false},
	} {
		if f, ok := ParseFloatLoose([]byte(c.text)); f != c.f || ok != c.ok {
			t.Errorf("ParseFloatLoose(%q) = %v, %v; want %v, %v", c.text, f, ok, c.f, c.ok)
		}
	}
}

func TestAppendFixedRoundsHalfToEven(t *testing.T) {
	for _, c := range []struct {
		f    float64
		text string
	}{
		{0, "0.0000"}, {math.Copysign(0, -1), "0.0000"}, {166274.15156960033, "166274.1516"}, {0.775, "0.7750"},
		{-0.775, "-0.7750"}, {3.00005, "3.0000"}, {0.00004, "0.0000"}, {-0.00006, "-0.0001"}, {12, "12.0000"},
	} {
		if got := string(AppendFixed(nil, c.f, 4)); got != c.text {
			t.Errorf("AppendFixed(%v) = %q, want %q", c.f, got, c.text)
		}
	}
}

// Where strconv and strtod agree on the grammar they must agree on the value.
func FuzzParseFloatEqualsStrconv(f *testing.F) {
	for _, s := range []string{"1.5", "-.5e-3", "0x1.8p+4", "inf", "1e309", "123456789012345678901e-25"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, ok := ParseFloat(b)
		if !ok {
			return
		}
		text := strings.ToLower(string(b))
		if strings.Contains(text, "0x") && !strings.Contains(text, "p") {
			text += "p0"
		}
		want, err := strconv.ParseFloat(text, 64)
		if err != nil || want != got {
			t.Fatalf("ParseFloat(%q) = %v; strconv: %v, %v", b, got, want, err)
		}
	})
}
