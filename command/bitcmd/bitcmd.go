// Package bitcmd is the family of bitmap commands, which see strings as rows of
// bits: one file per command, each with its row and its handler. The bits
// themselves are counted, searched and combined in ds/bitmap.
//
// Handlers run under the locks of their keys' shards; see package command for
// what they may do. They check everything that can fail before they write, in
// Redis's order, since the order decides which error a client sees.
//
// I1: an Entry is used only until the next write to the database: commands of
// several keys look each up again. I2: a command that finds nothing to change
// counts no change, feeds nothing and wakes no watcher, though the string may
// have become raw. I3: what changed is fed as it was asked for.
//
// The package must not keep views of strings between commands, nor make a
// string longer than the bits that were named need.
package bitcmd

import (
	"kvorum/command"
	"kvorum/keyspace"
	"kvorum/num"
	"kvorum/object"
)

// Specs returns the rows of the family.
func Specs() []*command.Spec {
	return []*command.Spec{
		bitcountSpec, bitfieldSpec, bitfieldRoSpec, bitopSpec, bitposSpec, getbitSpec, setbitSpec,
	}
}

const (
	errOffset = "-ERR bit offset is not an integer or out of range"

	byteBits = 8
)

// isString reports whether the entry holds a string, and replies the error if
// it does not. An absent key passes.
func isString(c *command.Ctx, e keyspace.Entry) bool { return c.IsType(e, object.String) }

// bitsOf returns the bytes of a string's entry, nil for an absent key: borrowed.
func bitsOf(c *command.Ctx, e keyspace.Entry) []byte {
	if !e.OK() {
		return nil
	}
	return object.StringView(e.Rec, c.Scratch[:])
}

// offset returns argument i as a position in bits; ok is false after the error
// reply. With width, "#5" is the start of the sixth field of as many bits.
func offset(c *command.Ctx, i int, width int64) (at int64, ok bool) {
	arg, factor := c.Args[i], int64(1)
	if width > 0 && len(arg) > 0 && arg[0] == '#' {
		arg, factor = arg[1:], width
	}
	at, ok = num.ParseInt64(arg)
	at *= factor // may wrap around, to a position like any other
	if !ok || at < 0 || at/byteBits >= c.MaxBulk && c.Sess.Flags&command.Internal == 0 {
		c.Err(errOffset)
		return 0, false
	}
	return at, true
}

// target is the string that a command writes bits into.
type target struct {
	bits    []byte // borrowed
	created bool
	longer  bool // it was made to hold the bits, or lengthened
}

// open looks key 0 up for writing bits up to position last, and makes its
// string raw and long enough; ok is false after the error reply.
func open(c *command.Ctx, last int64) (t target, ok bool) {
	e := c.Write(0)
	if !isString(c, e) {
		return t, false
	}
	k, size := c.Keys[0], int(last/byteBits)+1
	if e.OK() {
		have := object.StringLen(e.Rec)
		t.longer = size > have
		e = c.DB.Unshare(k, e, max(size, have))
	} else {
		t.created, t.longer = true, true
		e = c.DB.Create(k, size, c.Access)
		c.Notify(command.NotifyNew, "new", k.Bytes)
	}
	t.bits = object.WritableString(e.Rec)
	return t, true
}

// changed counts changes of the bits of key 0 and tells of them.
func changed(c *command.Ctx, count int) {
	c.Dirty += count
	c.DB.Modified(c.Keys[0])
	c.Notify(command.NotifyString, "setbit", c.Keys[0].Bytes)
}

// Parts of rows that several commands share.
var (
	keyRead = []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}}

	argKey      = command.Arg{Name: "key", Type: "key", Key: 1}
	argOffset   = command.Arg{Name: "offset", Type: "integer"}
	argEncoding = command.Arg{Name: "encoding", Type: "string"}
	argUnit     = command.Arg{Name: "unit", Type: "oneof", Since: "7.0.0", Optional: true, Args: []command.Arg{
		{Name: "byte", Type: "pure-token", Token: "BYTE"},
		{Name: "bit", Type: "pure-token", Token: "BIT"},
	}}

	unitHistory = []command.Change{{Since: "7.0.0", Text: "Added the `BYTE|BIT` option."}}
)
