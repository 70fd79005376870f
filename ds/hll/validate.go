package hll

import "fmt"

// Validate walks a HyperLogLog made of operations of this package alone and
// returns what is wrong with it: runs that do not cover the registers exactly, a
// dense register above the highest rank, a cardinality that is cached and is not
// the estimate. For tests and checked builds.
func Validate(b []byte) error {
	if !Check(b) {
		return fmt.Errorf("hll: %d bytes are no HyperLogLog", len(b))
	}
	n, ok := Count(b)
	if !ok {
		return fmt.Errorf("hll: runs do not cover the registers")
	}
	if have, fresh := Cached(b); fresh && have != n {
		return fmt.Errorf("hll: cached cardinality %d, estimate %d", have, n)
	}
	if IsDense(b) {
		for i := range RegisterCount {
			if v := Register(b, i); v > rankMax {
				return fmt.Errorf("hll: register %d is %d", i, v)
			}
		}
	}
	return nil
}
