package servercmd

import (
	"fmt"

	"kvorum/command"
)

// debugHTStats describes the tables of a database. All keys of a shard, volatile
// or not, are in one table that never rehashes, so the part about due times only
// tells their number.
func debugHTStats(c *command.Ctx) {
	db, ok := c.Int(2)
	if !ok {
		return
	}
	if db < 0 || db >= int64(c.KS.DBCount()) {
		c.Err("-ERR Out of range database")
		return
	}
	d := c.KS.DB(int(db))
	slots, overflow := d.TableSlots()
	text := "[Dictionary HT]\nHash table 0 stats (main hash table):\n"
	text += fmt.Sprintf(" table size: %d\n number of elements: %d\n", slots, d.Len())
	if len(c.Args) > 3 && c.Is(3, "full") {
		text += fmt.Sprintf(" overflow slots: %d\n", overflow)
	}
	text += fmt.Sprintf("[Expires HT]\n number of elements: %d\n", d.VolatileLen())
	c.W.Verbatim("txt", text)
}

// debugEncoding returns a form that describes one encoding of values, of which
// there are none yet: it refuses every value.
func debugEncoding(refusal string) func(*command.Ctx) {
	return func(c *command.Ctx) {
		if !c.DB.Find(c.KS.Key(c.Args[2])).OK() {
			c.Err(command.ErrNoSuchKey)
			return
		}
		c.Err(refusal)
	}
}

const (
	errNotHashTable = "-ERR The value stored at the specified key is not represented using an hash table"
	errNotListpack  = "-ERR Not a listpack encoded object."
	errNotQuicklist = "-ERR Not a quicklist encoded object."
)

// debugChangeReplID gives the data a new history.
func debugChangeReplID(c *command.Ctx) {
	c.Host.ChangeReplID()
	c.W.OK()
}

// debugPauseCron stops the periodic work of the server, or lets it go on.
func debugPauseCron(c *command.Ctx) {
	c.Host.PauseCron(leadingInt(c.Args[2]) != 0)
	c.W.OK()
}

// debugReload checks the options before it refuses.
func debugReload(c *command.Ctx) {
	for i := 2; i < len(c.Args); i++ {
		if !c.Is(i, "merge") && !c.Is(i, "noflush") && !c.Is(i, "nosave") {
			c.Err("-ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.")
			return
		}
	}
	refusePersistence(c)
}
