package table

import (
	"fmt"

	"kvorum/mem"
)

// Validate checks I1 to I4 and returns the first contradiction. Cost: the whole
// table and all its records.
func (t *Table) Validate(hasher Hasher) error {
	if t.buckets != 0 && t.buckets != t.mask+1+t.split {
		return fmt.Errorf("table: %d buckets with mask %#x and split %d", t.buckets, t.mask, t.split)
	}
	records, chained := uint32(0), uint32(0)
	for i := range t.buckets {
		for b := t.at(i); b != 0; b = next(b) {
			if b != t.at(i) {
				chained++
			}
			n, err := t.validateBucket(i, b, hasher)
			if err != nil {
				return err
			}
			records += n
		}
	}
	if records != t.count || chained != t.chained {
		return fmt.Errorf("table: counts %d records and %d overflow buckets, has %d and %d", t.count, t.chained, records, chained)
	}
	return nil
}

// validateBucket checks bucket b of the chain of primary bucket i and returns
// the number of its records.
func (t *Table) validateBucket(i uint32, b mem.Handle, hasher Hasher) (uint32, error) {
	n := uint32(0)
	last := next(b) == 0
	for s := range SlotCount {
		tag := mem.Load8(b, s)
		if tag == 0 {
			if !last && s != linkSlot {
				return 0, fmt.Errorf("table: bucket %d has an empty slot %d before the end of its chain", i, s)
			}
			continue
		}
		if !last && s == linkSlot {
			return 0, fmt.Errorf("table: bucket %d has a tag at its link", i)
		}
		n++
		hash := hasher.HashOf(slotHandle(b, s))
		if t.bucketOf(hash) != i || tagOf(hash) != tag {
			return 0, fmt.Errorf("table: bucket %d holds a record of bucket %d, tag %#x for %#x", i, t.bucketOf(hash), tag, tagOf(hash))
		}
	}
	if b != t.at(i) && n == 0 {
		return 0, fmt.Errorf("table: bucket %d has an empty overflow bucket", i)
	}
	return n, nil
}
