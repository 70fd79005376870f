package servercmd

import (
	"kvorum/command"
)

// debugReplyBuffer checks the arguments. There is nothing to resize.
//
// COMPAT: client-buffers: clients have no reply buffer of their own.
func debugReplyBuffer(c *command.Ctx) {
	switch {
	case c.Is(2, "peak-reset-time"):
		if !c.Is(3, "never") && !c.Is(3, "reset") {
			if _, ok := c.Int(3); !ok {
				return
			}
		}
	case c.Is(2, "resizing"):
	default:
		unknownForm(c)
		return
	}
	c.W.OK()
}
