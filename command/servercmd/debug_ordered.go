package servercmd

import (
	"fmt"

	"kvorum/command"
	"kvorum/mem"
	"kvorum/num"
	"kvorum/object"
	"kvorum/object/list"
	"kvorum/object/zset"
)

// What DEBUG DIGEST and DEBUG OBJECT make of lists, whose elements count in their
// order, and of sorted sets, whose members count in any.

// mixList mixes the elements.
func (d *digest) mixList(c *command.Ctx, rec mem.Handle) {
	l := &c.List
	l.Open(rec, c.Packing.List, &c.Buf)
	var at list.Cursor
	for l.At(0, &at); at.Valid(); at.Next() {
		d.mix(at.Value().Bytes(c.Scratch[:]))
	}
}

// addZSet adds, for each member, a digest of it mixed with its score.
func (d *digest) addZSet(c *command.Ctx, rec mem.Handle) {
	s := &c.ZSets[0]
	s.Open(rec)
	var at zset.Cursor
	for s.At(0, &at); at.Valid(); at.Next() {
		var e digest
		e.mix(at.Member())
		e.mix(num.AppendGrisu(c.Scratch[:0], at.Score()))
		d.add(e[:])
	}
}

// quicklistFields returns what DEBUG OBJECT tells of a quicklist beyond the fields
// of all values.
func quicklistFields(c *command.Ctx, rec mem.Handle) string {
	if object.Load(rec).Encoding() != object.EncQuicklist {
		return ""
	}
	l := &c.List
	l.Open(rec, c.Packing.List, &c.Buf)
	nodes, size, compressed := 0, 0, 0
	l.Blocks(func(block []byte) {
		nodes++
		size += list.NodeSize(block)
	})
	if c.Packing.List.Depth > 0 || l.Pressed() {
		compressed = 1
	}
	return fmt.Sprintf(" ql_nodes:%d ql_avg_node:%.2f ql_listpack_max:%d ql_compressed:%d ql_uncompressed_size:%d",
		nodes, float64(l.Len())/float64(nodes), c.Packing.List.Size(), compressed, size)
}
