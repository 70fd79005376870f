package rdb

import (
	"encoding/binary"
	"slices"

	"kvorum/ds/listpack"
	"kvorum/mem"
	"kvorum/object"
	"kvorum/object/list"
)

// StageNode appends the frames of a node of a list or a stream, given as its block: for
// who has no cursor on it any more.
func (f *Form) StageNode(dst []byte, t object.Type, node mem.Handle) []byte {
	block := mem.View(node, mem.BlockSize(node))
	if t == object.List {
		return f.stageListBlock(dst, block)
	}
	dst = binary.LittleEndian.AppendUint32(dst, frameString|idSize)
	dst = append(dst, block[:object.StreamNodeHead]...)
	return appendString(dst, listpack.Open(block[object.StreamNodeHead:]))
}

// stageListBlock is StageListNode for a node that may be pressed.
func (f *Form) stageListBlock(dst, block []byte) []byte {
	size := list.NodeSize(block)
	if f.Version < versionListpacks {
		lp := make([]byte, size)
		list.ReadNode(lp, block)
		return f.StageListNode(dst, lp)
	}
	dst = appendStringFrame(append(dst, 1, 0, 0, 0, nodePacked), size)
	start := len(dst)
	dst = slices.Grow(dst, size)[:start+size]
	list.ReadNode(dst[start:], block)
	return dst
}
