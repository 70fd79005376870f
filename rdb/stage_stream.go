package rdb

import (
	"encoding/binary"

	"kvorum/mem"
	"kvorum/object/stream"
)

func (f *Form) stageStream(dst []byte, rec mem.Handle) []byte {
	var s stream.Stream
	var buf []byte
	s.Open(rec, &buf)
	dst = appendLenFrame(dst, s.NodeCount())
	for c := s.Nodes(stream.ID{}); c.Valid(); c.Next() {
		dst = f.StageStreamNode(dst, c)
	}
	return f.StageStreamTail(dst, rec)
}

// StageStreamNode appends the frames of the node of a stream that the cursor is on.
func (f *Form) StageStreamNode(dst []byte, c stream.NodeCursor) []byte {
	base, lp := c.Node()
	dst = binary.LittleEndian.AppendUint32(dst, frameString|idSize)
	dst = appendID(dst, base)
	return appendString(dst, lp)
}

func appendID(dst []byte, id stream.ID) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(dst, id.Ms), id.Seq)
}

func appendIDLen(dst []byte, id stream.ID) []byte { return appendLen(appendLen(dst, id.Ms), id.Seq) }

// StageStreamTail appends the frames of what follows the nodes of a stream: its
// counters and its groups.
func (f *Form) StageStreamTail(dst []byte, rec mem.Handle) []byte {
	var s stream.Stream
	var buf []byte
	s.Open(rec, &buf)
	dst, start := openRaw(dst)
	dst = appendIDLen(appendLen(dst, s.Len()), s.LastID())
	if f.Version >= versionListpacks {
		dst = appendIDLen(appendIDLen(dst, s.FirstID()), s.MaxDeleted())
		dst = appendLen(dst, s.Added())
	}
	dst = closeRaw(appendLen(dst, uint64(s.GroupCount())), start)
	groups := s.Groups()
	for c := groups.First(); c.Valid(); c.Next() {
		dst = f.stageGroup(dst, c.Group())
	}
	return dst
}

func (f *Form) stageGroup(dst []byte, g stream.Group) []byte {
	dst = appendString(dst, g.Name())
	dst, start := openRaw(dst)
	dst = appendIDLen(dst, g.Last())
	if f.Version >= versionListpacks {
		dst = appendLen(dst, uint64(g.Read()))
	}
	dst = appendLen(dst, uint64(g.PendingCount()))
	all := g.AllPending()
	for c := all.Seek(stream.ID{}); c.Valid(); c.Next() {
		p := c.Pending()
		dst = appendID(dst, p.ID())
		dst = binary.LittleEndian.AppendUint64(dst, uint64(p.Time()))
		dst = appendLen(dst, uint64(p.Count()))
	}
	dst = closeRaw(appendLen(dst, uint64(g.ConsumerCount())), start)
	consumers := g.Consumers()
	for c := consumers.First(); c.Valid(); c.Next() {
		dst = f.stageConsumer(dst, c.Consumer())
	}
	return dst
}

func (f *Form) stageConsumer(dst []byte, c stream.Consumer) []byte {
	dst = appendString(dst, c.Name())
	dst, start := openRaw(dst)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(c.Seen()))
	if f.Version >= versionSetListpack {
		dst = binary.LittleEndian.AppendUint64(dst, uint64(c.Active()))
	}
	dst = appendLen(dst, uint64(c.PendingCount()))
	own := c.AllPending()
	for p := own.Seek(stream.ID{}); p.Valid(); p.Next() {
		dst = appendID(dst, p.Pending().ID())
	}
	return closeRaw(dst, start)
}
