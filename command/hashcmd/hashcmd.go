// Package hashcmd holds the commands on hashes, one file each.
//
// Handlers run as the package command says. Each replies and changes what
// Redis 7.2 does, in the same order of checks; those on the TTL of fields what
// Redis 7.4 does.
package hashcmd

import (
	"kvorum/command"
	"kvorum/keyspace"
	"kvorum/object"
	"kvorum/object/hash"
)

// Specs returns the rows of the family.
func Specs() []*command.Spec {
	return []*command.Spec{
		hdelSpec, hexistsSpec, hgetSpec, hgetallSpec, hincrbySpec, hincrbyfloatSpec, hkeysSpec, hlenSpec,
		hmgetSpec, hmsetSpec, hrandfieldSpec, hscanSpec, hsetSpec, hsetnxSpec, hstrlenSpec, hvalsSpec,

		hexpireSpec, hexpireatSpec, hexpiretimeSpec, hpersistSpec, hpexpireSpec, hpexpireatSpec, hpexpiretimeSpec,
		hpttlSpec, httlSpec,
	}
}

var argKey = command.Arg{Name: "key", Type: "key", Key: 1}

// openHash makes h the view of the hash of the key's entry; ok is false after the error
// reply for another type. Fields that are due go, and with the last one the hash: the
// entry is that of an absent key then. Of an absent key there is no view.
func openHash(c *command.Ctx, e *keyspace.Entry, h *hash.Hash) (ok bool) {
	if !e.OK() {
		return true
	}
	d := object.Load(e.Rec)
	if d.Type() != object.Hash {
		c.WrongType()
		return false
	}
	if d.Timed() {
		return openTimed(c, e, h)
	}
	h.Open(e.Rec, 0)
	return true
}

func openTimed(c *command.Ctx, e *keyspace.Entry, h *hash.Hash) (ok bool) {
	if c.DueFields(c.Keys[0], e); e.OK() {
		h.Open(e.Rec, c.FieldsNow())
	}
	return true
}

// orNew makes h the view of a new hash of the key, if there is none.
func orNew(c *command.Ctx, e keyspace.Entry, h *hash.Hash) {
	if e.OK() {
		return
	}
	k := c.Keys[0]
	rec := hash.New(c.DB.ArenaOf(k), k.Bytes, c.Access)
	c.DB.Add(k, rec)
	c.Notify(command.NotifyNew, "new", k.Bytes)
	h.Open(rec, 0)
}

// changed tells that fields of the key's hash were set.
func changed(c *command.Ctx, event string, count int) {
	k := c.Keys[0]
	c.Dirty += count
	c.DB.Modified(k)
	c.Notify(command.NotifyHash, event, k.Bytes)
}
