package rdb

import (
	"encoding/binary"
	"math"

	"kvorum/checksum"
	"kvorum/ds/lzf"
	"kvorum/internal/invariants"
	"kvorum/mem"
	"kvorum/num"
)

// Options say how strings are written.
type Options struct {
	Compress bool // rdbcompression: long strings that become shorter are packed
}

// Finisher makes bytes of a file from frames. The zero value is ready. It belongs to
// one goroutine.
type Finisher struct {
	packer lzf.Packer
}

const (
	digitsMax = 11 // of an integer of 32 bits
	packMin   = 20 // a string that is packed is longer
	packGain  = 4  // bytes by which it becomes shorter, at least
)

// Finish appends to dst the bytes of a file that whole frames stand for. It needs no
// lock: staged is the caller's.
func (fin *Finisher) Finish(dst, staged []byte, o Options) []byte {
	for at := 0; at < len(staged); {
		word := binary.LittleEndian.Uint32(staged[at:])
		at += frameHead
		n := int(word &^ frameString)
		if n == frameMax {
			n = int(binary.LittleEndian.Uint64(staged[at:]))
			at += wordSize
		}
		if n > len(staged)-at {
			invariants.Fail("rdb: frame of %d bytes in %d", n, len(staged)-at)
		}
		b := staged[at : at+n]
		at += n
		if word&frameString == 0 {
			dst = append(dst, b...)
		} else {
			dst = fin.appendRDBString(dst, b, o)
		}
	}
	return dst
}

// appendRDBString appends a string in the shortest of its forms.
func (fin *Finisher) appendRDBString(dst, s []byte, o Options) []byte {
	if len(s) <= digitsMax {
		if n, ok := num.ParseInt64(s); ok && n == int64(int32(n)) {
			return appendInt(dst, n)
		}
	}
	if o.Compress && len(s) > packMin && len(s) <= math.MaxInt32 {
		if out, ok := fin.appendPacked(dst, s); ok {
			return out
		}
	}
	return append(appendLen(dst, uint64(len(s))), s...)
}

func appendInt(dst []byte, n int64) []byte {
	switch {
	case n == int64(int8(n)):
		return append(dst, lenEnc|encInt8, byte(n))
	case n == int64(int16(n)):
		return append(dst, lenEnc|encInt16, byte(n), byte(n>>8))
	}
	return binary.LittleEndian.AppendUint32(append(dst, lenEnc|encInt32), uint32(n))
}

// appendPacked appends a string in its packed form. The lengths before it are known
// only afterwards, so it is moved to its place.
func (fin *Finisher) appendPacked(dst, s []byte) (out []byte, ok bool) {
	start := len(dst)
	out, ok = fin.packer.Append(dst, s, len(s)-packGain)
	if !ok {
		return dst, false
	}
	var room [1 + 2*9]byte
	head := append(room[:0], lenEnc|encLZF)
	head = appendLen(appendLen(head, uint64(len(out)-start)), uint64(len(s)))
	out = append(out, head...)
	copy(out[start+len(head):], out[start:])
	copy(out[start:], head)
	return out, true
}

// footerSize is that of the end of a payload: its version, 2 bytes, and its sum.
const footerSize = 10

// AppendDump appends the payload of DUMP for the value of a record: type, value,
// version and check sum. scratch is for the frames, and is returned. The caller holds
// the lock of the record's shard.
func (fin *Finisher) AppendDump(dst, scratch []byte, rec mem.Handle, f *Form, o Options) (out, again []byte) {
	start := len(dst)
	scratch = f.StageValue(scratch[:0], rec)
	t := f.typeOf(rec)
	dst = append(dst, t)
	dst = fin.Finish(dst, scratch, o)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(versionOf(t, f.Version)))
	return binary.LittleEndian.AppendUint64(dst, checksum.CRC64(0, dst[start:])), scratch
}

// ValueLength returns the size of a value in a file as DEBUG OBJECT has it: without its
// type, and without what stands in front of a hash with TTLs on fields.
func (fin *Finisher) ValueLength(rec mem.Handle, f *Form, o Options) int {
	n := len(fin.Finish(nil, f.StageValue(nil, rec), o))
	if f.typeOf(rec) >= typeHashDue {
		n -= wordSize
	}
	return n
}
