package hll

import (
	"encoding/binary"
	"fmt"
	"math"

	"kvorum/rng"
)

// What PFSELFTEST does: how often it writes all registers, and how many elements
// it adds.
const (
	SelfTestCycles   = 1000
	SelfTestElements = 10_000_000
)

const (
	// errorsMax is how many standard errors an estimate may be off: never seen
	// of one that works.
	errorsMax = 6
)

// SelfTest checks that dense registers keep what is written to them, and that the
// estimates of both representations agree and are near the truth on the way to
// a number of elements; cycles is how often all registers are written. The elements, and so the outcome, come from seed. The
// error's text is the reply of PFSELFTEST. It takes about a second for
// SelfTestCycles and SelfTestElements.
func SelfTest(seed uint64, sparseMax int64, cycles, elements int) error {
	if err := testRegisters(rng.New(seed), cycles); err != nil {
		return err
	}
	return testEstimates(seed, sparseMax, elements)
}

func testRegisters(r *rng.Rand, cycles int) error {
	b, want := make([]byte, DenseSize), new(Registers)
	for range cycles {
		clear(b[HeaderSize:])
		for i := range want {
			want[i] = uint8(r.Uint64() & rankMask)
			SetDense(b, i, want[i])
		}
		for i, v := range want {
			if have := Register(b, i); have != v {
				return fmt.Errorf("TESTFAILED Register %d should be %d but is %d", i, v, have)
			}
		}
	}
	return nil
}

func testEstimates(seed uint64, sparseMax int64, elements int) error {
	denseForm := make([]byte, DenseSize)
	mixed := AppendEmpty(nil)
	relative := 1.04 / math.Sqrt(RegisterCount)
	checkpoint := 1
	for n := 1; n <= elements; n++ {
		var element [8]byte
		binary.LittleEndian.PutUint64(element[:], uint64(n)^seed)
		index, rank := Hash(element[:])
		SetDense(denseForm, index, rank)
		var ok bool
		if mixed, _, ok = Raise(mixed, index, rank, sparseMax); !ok {
			return fmt.Errorf("TESTFAILED sparse encoding corrupted")
		}
		if n != checkpoint {
			continue
		}
		if int64(n) < sparseMax/2 && IsDense(mixed) {
			return fmt.Errorf("TESTFAILED sparse encoding not used")
		}
		have, _ := Count(denseForm)
		if other, _ := Count(mixed); other != have {
			return fmt.Errorf("TESTFAILED dense/sparse disagree")
		}
		most := uint64(math.Ceil(relative * errorsMax * float64(n)))
		if n == 10 {
			most = 1 // two elements of one register are not that rare
		}
		if off := uint64(max(int64(n)-int64(have), int64(have)-int64(n))); off > most {
			return fmt.Errorf("TESTFAILED Too big error. card:%d abserr:%d", n, off)
		}
		checkpoint *= 10
	}
	return nil
}
