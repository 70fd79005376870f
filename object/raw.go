package object

import "kvorum/mem"

// MakeRaw makes the encoding of the string at h raw, as that of one that is
// changed in place; its bytes stay as they are. The string is not an integer.
func MakeRaw(h mem.Handle) {
	if d := Load(h); d.Encoding() != EncRaw {
		d.WithEncoding(EncRaw).Store(h)
	}
}
