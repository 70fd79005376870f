package servercmd

import (
	"kvorum/command"
)

var lolwutSpec = &command.Spec{
	Name: "lolwut", Since: "5.0.0", Group: "server",
	Summary: "Draws a picture, for fun, and tells the version.",
	Arity:   -1, Flags: command.ReadOnly | command.Fast,
	Args: []command.Arg{
		{Name: "version", Type: "integer", Token: "VERSION", Optional: true},
	},
	Handler: lolwut,
}

// Defaults and bounds of the pictures' sizes: those of Redis.
const (
	squaresColumns, squaresAcross, squaresDown = 66, 8, 12
	rangesColumns, rangesRows                  = 80, 20

	pictureColumnsMax = 1000
	pictureRowsMax    = 1000
	squaresMax        = 200
)

// lolwut draws the picture of a version that had one: 7 has none.
//
// COMPAT: lolwut-art: the picture of version 6 is another one.
func lolwut(c *command.Ctx) {
	version := int64(7)
	sizes := c.Args[1:]
	if len(c.Args) >= 3 && c.Is(1, "version") {
		var ok bool
		if version, ok = c.Int(2); !ok {
			return
		}
		sizes = c.Args[3:]
	}
	var picture string
	switch uint32(version) { // Redis prints the number with %u
	case 5:
		n, ok := pictureSizes(c, sizes, squaresColumns, squaresAcross, squaresDown)
		if !ok {
			return
		}
		picture = drawSquares(c.Rng, bound(n[0], pictureColumnsMax), bound(n[1], squaresMax), bound(n[2], squaresMax)) +
			"\nGeorg Nees - schotter, plotter on paper, 1968. "
	case 6:
		n, ok := pictureSizes(c, sizes, rangesColumns, rangesRows)
		if !ok {
			return
		}
		picture = drawRanges(c.Rng, bound(n[0], pictureColumnsMax), bound(n[1], pictureRowsMax)) +
			"\nMountains that nobody has seen before, in four shades of grey. "
	}
	c.W.Verbatim("txt", picture+"Redis ver. "+command.RedisVersion+"\n")
}

// pictureSizes reads as many numbers as there are defaults; those not given are
// the defaults. ok is false after the error reply.
func pictureSizes(c *command.Ctx, args [][]byte, defaults ...int64) (sizes []int64, ok bool) {
	for i := range min(len(args), len(defaults)) {
		if defaults[i], ok = c.Int(len(c.Args) - len(args) + i); !ok {
			return nil, false
		}
	}
	return defaults, true
}

func bound(n, most int64) int { return int(min(max(n, 1), most)) }
