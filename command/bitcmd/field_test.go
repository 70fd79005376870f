package bitcmd

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// The model computes with numbers of any size.

func model(f field, exact *big.Int, mode overflow) (int64, bool) {
	one := big.NewInt(1)
	span := new(big.Int).Lsh(one, f.width)
	least, greatest := big.NewInt(0), new(big.Int).Sub(span, one)
	if f.signed {
		half := new(big.Int).Lsh(one, f.width-1)
		least, greatest = new(big.Int).Neg(half), new(big.Int).Sub(half, one)
	}
	switch {
	case exact.Cmp(least) >= 0 && exact.Cmp(greatest) <= 0:
		return exact.Int64(), true
	case mode == fail:
		return 0, false
	case mode == saturate && exact.Sign() < 0:
		return least.Int64(), true
	case mode == saturate:
		return greatest.Int64(), true
	}
	low := new(big.Int).Mod(exact, span)
	if low.Cmp(greatest) > 0 {
		low.Sub(low, span)
	}
	return low.Int64(), true
}

func checkAdd(t *testing.T, f field, old, increment int64, mode overflow) {
	t.Helper()
	exact := new(big.Int).Add(big.NewInt(old), big.NewInt(increment))
	want, wantOK := model(f, exact, mode)
	if got, ok := f.add(old, increment, mode); ok != wantOK || got != want {
		t.Fatalf("%+v mode %d: %d + %d is %d %v, want %d %v", f, mode, old, increment, got, ok, want, wantOK)
	}
}

// checkSet: a field without sign takes the value as one of 64 bits without sign.
func checkSet(t *testing.T, f field, value int64, mode overflow) {
	t.Helper()
	exact := big.NewInt(value)
	_, greatest := f.bounds()
	switch {
	case !f.signed:
		exact.SetUint64(uint64(value))
	case mode == saturate && value < math.MinInt64+greatest+1:
		return // as Redis does it, which the script tests hold
	}
	want, wantOK := model(f, exact, mode)
	if got, ok := f.set(value, mode); ok != wantOK || got != want {
		t.Fatalf("%+v mode %d: setting %d gives %d %v, want %d %v", f, mode, value, got, ok, want, wantOK)
	}
}

func allFields() []field {
	var list []field
	for width := uint(1); width <= signedMax; width++ {
		list = append(list, field{width, true})
		if width <= unsignedMax {
			list = append(list, field{width, false})
		}
	}
	return list
}

// TestOverflowAgreesWithModel would show a bound that is off by one, or a sum
// that wraps around unseen.
func TestOverflowAgreesWithModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for _, f := range allFields() {
		least, greatest := f.bounds()
		edges := []int64{
			0, 1, -1, 2, -2, least, greatest, least - 1, greatest + 1, least / 2, greatest / 2,
			greatest - least, least - greatest, math.MinInt64, math.MaxInt64, math.MinInt64 + 1, math.MaxInt64 - 1,
		}
		for range 10 {
			edges = append(edges, int64(r.Uint64())>>r.IntN(64))
		}
		for mode := wrap; mode <= fail; mode++ {
			for _, value := range edges {
				checkSet(t, f, value, mode)
				for _, stored := range edges {
					checkAdd(t, f, f.extend(uint64(stored)), value, mode)
				}
			}
		}
	}
}

func FuzzOverflow(f *testing.F) {
	f.Add(uint8(8), true, int64(127), int64(1))
	f.Add(uint8(63), false, int64(-1), int64(math.MinInt64))
	f.Fuzz(func(t *testing.T, width uint8, signed bool, a, b int64) {
		kind := field{uint(width%unsignedMax) + 1, signed}
		for mode := wrap; mode <= fail; mode++ {
			checkSet(t, kind, a, mode)
			checkAdd(t, kind, kind.extend(uint64(a)), b, mode)
		}
	})
}
