// Package geohash turns places on earth into the scores of sorted sets and back, as
// Redis does, and finds the ranges of scores that a search has to look at.
//
// A score is an integer of 52 bits: 26 of the longitude, from the west, interleaved
// with 26 of the latitude, from the south of the square map that ends at 85.05°:
//
//	| lon 25 | lat 25 | lon 24 | lat 24 | ... | lon 0 | lat 0 |
//
// The first bits of a score name a cell of the map, so that the places in a cell are
// a range of scores. A cell of step n has n bits of each coordinate.
//
// I1: coordinates given to [Encode] are within the limits. I2: cells of a search
// cover all of its area that lies on the map.
//
// Pure functions: no locks, and nothing is allocated.
// Source: Redis geohash.c, geohash_helper.c; results compared with 7.2.
package geohash

import "math"

// Limits of coordinates, in degrees.
const (
	LonMin = -180.0
	LonMax = 180.0
	LatMin = -85.05112878
	LatMax = 85.05112878
)

const (
	stepMax    = 26
	lonBits    = 0xaaaaaaaaaaaaaaaa
	latBits    = 0x5555555555555555
	earth      = 6372797.560856 // radius, meters
	mercator   = 20037726.37    // half of the map's width, meters
	degree     = math.Pi / 180
	standard90 = 90.0 // the latitudes of geohash strings
)

// Point is a place, in degrees.
type Point struct{ Lon, Lat float64 }

// OK reports whether the place is on the map.
func (p Point) OK() bool {
	return p.Lon >= LonMin && p.Lon <= LonMax && p.Lat >= LatMin && p.Lat <= LatMax
}

// cell is a rectangle of the map. Step 0 is no cell.
type cell struct {
	bits uint64
	step uint
}

func spread(v uint32) uint64 {
	x := uint64(v)
	x = (x | x<<16) & 0x0000ffff0000ffff
	x = (x | x<<8) & 0x00ff00ff00ff00ff
	x = (x | x<<4) & 0x0f0f0f0f0f0f0f0f
	x = (x | x<<2) & 0x3333333333333333
	return (x | x<<1) & latBits
}

func gather(x uint64) uint32 {
	x &= latBits
	x = (x | x>>1) & 0x3333333333333333
	x = (x | x>>2) & 0x0f0f0f0f0f0f0f0f
	x = (x | x>>4) & 0x00ff00ff00ff00ff
	x = (x | x>>8) & 0x0000ffff0000ffff
	return uint32(x | x>>16)
}

// cellOf returns the cell of a step that holds a place, on a map that ends at
// latitude latMax.
func cellOf(p Point, step uint, latMax float64) cell {
	scale := float64(uint64(1) << step)
	lat := (p.Lat + latMax) / (latMax + latMax) * scale
	lon := (p.Lon - LonMin) / (LonMax - LonMin) * scale
	return cell{spread(uint32(lat)) | spread(uint32(lon))<<1, step}
}

// Encode returns the score of a place.
func Encode(p Point) uint64 { return cellOf(p, stepMax, LatMax).bits }

// area is what a cell covers, in degrees.
type area struct{ lonMin, lonMax, latMin, latMax float64 }

func (c cell) area() area {
	lat, lon := gather(c.bits), gather(c.bits>>1)
	scale := float64(uint64(1) << c.step)
	const height, width = LatMax - LatMin, LonMax - LonMin
	return area{
		lonMin: LonMin + float64(float64(lon)/scale)*width,
		lonMax: LonMin + float64(float64(lon+1)/scale)*width,
		latMin: LatMin + float64(float64(lat)/scale)*height,
		latMax: LatMin + float64(float64(lat+1)/scale)*height,
	}
}

// Decode returns the middle of the place that a score stands for. Scores that are no
// places give some place.
func Decode(score float64) Point {
	a := cell{bitsOf(score), stepMax}.area()
	return Point{
		Lon: min(max((a.lonMin+a.lonMax)/2, LonMin), LonMax),
		Lat: min(max((a.latMin+a.latMax)/2, LatMin), LatMax),
	}
}

// bitsOf converts a score as C does on common machines.
func bitsOf(score float64) uint64 {
	const half = 1 << 63
	if score < half {
		return uint64(int64(score))
	}
	return uint64(int64(score-half)) ^ half
}

// alphabet are the digits of geohash strings.
const alphabet = "0123456789bcdefghjkmnpqrstuvwxyz"

// StringLen is the length of a geohash string.
const StringLen = 11

// AppendString appends the standard geohash string of the place of a score. Its last
// digit is always 0: there are bits for ten.
func AppendString(dst []byte, score float64) []byte {
	bits := cellOf(Decode(score), stepMax, standard90).bits
	for i := 1; i < StringLen; i++ {
		dst = append(dst, alphabet[bits>>(2*stepMax-5*i)&31])
	}
	return append(dst, alphabet[0])
}

// Distance returns the distance of two places in meters, on a sphere.
func Distance(a, b Point) float64 {
	v := math.Sin((b.Lon*degree - a.Lon*degree) / 2)
	if v == 0 {
		return latDistance(a.Lat, b.Lat)
	}
	lat1, lat2 := a.Lat*degree, b.Lat*degree
	u := math.Sin((lat2 - lat1) / 2)
	h := float64(u*u) + float64(float64(math.Cos(lat1)*math.Cos(lat2))*v)*v
	return 2 * earth * math.Asin(math.Sqrt(h))
}

func latDistance(lat1, lat2 float64) float64 {
	return earth * math.Abs(lat2*degree-lat1*degree)
}
