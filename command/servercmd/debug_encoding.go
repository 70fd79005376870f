package servercmd

import (
	"fmt"
	"slices"

	"kvorum/command"
	"kvorum/ds/listpack"
	"kvorum/ds/table"
	"kvorum/mem"
	"kvorum/object"
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
	text := "[Dictionary HT]\n" + tableStats(slots, d.Len())
	if len(c.Args) > 3 && c.Is(3, "full") {
		text += fmt.Sprintf(" overflow slots: %d\n", overflow)
	}
	text += fmt.Sprintf("[Expires HT]\n number of elements: %d\n", d.VolatileLen())
	c.W.Verbatim("txt", text)
}

// found returns the record that argument 2 names, if it has one of some encodings;
// ok is false after the error reply.
func found(c *command.Ctx, refusal string, encodings ...object.Encoding) (rec mem.Handle, ok bool) {
	e := c.DB.Find(c.KS.Key(c.Args[2]))
	switch {
	case !e.OK():
		c.Err(command.ErrNoSuchKey)
	case !slices.Contains(encodings, object.Load(e.Rec).Encoding()):
		c.Err(refusal)
	default:
		return e.Rec, true
	}
	return 0, false
}

const (
	errNotHashTable = "-ERR The value stored at the specified key is not represented using an hash table"
	errNotListpack  = "-ERR Not a listpack encoded object."
	errNotQuicklist = "-ERR Not a quicklist encoded object."
)

// debugHTStatsKey describes the table of a value. Its places lie in buckets, of
// which there is no chain, so the long form has nothing to add.
func debugHTStatsKey(c *command.Ctx) {
	rec, ok := found(c, errNotHashTable, object.EncHashtable, object.EncSkiplist, object.EncHashtableEx)
	if !ok {
		return
	}
	t := table.Load(object.Root(rec))
	c.W.Verbatim("txt", tableStats(int64(t.Buckets())*table.SlotCount, int64(t.Len())))
}

func tableStats(slots, count int64) string {
	return fmt.Sprintf("Hash table 0 stats (main hash table):\n table size: %d\n number of elements: %d\n", slots, count)
}

// debugListpack writes the elements of a listpack to the log.
func debugListpack(c *command.Ctx) {
	if rec, ok := found(c, errNotListpack, object.EncListpack, object.EncListpackEx); ok {
		logListpack(c, object.PackedBytes(rec), true)
		c.W.Simple("Listpack structure printed on stdout")
	}
}

// debugQuicklist writes the nodes of a list to the log, with their elements if
// argument 3 is not 0.
func debugQuicklist(c *command.Ctx) {
	rec, ok := found(c, errNotQuicklist, object.EncQuicklist)
	if !ok {
		return
	}
	full := len(c.Args) > 3 && leadingInt(c.Args[3]) != 0
	c.List.Open(rec, c.Packing.List, &c.Buf)
	c.List.Nodes(func(packed []byte) { logListpack(c, packed, full) })
	c.W.Simple("Quicklist structure printed on stdout")
}

// logListpack writes the size of a listpack to the log, and its elements if they are
// asked for.
//
// COMPAT: debug-forms: Redis writes to the standard output, whatever logfile says.
func logListpack(c *command.Ctx, lp []byte, full bool) {
	c.Host.Log(fmt.Sprintf("listpack: %d bytes, %d elements", len(lp), listpack.Count(lp)))
	if !full {
		return
	}
	for p := listpack.HeaderSize; p < listpack.End(lp); {
		v, next := listpack.At(lp, p)
		c.Host.Log(fmt.Sprintf("%d: %q", p, v.Bytes(c.Scratch[:])))
		p = next
	}
}

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
