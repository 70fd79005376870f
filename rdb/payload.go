package rdb

import (
	"encoding/binary"
	"errors"

	"kvorum/checksum"
	"kvorum/mem"
)

// CheckPayload reports whether a payload of DUMP is whole and of a version that can
// be read. With trust its check sum is not looked at.
func CheckPayload(b []byte, trust bool) bool {
	if len(b) < footerSize {
		return false
	}
	body := len(b) - wordSize
	if binary.LittleEndian.Uint16(b[len(b)-footerSize:]) > VersionRead {
		return false
	}
	sum := binary.LittleEndian.Uint64(b[body:])
	return trust || sum == checksum.CRC64(0, b[:body])
}

// Reason returns what is wrong without the name of the key.
func Reason(err error) string {
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		if p, ok := inner.(*problem); ok {
			return p.text
		}
		err = inner
	}
	return err.Error()
}

// BuildPayload makes the record of the value in a payload that CheckPayload accepted,
// as Build does.
func (b *Builder) BuildPayload(a *mem.Arena, key, payload []byte, access uint32, expiry bool) (mem.Handle, error) {
	b.in.setBytes(payload[:len(payload)-footerSize], 0)
	t := b.in.byte()
	return b.record(&b.in, target{a, key, access, expiry}, t, true)
}
