package geohash

import "math"

// Stored distances show all of their digits, and so the last one has to be that of
// the C library that Redis uses. Its sines are the nearest numbers but for very few
// arguments; Go's may be one further. Here they are computed with twice the digits
// and rounded once.
//
// A pair is the sum of two numbers, the second below half a unit in the last place of
// the first. Angles are below 2π.

type pair struct{ hi, lo float64 }

func sum(a, b float64) pair {
	s := a + b
	t := s - a
	return pair{s, (a - (s - t)) + (b - t)}
}

func product(a, b float64) pair {
	p := a * b
	return pair{p, math.FMA(a, b, -p)}
}

func (x pair) add(y pair) pair {
	s := sum(x.hi, y.hi)
	return sum(s.hi, s.lo+(x.lo+y.lo))
}

func (x pair) mul(y pair) pair {
	p := product(x.hi, y.hi)
	return sum(p.hi, p.lo+(x.hi*y.lo+x.lo*y.hi))
}

func (x pair) neg() pair { return pair{-x.hi, -x.lo} }

// over returns x / d.
func (x pair) over(d float64) pair {
	q := x.hi / d
	return sum(q, (math.FMA(-q, d, x.hi)+x.lo)/d)
}

// terms of the series are enough for angles up to π/4.
const terms = 14

// series returns 1 - x²/((1+odd)(2+odd)) + ..., which is cos x for odd 0 and
// sin x / x for odd 1.
func series(x pair, odd int) pair {
	square := x.mul(x)
	s := pair{1, 0}
	for n := terms; n > 0; n-- {
		k := 2*n - 1 + odd
		s = pair{1, 0}.add(s.mul(square).over(float64(k * (k + 1))).neg())
	}
	return s
}

// quarter is π/2 in three parts.
var quarter = [3]float64{1.5707963267948966, 6.123233995736766e-17, -1.4973849048591833e-33}

// sinCos returns sine and cosine of an angle.
func sinCos(angle float64) (sin, cos pair) {
	turns := math.Round(angle / quarter[0])
	x := sum(angle, -turns*quarter[0])
	x = x.add(product(-turns, quarter[1]))
	x = x.add(pair{-turns * quarter[2], 0})
	s, c := x.mul(series(x, 1)), series(x, 0)
	switch int(turns) & 3 {
	case 1:
		return c, s.neg()
	case 2:
		return s.neg(), c.neg()
	case 3:
		return c.neg(), s
	}
	return s, c
}

func exactSin(angle float64) float64 { s, _ := sinCos(angle); return s.hi }
func exactCos(angle float64) float64 { _, c := sinCos(angle); return c.hi }

// exactAsin corrects the arc sine of y, from 0 to 1, by one step of Newton's.
func exactAsin(y float64) float64 {
	z := math.Asin(y)
	s, c := sinCos(z)
	if c.hi == 0 {
		return z
	}
	return z + (pair{y, 0}).add(s.neg()).hi/c.hi
}

// ExactDistance is Distance with the last digit of the C library, in most cases.
//
// COMPAT: geo-digits: the C library rounds some sines the other way.
func ExactDistance(a, b Point) float64 {
	v := exactSin((b.Lon*degree - a.Lon*degree) / 2)
	if v == 0 {
		return latDistance(a.Lat, b.Lat)
	}
	lat1, lat2 := a.Lat*degree, b.Lat*degree
	u := exactSin((lat2 - lat1) / 2)
	h := float64(u*u) + float64(float64(exactCos(lat1)*exactCos(lat2))*v)*v
	return 2 * earth * exactAsin(math.Sqrt(h))
}
