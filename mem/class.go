package mem

// Size classes: every 8 bytes up to 128, four per doubling up to 1 KiB, eight
// per doubling up to 64 KiB; the worst rounding is 25 % just above 128 bytes
// and 12.5 % above 1 KiB. Larger blocks are whole pages.
//
// A span of a class holds as many pages as keep its unused tail under 2 %,
// at least 64 KiB and four blocks, at most 512 KiB. The first spans of a
// class in an arena are smaller and double, so that a nearly empty arena
// holds little.

const (
	fineMax    = 128      // classes every 8 bytes up to here
	quarterMax = 1024     // four classes per doubling up to here
	smallMax   = 64 << 10 // eight classes per doubling up to here
	classCount = 16 + 12 + 48
	classLarge = 0xff // span holding one block of whole pages

	fineStepShift   = 3 // classBySize8 has an entry per 8 bytes
	coarseStepShift = 7 // classBySize128 has an entry per 128 bytes

	spanPagesMin  = 8
	spanPagesMax  = 64
	spanBlocksMin = 4
)

// class describes one size class.
type class struct {
	size       uint32 // usable bytes of a block
	stride     uint32 // units from one block to the next
	pages      uint32 // pages of a full-sized span
	firstPages uint32 // pages of the first span in an arena
}

// classTables are the classes and the ways to find one.
type classTables struct {
	classes        [classCount]class
	classBySize8   [quarterMax>>fineStepShift + 1]uint8
	classBySize128 [smallMax>>coarseStepShift + 1]uint8
}

// tab is computed once from the rules above and never changes.
var tab = buildClasses()

func buildClasses() *classTables {
	t := new(classTables)
	n, size := 0, 0
	for size < smallMax {
		switch {
		case size < fineMax:
			size += 8
		case size < quarterMax:
			size += pow2Below(size) / 4
		default:
			size += pow2Below(size) / 8
		}
		t.classes[n] = makeClass(size)
		n++
	}
	c := 0
	for i := range t.classBySize8 {
		for int(t.classes[c].size) < i<<fineStepShift {
			c++
		}
		t.classBySize8[i] = uint8(c)
	}
	c = 0
	for i := range t.classBySize128 {
		for int(t.classes[c].size) < i<<coarseStepShift {
			c++
		}
		t.classBySize128[i] = uint8(c)
	}
	return t
}

// makeClass chooses the span sizes for blocks of size bytes.
func makeClass(size int) class {
	stride := size + redZone(size)
	waste := func(pages int) int { // per mille of the span
		return pages * pageSize % stride * 1000 / (pages * pageSize)
	}
	pages := max(spanPagesMin, (spanBlocksMin*stride+pageSize-1)/pageSize)
	best := pages
	for ; pages <= spanPagesMax; pages++ {
		if waste(pages) < waste(best) {
			best = pages
		}
		if waste(best) <= 20 {
			break
		}
	}
	first := (stride + pageSize - 1) / pageSize
	for first < best && waste(first) > 125 {
		first++
	}
	return class{
		size:       uint32(size),
		stride:     uint32(stride >> unitShift),
		pages:      uint32(best),
		firstPages: uint32(first),
	}
}

// pow2Below returns the largest power of two that is <= n.
func pow2Below(n int) int {
	p := 1
	for p*2 <= n {
		p *= 2
	}
	return p
}

// classOf returns the class for 1 <= size <= smallMax.
func classOf(size int) uint8 {
	if size <= quarterMax {
		return tab.classBySize8[(size+7)>>fineStepShift]
	}
	return tab.classBySize128[(size+127)>>coarseStepShift]
}

// RoundSize returns the usable bytes of the block that Alloc(size) would
// give, for 1 <= size <= MaxBlock. It touches no block and takes no lock:
// cheap enough to decide whether a value may be overwritten in place.
//
//kvorum:inline
func RoundSize(size int) int {
	if size <= smallMax {
		return int(tab.classes[classOf(size)].size)
	}
	return (size + pageSize - 1) &^ (pageSize - 1)
}
