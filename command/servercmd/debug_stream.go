package servercmd

import (
	"fmt"

	"kvorum/command"
	"kvorum/mem"
	"kvorum/object/stream"
)

// What DEBUG DIGEST and DEBUG OBJECT make of streams. A digest is of the entries:
// groups do not count.

// mixStream mixes, entry by entry, the id, "ms.seq", and fields and values.
func (d *digest) mixStream(c *command.Ctx, rec mem.Handle) {
	var s stream.Stream
	s.Open(rec, &c.Buf)
	for at := s.Seek(stream.ID{}); at.Valid(); at.Next() {
		d.mix(fmt.Appendf(nil, "%d.%d", at.ID().Ms, at.ID().Seq))
		for range at.Fields() {
			field, value := at.Pair()
			d.mix(field.Bytes(c.Scratch[:]))
			d.mix(value.Bytes(c.Scratch[:]))
		}
	}
}

// Bytes of a moment, and of an id as it is stored with entries, in an RDB file.
const (
	rdbTime = 8
	rdbID   = 16
)

// rdbStreamLength returns the bytes of a stream in an RDB file.
func rdbStreamLength(c *command.Ctx, rec mem.Handle) int {
	var s stream.Stream
	s.Open(rec, &c.Buf)
	n := rdbCountLength(uint64(s.NodeCount()))
	for at := s.Nodes(stream.ID{}); at.Valid(); at.Next() {
		_, packed := at.Node()
		n += 1 + rdbID + rdbLength(packed)
	}
	n += rdbCountLength(s.Len()) + rdbCountLength(s.Added())
	for _, id := range []stream.ID{s.LastID(), s.FirstID(), s.MaxDeleted()} {
		n += rdbIDLength(id)
	}
	n += rdbCountLength(uint64(s.GroupCount()))
	groups := s.Groups()
	for at := groups.First(); at.Valid(); at.Next() {
		n += rdbGroupLength(at.Group())
	}
	return n
}

// rdbGroupLength returns the bytes of a group, which holds what is pending twice: by
// id, and for each consumer.
func rdbGroupLength(g stream.Group) int {
	n := rdbLength(g.Name()) + rdbIDLength(g.Last()) + rdbCountLength(uint64(g.Read()))
	n += rdbCountLength(uint64(g.PendingCount()))
	all := g.AllPending()
	for at := all.Seek(stream.ID{}); at.Valid(); at.Next() {
		n += rdbID + rdbTime + rdbCountLength(uint64(at.Pending().Count()))
	}
	n += rdbCountLength(uint64(g.ConsumerCount()))
	consumers := g.Consumers()
	for at := consumers.First(); at.Valid(); at.Next() {
		consumer := at.Consumer()
		count := consumer.PendingCount()
		n += rdbLength(consumer.Name()) + 2*rdbTime + rdbCountLength(uint64(count)) + count*rdbID
	}
	return n
}

// rdbIDLength returns the bytes of an id as two numbers.
func rdbIDLength(id stream.ID) int { return rdbCountLength(id.Ms) + rdbCountLength(id.Seq) }
