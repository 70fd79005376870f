package servercmd

import "kvorum/command"

// debugReload saves, empties and loads. Without NOSAVE or NOFLUSH the file is what
// was in memory.
func debugReload(c *command.Ctx) {
	save, flush, merge := true, true, false
	for i := 2; i < len(c.Args); i++ {
		switch {
		case c.Is(i, "merge"):
			merge = true
		case c.Is(i, "noflush"):
			flush = false
		case c.Is(i, "nosave"):
			save = false
		default:
			c.Err("-ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.")
			return
		}
	}
	if err := c.Host.Reload(save, flush, merge); err != nil {
		c.Err("-" + err.Error())
		return
	}
	c.Flushed()
	c.W.OK()
}

func debugSkipChecksum(c *command.Ctx) {
	c.Host.SkipChecksums(leadingInt(c.Args[2]) != 0)
	c.W.OK()
}
