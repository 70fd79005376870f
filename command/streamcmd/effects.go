package streamcmd

import (
	"strconv"

	"kvorum/command"
	"kvorum/object/stream"
)

// Names of the commands and options that effects are made of.
var (
	xclaimName         = []byte("XCLAIM")
	xgroupName         = []byte("XGROUP")
	setidName          = []byte("SETID")
	createconsumerName = []byte("CREATECONSUMER")
	entriesreadName    = []byte("ENTRIESREAD")
	timeName           = []byte("TIME")
	retrycountName     = []byte("RETRYCOUNT")
	forceName          = []byte("FORCE")
	justidName         = []byte("JUSTID")
	lastidName         = []byte("LASTID")
	equalsSign         = []byte("=")
	zero               = []byte("0")
)

// formatRoom is the room in Buf2 for the numbers of one effect.
const formatRoom = 4 * stream.IDSize

// scratch returns room for the numbers of an effect, which does not move while they
// are written.
func scratch(c *command.Ctx) []byte {
	if cap(c.Buf2) < formatRoom {
		c.Buf2 = make([]byte, formatRoom)
	}
	return c.Buf2[:0]
}

// claimEffect tells how an entry is pending now, by an XCLAIM that makes it so. id
// is the text of its id, or nil.
func claimEffect(c *command.Ctx, key []byte, g stream.Group, p stream.Pending, id []byte) {
	if c.Feed == nil {
		c.NoEffect()
		return
	}
	b := scratch(c)
	given := strconv.AppendInt(b, p.Time(), 10)
	b = given[len(given):]
	count := strconv.AppendInt(b, p.Count(), 10)
	b = count[len(count):]
	last := g.Last().Append(b)
	if id == nil {
		id = p.ID().Append(last[len(last):])
	}
	c.Effect(xclaimName, key, g.Name(), p.Consumer().Name(), zero, id, timeName, given, retrycountName, count,
		forceName, justidName, lastidName, last)
}

// groupEffect tells what a group was last given.
func groupEffect(c *command.Ctx, key []byte, g stream.Group) {
	if c.Feed == nil {
		c.NoEffect()
		return
	}
	b := g.Last().Append(scratch(c))
	c.Effect(xgroupName, setidName, key, g.Name(), b, entriesreadName, strconv.AppendInt(b[len(b):], g.Read(), 10))
}

// consumerEffect tells of a consumer that nothing else tells of.
func consumerEffect(c *command.Ctx, key []byte, g stream.Group, consumer stream.Consumer) {
	c.Effect(xgroupName, createconsumerName, key, g.Name(), consumer.Name())
}
