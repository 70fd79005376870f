package geohash

import "math"

// Shape is the area of a search: a circle, or a box along the meridian, around a
// place. Lengths are in units of so many meters.
type Shape struct {
	Center        Point
	Box           bool
	Radius        float64
	Width, Height float64
	Unit          float64 // meters
}

// Contains returns the distance of a place from the center in meters, and whether
// the place is in the shape.
func (s *Shape) Contains(p Point) (meters float64, ok bool) {
	if !s.Box {
		meters = Distance(s.Center, p)
		return meters, meters <= s.Radius*s.Unit
	}
	if latDistance(p.Lat, s.Center.Lat) > s.Height*s.Unit/2 ||
		Distance(p, Point{s.Center.Lon, p.Lat}) > s.Width*s.Unit/2 {
		return 0, false
	}
	return Distance(s.Center, p), true
}

// bounds returns the rectangle around the shape.
func (s *Shape) bounds() area {
	height, width := s.Radius*s.Unit, s.Radius*s.Unit
	if s.Box {
		height, width = s.Unit*(s.Height/2), s.Unit*(s.Width/2)
	}
	lat, lon := s.Center.Lat, s.Center.Lon
	latDelta := height / earth / degree
	// The side nearer to the pole spans more degrees.
	wide := lat + latDelta
	if lat < 0 {
		wide = lat - latDelta
	}
	lonDelta := width / earth / math.Cos(wide*degree) / degree
	return area{lonMin: lon - lonDelta, lonMax: lon + lonDelta, latMin: lat - latDelta, latMax: lat + latDelta}
}

// reach returns the distance from the center to the farthest place, in meters.
func (s *Shape) reach() float64 {
	if !s.Box {
		return s.Radius * s.Unit
	}
	w, h := s.Width/2, s.Height/2
	return math.Sqrt(float64(w*w)+float64(h*h)) * s.Unit
}

// stepFor returns the step of cells of which nine cover a circle in most cases.
func stepFor(meters, lat float64) uint {
	if meters == 0 {
		return stepMax
	}
	step := 1
	for ; meters < mercator; meters *= 2 {
		step++
	}
	step -= 2
	if lat > 66 || lat < -66 { // meridians come closer
		step--
	}
	if lat > 80 || lat < -80 {
		step--
	}
	return uint(min(max(step, 1), stepMax))
}

// The cells of a search: the middle one and its neighbours, in Redis's order, which
// is that of results that are not sorted.
const (
	middle = iota
	north
	south
	east
	west
	northEast
	northWest
	southEast
	southWest
	cellCount
)

// offsets of the cells, to the east and to the north.
var offsets = [cellCount][2]int{
	north: {0, 1}, south: {0, -1}, east: {1, 0}, west: {-1, 0},
	northEast: {1, 1}, northWest: {-1, 1}, southEast: {1, -1}, southWest: {-1, -1},
}

// move returns the neighbour of a cell, around the world in both directions. A
// coordinate at the very end of the map has no cell of its own and overflows; one
// that is not moved stays so.
func (c cell) move(offset [2]int) cell {
	mask := uint32(1)<<c.step - 1
	lat, lon := gather(c.bits), gather(c.bits>>1)
	if offset[0] != 0 {
		lon = (lon + uint32(offset[0])) & mask
	}
	if offset[1] != 0 {
		lat = (lat + uint32(offset[1])) & mask
	}
	return cell{spread(lat) | spread(lon)<<1, c.step}
}

// cells returns the nine cells of a step around the center.
func (s *Shape) cells(step uint) (all [cellCount]cell) {
	all[middle] = cellOf(s.Center, step, LatMax)
	for i := range all {
		all[i] = all[middle].move(offsets[i])
	}
	return all
}

// Range is a range of scores, from Min to below Max.
type Range struct{ Min, Max float64 }

// Ranges returns the ranges of scores, count of all, in which the places of a shape
// are, with others.
func (s *Shape) Ranges() (all [cellCount]Range, count int) {
	box := s.bounds()
	step := stepFor(s.reach(), s.Center.Lat)
	cells := s.cells(step)
	if step > 1 && (cells[north].area().latMax < box.latMax || cells[south].area().latMin > box.latMin ||
		cells[east].area().lonMax < box.lonMax || cells[west].area().lonMin > box.lonMin) {
		step-- // the center is so near to an edge that a neighbour is not enough
		cells = s.cells(step)
	}
	if step >= 2 {
		drop(&cells, box)
	}
	last := middle
	for i, c := range cells {
		// Where cells are large a neighbour may be met twice in a row.
		if c.step == 0 || last != middle && c == cells[last] {
			continue
		}
		last = i
		shift := 2 * (stepMax - c.step)
		all[count] = Range{float64(c.bits << shift), float64((c.bits + 1) << shift)}
		count++
	}
	return all, count
}

// drop removes the neighbours on sides where the middle cell reaches beyond box.
func drop(cells *[cellCount]cell, box area) {
	mid := cells[middle].area()
	for i := range cells {
		toEast, toNorth := offsets[i][0], offsets[i][1]
		if toNorth < 0 && mid.latMin < box.latMin || toNorth > 0 && mid.latMax > box.latMax ||
			toEast < 0 && mid.lonMin < box.lonMin || toEast > 0 && mid.lonMax > box.lonMax {
			cells[i] = cell{}
		}
	}
}
