package server

import (
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"syscall"
)

// memoryPasses is how often --test-memory goes over the memory.
const memoryPasses = 50

const (
	testMemoryUsage = "Please specify the amount of memory to test in megabytes.\n" +
		"Example: kvorum server --test-memory 4096\n\n"
	wordBytes = 8
)

// testMemory is --test-memory (COMPAT: test-memory: patterns and output are our
// own): it takes memory from the system, writes patterns
// and reads them back, and returns the exit status.
//
// Each pass writes, over the whole area before it reads any of it: the number of
// each word, random words, all bits off, all on, and alternating bits both ways.
// So a bit that is stuck, one that follows its neighbour, and an address line
// that is not wired are all found; caches do not help, if the area is larger.
func testMemory(args []string, passes int, out, problems io.Writer) int {
	megabytes := 0
	if len(args) == 1 {
		megabytes, _ = strconv.Atoi(args[0]) // what is no number is 0, and refused
	}
	if megabytes <= 0 {
		fmt.Fprint(problems, testMemoryUsage)
		return 1
	}
	area, err := syscall.Mmap(-1, 0, megabytes<<20, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		fmt.Fprintf(problems, "Unable to allocate %d megabytes: %s\n", megabytes, strerror(err))
		return 1
	}
	for pass := 1; pass <= passes; pass++ {
		fmt.Fprintf(out, "\rTesting %d MB: pass %d of %d", megabytes, pass, passes)
		if at := memoryPass(area, uint64(pass)); at >= 0 {
			fmt.Fprintf(out, "\n*** MEMORY ERROR DETECTED: word %d of the area does not keep what is written to it.\n", at)
			return 1
		}
	}
	fmt.Fprint(out, "\nYour memory passed this test.\nMemory that is in use by other programs has not been tested: "+
		"if you still have doubts, test the machine from outside its system, with memtest86+.\n")
	return 0
}

// memoryPass returns the index of a word that is wrong, -1 if there is none.
func memoryPass(area []byte, seed uint64) int {
	fixed := func(word uint64) func() func() uint64 {
		return func() func() uint64 { return func() uint64 { return word } }
	}
	for _, pattern := range []func() func() uint64{
		func() func() uint64 { n := uint64(0); return func() uint64 { n++; return n } },
		func() func() uint64 {
			r := seed * 0x9e3779b97f4a7c15
			return func() uint64 { r = xorshift(r); return r }
		},
		fixed(0), fixed(^uint64(0)), fixed(0x5555555555555555), fixed(0xaaaaaaaaaaaaaaaa),
	} {
		next := pattern()
		for i := 0; i+wordBytes <= len(area); i += wordBytes {
			binary.NativeEndian.PutUint64(area[i:], next())
		}
		next = pattern()
		for i := 0; i+wordBytes <= len(area); i += wordBytes {
			if binary.NativeEndian.Uint64(area[i:]) != next() {
				return i / wordBytes
			}
		}
	}
	return -1
}

func xorshift(r uint64) uint64 {
	r ^= r << 13
	r ^= r >> 7
	return r ^ r<<17
}
