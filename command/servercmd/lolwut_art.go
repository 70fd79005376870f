package servercmd

import (
	"math"
	"strings"

	"kvorum/rng"
)

// canvas is a picture of dots, each of a shade.
type canvas struct {
	width, height int
	dots          []uint8
}

func newCanvas(width, height int) *canvas {
	return &canvas{width, height, make([]uint8, width*height)}
}

// set paints a dot; outside of the canvas there is nothing.
func (p *canvas) set(x, y int, shade uint8) {
	if x >= 0 && x < p.width && y >= 0 && y < p.height {
		p.dots[y*p.width+x] = shade
	}
}

func (p *canvas) at(x, y int) uint8 {
	if x >= p.width || y >= p.height {
		return 0
	}
	return p.dots[y*p.width+x]
}

// line draws a straight line, a dot for each step along its longer side.
func (p *canvas) line(x1, y1, x2, y2 float64) {
	steps := int(math.Ceil(max(math.Abs(x2-x1), math.Abs(y2-y1), 1)))
	for i := range steps + 1 {
		f := float64(i) / float64(steps)
		p.set(int(math.Round(x1+(x2-x1)*f)), int(math.Round(y1+(y2-y1)*f)), 1)
	}
}

// A character of Unicode's Braille block shows two by four dots; these are their
// bits, row by row.
var brailleBits = [4][2]rune{{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}

const brailleBlock = 0x2800

// braille returns the picture as lines of Braille characters.
func (p *canvas) braille() string {
	var b strings.Builder
	for y := 0; y < p.height; y += len(brailleBits) {
		for x := 0; x < p.width; x += 2 {
			char := rune(brailleBlock)
			for dy, row := range brailleBits {
				for dx, bit := range row {
					if p.at(x+dx, y+dy) != 0 {
						char |= bit
					}
				}
			}
			b.WriteRune(char)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// drawSquares draws rows of squares that fall into disorder further down: each is
// turned and moved by chance, the more the lower it stands.
func drawSquares(r *rng.Rand, columns, across, down int) string {
	const margin = 2
	width := columns * 2
	border := margin
	if width <= 2*margin {
		border = 0
	}
	side := float64(width-2*border) / float64(across)
	p := newCanvas(width, int(side*float64(down))+2*border)
	for row := range down {
		disorder := float64(max(row-1, 0)) / float64(down)
		for column := range across {
			turn := (r.Float64() - 0.5) * disorder * math.Pi / 2
			x := float64(border) + (float64(column)+0.5)*side + (r.Float64()-0.5)*disorder*side
			y := float64(border) + (float64(row)+0.5)*side + (r.Float64()-0.5)*disorder*side
			p.square(x, y, side, turn)
		}
	}
	return p.braille()
}

// square draws a square around a point, turned by an angle.
func (p *canvas) square(x, y, side, turn float64) {
	reach := side / math.Sqrt2
	var cornerX, cornerY [4]float64
	for i := range cornerX {
		angle := turn + math.Pi/4 + float64(i)*math.Pi/2
		cornerX[i], cornerY[i] = x+reach*math.Cos(angle), y+reach*math.Sin(angle)
	}
	for i := range cornerX {
		j := (i + 1) % len(cornerX)
		p.line(cornerX[i], cornerY[i], cornerX[j], cornerY[j])
	}
}

// shades are the colours of terminals for four greys, the darkest first.
var shades = [4]string{"0;30;40m", "0;90;100m", "0;37;47m", "0;97;107m"}

// drawRanges draws three ranges of mountains before a white sky, the nearer the
// darker. The outline of each is a sum of waves of random phase.
func drawRanges(r *rng.Rand, columns, rows int) string {
	p := newCanvas(columns, rows)
	for i := range p.dots {
		p.dots[i] = uint8(len(shades) - 1)
	}
	for shade := len(shades) - 2; shade >= 0; shade-- {
		base := float64(rows) * (0.85 - 0.2*float64(shade))
		phase := r.Float64() * 2 * math.Pi
		for x := range columns {
			top := base
			for wave := 1.0; wave <= 8; wave *= 2 {
				top -= float64(rows) * 0.12 / wave * math.Sin(phase*wave+float64(x)*wave*2*math.Pi/40)
			}
			for y := max(int(top), 0); y < rows; y++ {
				p.set(x, y, uint8(shade))
			}
		}
	}
	var b strings.Builder
	for y := range rows {
		if y > 0 {
			b.WriteByte('\n')
		}
		for x := range columns {
			b.WriteString("\x1b[" + shades[p.at(x, y)] + " \x1b[0m")
		}
	}
	return b.String()
}
