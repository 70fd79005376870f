package geohash

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

func randomPoint(r *rand.Rand) Point {
	p := Point{LonMin + r.Float64()*(LonMax-LonMin), LatMin + r.Float64()*(LatMax-LatMin)}
	switch r.IntN(10) {
	case 0:
		p.Lon = LonMax
	case 1:
		p.Lat = LatMin
	}
	return p
}

// A place decodes to one less than a meter away, but for the ends of the map, which
// have no cells.
func TestPlacesComeBack(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		p := randomPoint(r)
		if p.Lon == LonMax {
			continue
		}
		if d := Distance(p, Decode(float64(Encode(p)))); d > 1 {
			t.Fatalf("%v comes back %g m away", p, d)
		}
	}
}

// A place in a shape must have a score in one of its ranges: a search would miss
// it. Redis itself misses places across the date line and near the poles, and so
// shapes stay away from there.
func TestRangesCoverTheShape(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 2))
	for range 20_000 {
		s := Shape{Center: Point{-90 + 180*r.Float64(), -60 + 120*r.Float64()}, Unit: 1}
		size := math.Pow(10, 6*r.Float64())
		if s.Radius = size; r.IntN(2) == 0 {
			s.Box, s.Width, s.Height = true, 2*size*r.Float64(), 2*size*r.Float64()
		}
		degrees := 2 * size / earth / degree
		p := Point{s.Center.Lon + degrees*(r.Float64()-0.5)*2, s.Center.Lat + degrees*(r.Float64()-0.5)}
		if _, in := s.Contains(p); !in || !p.OK() {
			continue
		}
		score := float64(Encode(p))
		found := false
		all, n := s.Ranges()
		for _, rg := range all[:n] {
			found = found || score >= rg.Min && score < rg.Max
		}
		if !found {
			t.Fatalf("%+v: %v is in no range of %v", s, p, all[:n])
		}
	}
}

func TestStringsAreStandard(t *testing.T) {
	// The example of the Redis documentation.
	p := Point{13.361389, 38.115556}
	if got := string(AppendString(nil, float64(Encode(p)))); got != "sqc8b49rny0" {
		t.Errorf("geohash %q", got)
	}
}

// The distances must be near each other, and sines the nearest numbers, as computed
// with 200 bits.
func TestExactSines(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		a, b := randomPoint(r), randomPoint(r)
		if d, e := Distance(a, b), ExactDistance(a, b); math.Abs(d-e) > 1e-8*(1+d) {
			t.Fatalf("%v %v: %v and %v", a, b, d, e)
		}
		x := (r.Float64() - 0.5) * 2 * math.Pi
		want, _ := bigSin(x).Float64()
		if got := exactSin(x); got != want {
			t.Fatalf("sin %v is %v, want %v", x, got, want)
		}
		if y := math.Abs(want); math.Abs(x) < math.Pi/2 && math.Abs(exactAsin(y)-math.Abs(x)) > 1e-8 {
			t.Fatalf("asin %v is %v, want %v", y, exactAsin(y), math.Abs(x))
		}
	}
}

// bigSin sums the series with 200 bits.
func bigSin(x float64) *big.Float {
	const bits = 200
	square := new(big.Float).SetPrec(bits).SetFloat64(x)
	term := new(big.Float).Copy(square)
	square.Mul(square, square)
	total := new(big.Float).Copy(term)
	for n := 2; n < 80; n += 2 {
		term.Mul(term, square)
		term.Quo(term, big.NewFloat(float64(-n*(n+1))))
		total.Add(total, term)
	}
	return total
}
