package rdb

import (
	"encoding/binary"

	"kvorum/ds/listpack"
	"kvorum/mem"
	"kvorum/object"
)

// StageNode appends the frames of a node of a list or a stream, given as its block: for
// who has no cursor on it any more.
func (f *Form) StageNode(dst []byte, t object.Type, node mem.Handle) []byte {
	block := mem.View(node, mem.BlockSize(node))
	if t == object.List {
		return f.StageListNode(dst, listpack.Open(block))
	}
	dst = binary.LittleEndian.AppendUint32(dst, frameString|idSize)
	dst = append(dst, block[:object.StreamNodeHead]...)
	return appendString(dst, listpack.Open(block[object.StreamNodeHead:]))
}
