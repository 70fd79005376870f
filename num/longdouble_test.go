package num

import (
	"fmt"
	"math"
	"math/big"
	"math/rand"
	"strings"
	"testing"
)

// Replies of INCRBYFLOAT checked on Redis 7.2.5 (x86-64).
func TestAddLongDoubleRepliesLikeRedis(t *testing.T) {
	for _, c := range []struct {
		a, b, sum string
	}{
		{"1", "2", "3"}, {"3.0", "1.5e2", "153"}, {"0.1", "0.2", "0.3"}, {"10.50", "0.1", "10.6"}, {"5.0e3", "2.0e2", "5200"},
		{"1", "1e-18", "1"}, {"10.5", "-10.5", "0"}, {"-1e-20", "0", "0"}, {"0x1p-3", "1", "1.125"},
		{"9007199254740993", "0.1", "9007199254740993.099609375"}, {"1e17", "0.5", "100000000000000000.5"},
		{"123456789012345678901234567890", "1", "123456789012345678899921813504"},
		{"-9223372036854775808", "-1", "-9223372036854775809"},
	} {
		if got, res := AddLongDouble([]byte("x"), []byte(c.a), []byte(c.b)); res != AddOK || string(got) != "x"+c.sum {
			t.Errorf("%s + %s = %q, %d; want %s", c.a, c.b, got, res, c.sum)
		}
	}
	huge := "1" + strings.Repeat("0", 4932)
	for _, c := range []struct {
		a, b string
		res  AddResult
	}{
		{"", "1", AddBadFirst}, {"x", "y", AddBadFirst}, {"1", " 1", AddBadSecond}, {"1", "nan", AddBadSecond},
		{"1", "1e5000", AddBadSecond}, {"1", "1e-5000", AddBadSecond}, {"inf", "1", AddNotFinite},
		{"1", "-inf", AddNotFinite}, {"inf", "-inf", AddNotFinite}, {huge, huge, AddNotFinite},
		{"1", strings.Repeat("0", 5120), AddBadSecond}, {"1", strings.Repeat("0", 5119), AddOK},
		{huge, "0", AddOK}, {huge, "-" + huge, AddOK},
	} {
		if _, res := AddLongDouble(nil, []byte(c.a), []byte(c.b)); res != c.res {
			t.Errorf("%.20s + %.20s: result %d, want %d", c.a, c.b, res, c.res)
		}
	}
}

// referenceFloat is an exact big.Float of a long double.
func referenceFloat(d LongDouble) *big.Float {
	f := new(big.Float).SetPrec(64).SetUint64(d.mant)
	f.SetMantExp(f, int(d.exp))
	if d.neg {
		f.Neg(f)
	}
	return f
}

func randomLong(r *rand.Rand) LongDouble {
	d := LongDouble{mant: r.Uint64() | 1<<63, neg: r.Intn(2) == 0}
	switch r.Intn(3) {
	case 0:
		d.exp = int32(r.Intn(140) - 130)
	case 1:
		d.mant = d.mant >> 40 << 40
		d.exp = int32(r.Intn(20) - 70)
	default:
		d.exp = int32(r.Intn(longExpMax-longExpMin) + longExpMin)
	}
	return d
}

// Rounding is where emulations differ: math/big rounds sums correctly.
func TestAddRoundsToNearestEven(t *testing.T) {
	seed := rand.Int63()
	r := rand.New(rand.NewSource(seed))
	for range 200_000 {
		a, b := randomLong(r), randomLong(r)
		if r.Intn(4) == 0 {
			b = a
			b.neg = !a.neg
			b.mant ^= uint64(r.Intn(4))
		}
		want := new(big.Float).SetPrec(64).Add(referenceFloat(a), referenceFloat(b))
		got := a.Add(b)
		if got.class == longInf {
			if want.MantExp(nil) <= longExpMax+64 {
				t.Fatalf("seed %d: %+v + %+v overflows, want %v", seed, a, b, want)
			}
			continue
		}
		if referenceFloat(got).Cmp(want) != 0 && want.MantExp(nil) > longExpMin+64 {
			t.Fatalf("seed %d: %+v + %+v = %+v, want %v", seed, a, b, got, want)
		}
	}
}

func TestAppendHumanEqualsExactFormatting(t *testing.T) {
	seed := rand.Int63()
	r := rand.New(rand.NewSource(seed))
	for range 50_000 {
		d := randomLong(r)
		if d.exp > 400 || d.exp < -400 {
			d.exp %= 400
		}
		want := referenceFloat(d).Text('f', 17)
		want = strings.TrimRight(strings.TrimRight(want, "0"), ".")
		if d.exp > 0 {
			want = referenceFloat(d).Text('f', 0)
		}
		if want == "-0" || want == "" || want == "-" {
			want = "0"
		}
		if got := string(d.AppendHuman(nil)); got != want {
			t.Fatalf("seed %d: %+v = %q, want %q", seed, d, got, want)
		}
	}
}

// The fast path and the exact one must not differ in the last bit.
func TestParseLongDoubleRoundsToNearestEven(t *testing.T) {
	seed := rand.Int63()
	r := rand.New(rand.NewSource(seed))
	for range 3_000 {
		text := fmt.Sprintf("%d.%de%d", r.Intn(1_000_000), r.Uint64()>>r.Intn(64), r.Intn(60)-30)
		if r.Intn(4) == 0 {
			text = fmt.Sprintf("%d%de%d", r.Uint64(), r.Uint64(), r.Intn(9000)-4500)
		}
		exact, _, err := big.ParseFloat(text, 10, 20_000, big.ToNearestEven)
		if err != nil {
			t.Fatal(err)
		}
		want := new(big.Float).SetPrec(64).Set(exact)
		got, ok := ParseLongDouble([]byte(text))
		if want.Sign() != 0 && (!ok || referenceFloat(got).Cmp(want) != 0) {
			t.Fatalf("seed %d: %q = %+v, %v; want %v", seed, text, got, ok, want)
		}
	}
}

func TestLongDoubleSubnormalsAndLimits(t *testing.T) {
	for _, c := range []struct {
		text string
		want LongDouble
		ok   bool
	}{
		{"0x1p-16445", LongDouble{mant: 1, exp: longExpMin}, true},
		{"0x0.8p-16445", LongDouble{}, false},
		{"0x0.c p-16445", LongDouble{}, false},
		{"0x0.cp-16445", LongDouble{mant: 1, exp: longExpMin}, true},
		{"3.6e-4951", LongDouble{mant: 1, exp: longExpMin}, true},
		{"1.8e-4951", LongDouble{}, false},
		{"0x1p-16382", LongDouble{mant: 1 << 63, exp: longExpMin}, true},
		{"0xffffffffffffffffp16320", LongDouble{mant: math.MaxUint64, exp: longExpMax}, true},
		{"0x1p16384", LongDouble{}, false},
		{"0xffffffffffffffff8p16316", LongDouble{}, false},
		{"-0", LongDouble{neg: true}, true},
	} {
		got, ok := ParseLongDouble([]byte(c.text))
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%q = %+v, %v; want %+v, %v", c.text, got, ok, c.want, c.ok)
		}
	}
	tiny := LongDouble{mant: 1, exp: longExpMin}
	if got := tiny.Add(tiny); got != (LongDouble{mant: 2, exp: longExpMin}) {
		t.Errorf("smallest subnormal doubled = %+v", got)
	}
}

func TestLongDoubleConversionsAreExact(t *testing.T) {
	for _, f := range []float64{0, 1, -1, 0.1, 13.361389338970184, 5e-324, math.MaxFloat64, -2.5} {
		if got, _ := referenceFloat(LongDoubleOf(f)).Float64(); got != f {
			t.Errorf("LongDoubleOf(%v) = %v", f, got)
		}
	}
	if got := string(LongDoubleOf(13.361389338970184).AppendHuman(nil)); got != "13.36138933897018433" {
		t.Errorf("GEOPOS text = %q", got)
	}
	for _, v := range []int64{0, 1, -1, math.MaxInt64, math.MinInt64} {
		if got := string(LongDoubleOfInt(v).AppendHuman(nil)); got != fmt.Sprint(v) {
			t.Errorf("LongDoubleOfInt(%d) = %s", v, got)
		}
	}
	for f, want := range map[float64]string{math.Inf(1): "inf", math.Inf(-1): "-inf"} {
		if got := string(LongDoubleOf(f).AppendHuman(nil)); got != want {
			t.Errorf("%v = %s", f, got)
		}
	}
	if got := string(LongDoubleOf(math.NaN()).AppendHuman(nil)); got != "nan" {
		t.Errorf("nan = %s", got)
	}
}

func FuzzAddLongDoubleNeverPanics(f *testing.F) {
	f.Add("1e300", "-0x1p-9")
	f.Add("1234567890123456789012.5", "1e-30")
	f.Fuzz(func(t *testing.T, a, b string) {
		got, res := AddLongDouble(nil, []byte(a), []byte(b))
		if res != AddOK {
			return
		}
		if d, ok := ParseLongDouble(got); !ok || !d.IsFinite() {
			t.Fatalf("%q + %q = %q, which is not a number again", a, b, got)
		}
	})
}
