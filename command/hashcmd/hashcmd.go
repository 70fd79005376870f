// Package hashcmd holds the commands on hashes, one file each.
//
// Handlers run as the package command says. Each replies and changes what
// Redis 7.2 does, in the same order of checks.
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
	}
}

var argKey = command.Arg{Name: "key", Type: "key", Key: 1}

// isHash reports whether the entry is absent or a hash; if not it replies the
// error.
func isHash(c *command.Ctx, e keyspace.Entry) bool { return c.IsType(e, object.Hash) }

// orNew returns the view of the key's hash, which is made if there is none.
func orNew(c *command.Ctx, e keyspace.Entry) hash.Hash {
	if e.OK() {
		return hash.Open(e.Rec)
	}
	k := c.Keys[0]
	rec := hash.New(c.DB.ArenaOf(k), k.Bytes, c.Access)
	c.DB.Add(k, rec)
	c.Notify(command.NotifyNew, "new", k.Bytes)
	return hash.Open(rec)
}

// changed tells that fields of the key's hash were set.
func changed(c *command.Ctx, event string, count int) {
	k := c.Keys[0]
	c.Dirty += count
	c.DB.Modified(k)
	c.Notify(command.NotifyHash, event, k.Bytes)
}
