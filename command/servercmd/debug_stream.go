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
