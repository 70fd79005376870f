package rdb

import (
	"encoding/binary"
	"fmt"
)

// AppendHead appends what a file begins with.
func AppendHead(dst []byte, version int) []byte { return fmt.Appendf(dst, "%s%04d", magic, version) }

// AppendAux appends a field about the file.
func (fin *Finisher) AppendAux(dst []byte, name, text string) []byte {
	dst = fin.appendRDBString(append(dst, opAux), []byte(name), Options{})
	return fin.appendRDBString(dst, []byte(text), Options{})
}

// AppendDB appends that the keys of a database follow, and how many there are about.
func AppendDB(dst []byte, db int, keys, volatile int64) []byte {
	dst = appendLen(append(dst, opSelect), uint64(db))
	return appendLen(appendLen(append(dst, opResize), uint64(keys)), uint64(volatile))
}

// AppendFunction appends the code of a library of functions.
func (fin *Finisher) AppendFunction(dst, code []byte, o Options) []byte {
	return fin.appendRDBString(append(dst, opFunction), code, o)
}

// AppendEnd appends the end of a file but for its check sum, which is of all bytes
// up to here.
func AppendEnd(dst []byte) []byte { return append(dst, opEOF) }

// AppendSum appends the check sum, 0 for none.
func AppendSum(dst []byte, sum uint64) []byte { return binary.LittleEndian.AppendUint64(dst, sum) }
