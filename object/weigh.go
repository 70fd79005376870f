package object

import (
	"kvorum/ds/table"
	"kvorum/mem"
)

// Weigh returns the bytes of memory of the record at h and of its value. Of a hash or
// set in a table it looks at samples elements and takes the others to be like them,
// unless samples is 0 or there are no more.
func Weigh(h mem.Handle, samples int) (bytes int) {
	add := func(b mem.Handle) { bytes += mem.BlockSize(b) }
	d := Load(h)
	if d.Type() == String || d.Encoding() != EncHashtable || samples == 0 {
		Blocks(h, add)
		return bytes
	}
	root := Root(h)
	t := table.Load(root)
	if t.Len() <= samples {
		Blocks(h, add)
		return bytes
	}
	var w table.Walker
	for range samples {
		e, _ := t.Next(&w)
		elementBlocks(e, add)
	}
	bytes = int(float64(bytes) / float64(samples) * float64(t.Len()))
	add(h)
	add(root)
	return bytes + t.Bytes()
}
