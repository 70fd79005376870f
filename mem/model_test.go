package mem

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
)

// The model knows every live block and what is in it. Whatever the arena
// does, blocks must not overlap, must keep their contents, and the accounting
// must be exact to the byte; with everything freed, all pages must be free.

type modelBlock struct {
	h    Handle
	size int // asked for
	kind Kind
	seed byte
}

type model struct {
	t      testing.TB
	arenas [2]*Arena
	blocks [2][]modelBlock
	nowMs  int64
	seed   byte
}

func newModel(t testing.TB) *model {
	m := &model{t: t, nowMs: keeper.lastMs}
	for i := range m.arenas {
		m.arenas[i] = NewArena()
	}
	return m
}

func (m *model) alloc(i, size int, k Kind) {
	m.seed++
	h := m.arenas[i].Alloc(size, k)
	usable := BlockSize(h)
	if usable < size || usable != RoundSize(size) || RoundSize(usable) != usable {
		m.t.Fatalf("size %d: block of %d, RoundSize %d", size, usable, RoundSize(size))
	}
	if usable%64 == 0 && h%8 != 0 {
		m.t.Fatalf("block %#x of %d bytes is not aligned", uint64(h), usable)
	}
	b := modelBlock{h: h, size: usable, kind: k, seed: m.seed}
	paint(b)
	m.blocks[i] = append(m.blocks[i], b)
}

// paint fills a block; of large ones the ends and a byte per page.
func paint(b modelBlock) {
	v := View(b.h, b.size)
	step := 1
	if b.size > 4096 {
		step = 509
	}
	for i := 0; i < len(v); i += step {
		v[i] = b.seed + byte(i)
	}
	v[len(v)-1] = b.seed
}

func (m *model) check(b modelBlock) {
	v := View(b.h, b.size)
	step := 1
	if b.size > 4096 {
		step = 509
	}
	for i := 0; i < len(v)-1; i += step {
		if v[i] != b.seed+byte(i) {
			m.t.Fatalf("block %#x of %d bytes changed at %d", uint64(b.h), b.size, i)
		}
	}
	if v[len(v)-1] != b.seed {
		m.t.Fatalf("block %#x of %d bytes changed at its end", uint64(b.h), b.size)
	}
}

func (m *model) free(i, at int) {
	blocks := m.blocks[i]
	b := blocks[at]
	m.check(b)
	if b.seed%2 == 0 {
		Free(b.h, b.kind)
	} else {
		m.arenas[i].Free(b.h, b.kind)
	}
	blocks[at] = blocks[len(blocks)-1]
	m.blocks[i] = blocks[:len(blocks)-1]
}

// move does what a compactor does with every block of an evacuating span.
func (m *model) move(i int) {
	for at := range m.blocks[i] {
		b := &m.blocks[i][at]
		if !Evacuating(b.h) {
			continue
		}
		to := m.arenas[i].Alloc(b.size, b.kind)
		if Evacuating(to) {
			m.t.Fatalf("Alloc gave %#x of an evacuating span", uint64(to))
		}
		copy(View(to, b.size), View(b.h, b.size))
		m.arenas[i].Free(b.h, b.kind)
		b.h = to
	}
}

// step does what 4 bytes of op say.
func (m *model) step(op [4]byte) {
	i := int(op[0]) & 1
	n := int(binary.LittleEndian.Uint16(op[2:]))
	switch c := op[0] >> 1 % 16; {
	case c < 7: // sizes up to 64 KiB, small ones more often
		m.alloc(i, 1+n>>(op[1]%12), Kind(op[1]>>4)%KindCount)
	case c == 7 && len(m.blocks[i]) < 2000:
		m.alloc(i, 1+n*(1+int(op[1])%48), Kind(op[1]>>4)%KindCount)
	case c < 13:
		if len(m.blocks[i]) > 0 {
			m.free(i, n%len(m.blocks[i]))
		}
	case c == 13:
		m.nowMs += int64(op[1]) * 8
		Housekeep(m.nowMs)
	case c == 14:
		m.arenas[i].MarkSparse(int(op[1])%100, n<<4)
		if op[1]&1 == 0 {
			m.move(i)
		}
		if op[1]&2 == 0 {
			m.arenas[i].UnmarkSparse()
		}
	case c == 15 && op[1] < 8: // drop most of an arena
		for len(m.blocks[i]) > 10 {
			m.free(i, n%len(m.blocks[i]))
		}
	case c == 15 && op[1] < 32:
		m.verify()
	}
}

// verify compares everything with the model.
func (m *model) verify() {
	t := m.t
	validateHeap(t)
	var all []modelBlock
	for i, a := range m.arenas {
		validateArena(t, a)
		var want Stats
		walked := map[Handle]int{}
		a.Walk(func(h Handle, size int) { walked[h] = size })
		for _, b := range m.blocks[i] {
			m.check(b)
			want.Used[b.kind] += int64(b.size)
			want.Total += int64(b.size)
			if walked[b.h] != b.size {
				t.Fatalf("Walk says block %#x has %d bytes, want %d", uint64(b.h), walked[b.h], b.size)
			}
		}
		if len(walked) != len(m.blocks[i]) {
			t.Fatalf("Walk found %d blocks, want %d", len(walked), len(m.blocks[i]))
		}
		if got := a.Stats(); got.Used != want.Used || got.Total != want.Total || a.UsedBytes() != want.Total {
			t.Fatalf("arena has %+v used %d, want %+v", got, a.UsedBytes(), want)
		}
		all = append(all, m.blocks[i]...)
	}
	slices.SortFunc(all, func(x, y modelBlock) int { return int(int64(x.h) - int64(y.h)) })
	for i := 1; i < len(all); i++ {
		if all[i-1].h+Handle((all[i-1].size+7)/8) > all[i].h {
			t.Fatalf("blocks overlap: %+v %+v", all[i-1], all[i])
		}
	}
}

// finish frees everything, block by block in one arena and at once in the
// other.
func (m *model) finish() {
	m.verify()
	for len(m.blocks[0]) > 0 {
		m.free(0, len(m.blocks[0])/2)
	}
	m.arenas[1].Close()
	if n := m.arenas[0].UsedBytes(); n != 0 {
		m.t.Fatalf("%d bytes used by no block", n)
	}
	settle(m.t)
	if s := m.arenas[0].Stats(); s != (Stats{}) {
		m.t.Fatalf("an arena without blocks holds %+v", s)
	}
	m.arenas[0].Close()
	wantAllFree(m.t)
}

func FuzzModel(f *testing.F) {
	f.Add([]byte{0, 0, 64, 0, 0, 0, 64, 0, 16, 0, 0, 0, 28, 40, 0xff, 0xff, 26, 200, 0, 0})
	f.Add(slices.Repeat([]byte{2, 3, 0, 1, 4, 0x24, 0, 3, 14, 9, 0, 200, 18, 0, 7, 0, 30, 20, 0, 0}, 20))
	f.Fuzz(func(t *testing.T, ops []byte) {
		m := newModel(t)
		for ; len(ops) >= 4; ops = ops[4:] {
			m.step([4]byte(ops))
		}
		m.finish()
	})
}

// TestRandomAgainstModel is the fuzz test from seeds, longer than a fuzzer
// would make its inputs.
func TestRandomAgainstModel(t *testing.T) {
	steps := 30000
	if debugBuild || testing.Short() {
		steps = 6000
	}
	for seed := range uint64(3) {
		rng := rand.New(rand.NewPCG(seed, 7))
		m := newModel(t)
		t.Logf("seed %d", seed)
		for range steps {
			var op [4]byte
			binary.LittleEndian.PutUint32(op[:], rng.Uint32())
			if op[0]>>1%16 == 7 && rng.IntN(8) > 0 {
				continue // large blocks are slow to paint
			}
			m.step(op)
		}
		m.finish()
	}
}
