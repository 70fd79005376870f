package command

// World gives long commands that go on without locks a way to look at the data
// again, slice by slice.
type World interface {
	// Pass returns a pass for one goroutine, until its Close.
	Pass() Pass
}

// Pass lets a goroutine hold shards for a slice of its work: between Enter and
// Leave no exclusive command runs, and shards may be locked. A slice should
// take well under a millisecond.
type Pass interface {
	Enter()
	Leave()
	Close()
}

// NoPass is the pass of a handler, which runs inside a batch already.
type NoPass struct{}

// Enter does nothing.
func (NoPass) Enter() {}

// Leave does nothing.
func (NoPass) Leave() {}

// Close does nothing.
func (NoPass) Close() {}

// Help replies the help of a container: a title with the name that it was called
// by, the lines given, and the line about HELP itself.
func (c *Ctx) Help(lines ...string) {
	c.W.Array(len(lines) + 3)
	c.W.Simple(AsciiUpper(c.Args[0]) + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
	for _, line := range lines {
		c.W.Simple(line)
	}
	c.W.Simple("HELP")
	c.W.Simple("    Print this help.")
}
