// Package strcmd is the family of string commands: one file per command (or per
// few that share their body), each with its row and its handler.
//
// Handlers run under the locks of their keys' shards; see package command for
// what they may do. They check everything that can fail before they write, in
// Redis's order, since the order decides which error a client sees.
//
// I1: an Entry is used only until the next write to the database: commands of
// several keys look each up again. I2: what a handler feeds gives the same data
// at any later time: due times are absolute, sums of floats are values.
package strcmd

import (
	"kvorum/command"
	"kvorum/keyspace"
	"kvorum/object"
)

// Specs returns the rows of the family.
func Specs() []*command.Spec {
	return []*command.Spec{
		appendSpec,
		decrSpec, decrbySpec, incrSpec, incrbySpec, incrbyfloatSpec,
		getSpec, getdelSpec, getexSpec, getrangeSpec, getsetSpec, substrSpec,
		lcsSpec,
		mgetSpec, msetSpec, msetnxSpec,
		psetexSpec, setSpec, setexSpec, setnxSpec, setrangeSpec,
		strlenSpec,
	}
}

// isString reports whether the entry holds a string, and replies the error if
// it does not. An absent key passes.
func isString(c *command.Ctx, e keyspace.Entry) bool { return c.IsType(e, object.String) }

// fits reports whether a string of size bytes may become more bytes longer, and
// replies the error if not. What a master or a log says always fits.
func fits(c *command.Ctx, size, more int64) bool {
	total := size + more
	if (total > c.MaxBulk || total < size || total < more) && c.Sess.Flags&command.Internal == 0 {
		c.Err(command.ErrTooLong)
		return false
	}
	return true
}

// readWrite looks key 0 up for a command that replies the old value and stores
// another: two accesses, as frequency counters show.
func readWrite(c *command.Ctx) keyspace.Entry {
	e := c.Read(0)
	if e.OK() && e.Type() == object.String && c.LFU != nil {
		return c.Write(0)
	}
	return e
}

// written counts a change of key 0 and tells of it. existed says whether the
// key was there before.
func written(c *command.Ctx, existed bool, event string) {
	c.Dirty++
	if !existed {
		c.Notify(command.NotifyNew, "new", c.Keys[0].Bytes)
	}
	c.Notify(command.NotifyString, event, c.Keys[0].Bytes)
}

// replyString replies the string of an entry, null if there is none.
func replyString(c *command.Ctx, e keyspace.Entry) {
	if !e.OK() {
		c.W.Null()
		return
	}
	c.W.Bulk(c.StringOf(e))
}

// Parts of rows that many commands share.
var (
	keyRead   = []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}}
	keyUpdate = []command.KeySpec{{Flags: command.RW | command.Access | command.Update, Index: 1, Step: 1}}
	keyStore  = []command.KeySpec{{Flags: command.OW | command.Update, Index: 1, Step: 1}}

	argKey   = command.Arg{Name: "key", Type: "key", Key: 1}
	argValue = command.Arg{Name: "value", Type: "string"}
)

// Names of the commands and options that effects are made of.
var (
	setName       = []byte("SET")
	delName       = []byte("DEL")
	persistName   = []byte("PERSIST")
	pexpireatName = []byte("PEXPIREAT")
	pxatName      = []byte("PXAT")
	keepttlName   = []byte("KEEPTTL")
)
