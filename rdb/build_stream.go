package rdb

import (
	"encoding/binary"

	"kvorum/ds/listpack"
	"kvorum/mem"
	"kvorum/object/stream"
)

// streamReader reads one stream.
type streamReader struct {
	*input
	s   stream.Stream
	t   byte
	now int64
	own []byte // name
}

func (b *Builder) buildStream(in *input, to target, t byte) mem.Handle {
	rec := stream.New(to.arena, to.key, to.access)
	r := &streamReader{input: in, t: t, now: b.NowMs, own: b.name}
	r.s.Open(rec, &b.buf)
	r.nodes()
	r.counters()
	for groups := r.length(); groups > 0 && r.err == nil; groups-- {
		r.group()
	}
	b.name = r.own
	return rec
}

func idAt(b []byte) stream.ID {
	return stream.ID{Ms: binary.BigEndian.Uint64(b), Seq: binary.BigEndian.Uint64(b[8:])}
}

func (r *streamReader) idLen() (id stream.ID) {
	id.Ms = r.length()
	id.Seq = r.length()
	return id
}

func (r *streamReader) nodes() {
	var last stream.ID
	begun := false
	for n := r.length(); n > 0 && r.err == nil; n-- {
		name := r.element()
		if r.err != nil {
			return
		}
		if len(name) != idSize {
			r.corrupt("Stream node key entry is not the size of a stream ID")
			return
		}
		base := idAt(name)
		lp := r.element()
		if r.err != nil {
			return
		}
		if _, ok := listpack.Validate(lp, false); !ok {
			r.corrupt("Stream listpack integrity check failed.")
			return
		}
		end, ok := stream.CheckNode(base, lp)
		switch {
		case !ok:
			r.corrupt("Stream listpack integrity check failed.")
			return
		case begun && !last.Less(base):
			r.corrupt("Listpack re-added with existing key")
			return
		}
		r.s.AddNode(base, lp)
		last, begun = end, true
	}
	if r.err == nil && begun {
		r.s.SetLastID(last)
	}
}

func (r *streamReader) counters() {
	length := r.length()
	last := r.idLen()
	deleted, added := stream.ID{}, length
	if r.t >= typeStream2 {
		r.idLen() // the first id, which the nodes tell
		deleted = r.idLen()
		added = r.length()
	}
	if r.err != nil {
		return
	}
	if length != r.s.Len() {
		r.corrupt("Stream length inconsistent with rax entries")
		return
	}
	if r.s.LastID().Less(last) {
		r.s.SetLastID(last)
	}
	r.s.SetMaxDeleted(deleted)
	r.s.SetAdded(added)
}

func (r *streamReader) group() {
	r.own = append(r.own[:0], r.element()...)
	last := r.idLen()
	read := int64(stream.ReadUnknown)
	if r.t >= typeStream2 {
		read = int64(r.length())
	}
	if r.err != nil {
		return
	}
	if r.t == typeStream1 {
		counters := r.s.Counters()
		read = counters.ReadUpTo(last)
	}
	g, ok := r.s.CreateGroup(r.own, last, read)
	if !ok {
		r.corrupt("Duplicated consumer group name %q", r.own)
		return
	}
	for n := r.length(); n > 0 && r.err == nil; n-- {
		b := r.next(idSize)
		if r.err != nil {
			return
		}
		id := idAt(b)
		time, count := int64(r.uint64()), int64(r.length())
		if r.err != nil {
			return
		}
		if _, ok := g.Hold(id, time, count); !ok {
			r.corrupt("Duplicated global PEL entry loading stream consumer group")
		}
	}
	assigned := 0
	for n := r.length(); n > 0 && r.err == nil; n-- {
		assigned += r.consumer(g)
	}
	if r.err == nil && assigned != g.PendingCount() {
		r.corrupt("NACK entry without consumer")
	}
}

// consumer reads a consumer and returns how many entries are pending with it.
func (r *streamReader) consumer(g stream.Group) (assigned int) {
	r.own = append(r.own[:0], r.element()...)
	seen := int64(r.uint64())
	active := seen
	if r.t >= typeStream3 {
		active = int64(r.uint64())
	}
	if r.err != nil {
		return 0
	}
	c, ok := g.CreateConsumer(r.own, r.now)
	if !ok {
		r.corrupt("Duplicate stream consumer detected")
		return 0
	}
	c.SetSeen(seen)
	c.SetActive(active)
	for n := r.length(); n > 0 && r.err == nil; n-- {
		b := r.next(idSize)
		if r.err != nil {
			return assigned
		}
		p, ok := g.Pending(idAt(b))
		switch {
		case !ok:
			r.corrupt("Consumer entry not found in group global PEL")
		case !p.Unassigned():
			r.corrupt("Duplicated consumer PEL entry loading a stream consumer group")
		default:
			g.Assign(p, c)
			assigned++
		}
	}
	return assigned
}
