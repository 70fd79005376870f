// Package zsetcmd holds the commands on sorted sets that do not wait, one file each.
//
// Handlers run as the package command says. Each replies and changes what
// Redis 7.2 does, in the same order of checks. [Pop] is told its key, so that a
// client that waited is served by the same code.
package zsetcmd

import (
	"kvorum/command"
	"kvorum/keyspace"
	"kvorum/object"
	"kvorum/object/zset"
)

// Specs returns the rows of the family.
func Specs() []*command.Spec {
	return []*command.Spec{
		bzmpopSpec, bzpopmaxSpec, bzpopminSpec,
		zaddSpec, zcardSpec, zcountSpec, zdiffSpec, zdiffstoreSpec, zincrbySpec, zinterSpec, zintercardSpec, zinterstoreSpec,
		zlexcountSpec, zmpopSpec, zmscoreSpec, zpopmaxSpec, zpopminSpec, zrandmemberSpec, zrangeSpec, zrangebylexSpec,
		zrangebyscoreSpec, zrangestoreSpec, zrankSpec, zremSpec, zremrangebylexSpec, zremrangebyrankSpec,
		zremrangebyscoreSpec, zrevrangeSpec, zrevrangebylexSpec, zrevrangebyscoreSpec, zrevrankSpec, zscanSpec, zscoreSpec,
		zunionSpec, zunionstoreSpec,
	}
}

// isZSet reports whether the entry is absent or a sorted set; if not it replies the
// error.
func isZSet(c *command.Ctx, e keyspace.Entry) bool { return c.IsType(e, object.ZSet) }

// open returns the view of the sorted set of an entry.
func open(c *command.Ctx, e keyspace.Entry) *zset.Set {
	s := &c.ZSets[0]
	s.Open(e.Rec)
	return s
}

// openNew returns the view of a new sorted set under the absent key k.
func openNew(c *command.Ctx, k keyspace.Key) *zset.Set {
	rec := zset.New(c.DB.ArenaOf(k), k.Bytes, c.Access)
	e := c.DB.Add(k, rec)
	c.Notify(command.NotifyNew, "new", k.Bytes)
	return open(c, e)
}

// Store puts the record of a sorted set, made in the key's arena, in place of
// whatever k holds, replies the number of members and tells event. A record without
// members is freed, and the key deleted.
func Store(c *command.Ctx, k keyspace.Key, rec *zset.Draft, event string) {
	n := rec.Len()
	if n == 0 {
		rec.Free()
		c.W.Int(0)
		c.RemoveStored(k)
		return
	}
	c.Store(k, rec.Rec)
	c.W.Int(int64(n))
	c.Notify(command.NotifyZSet, event, k.Bytes)
}

// removed tells of count members that are gone from the sorted set under k, whose
// entry is e, and deletes the key if those were all.
func removed(c *command.Ctx, k keyspace.Key, e keyspace.Entry, s *zset.Set, event string, count int) {
	c.Dirty += count
	c.Notify(command.NotifyZSet, event, k.Bytes)
	if s.Len() == 0 {
		c.Remove(k, e)
		return
	}
	c.DB.Modified(k)
}

// pairs replies the header of an array of n members, with or without scores: flat
// in RESP2, pairs in RESP3.
func pairs(c *command.Ctx, n int, withScores bool) {
	if withScores && c.W.Proto != 3 {
		n *= 2
	}
	c.W.Array(n)
}

// member replies a member of such an array.
func member(c *command.Ctx, name []byte, score float64, withScores bool) {
	if !withScores {
		c.W.Bulk(name)
		return
	}
	if c.W.Proto == 3 {
		c.W.Array(2)
	}
	c.W.Bulk(name)
	c.W.Double(score)
}
