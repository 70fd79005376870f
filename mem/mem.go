// Package mem keeps the data of the store outside Go's heap: blocks of bytes
// in one reserved address range, named by handles that the garbage collector
// never looks at.
//
//	base                                                     base + range
//	| page 0 | span | span | free run | large block | ... not yet used  |
//	  nil      8 KiB pages, owned by a span or lying in a free run
//
//	Arena (one mutex each) ── size classes ── spans ── blocks
//	         pageHeap (one mutex)  ── free runs, coalesced
//
// A handle counts units of 8 bytes from the base of the range; 40 bits are
// enough for 8 TiB. An [Arena] cuts spans (runs of pages) into blocks of one
// size class, or gives a whole run to a block above 64 KiB. Spans come from
// one process-wide page heap; [Housekeep] returns what stayed free to the
// system and, with huge pages, faults memory in ahead of fast growth.
//
// Any goroutine may allocate and free in any arena: each arena has its own
// mutex. Lock order: arena before page heap; nothing else is taken below.
// The bytes of a block belong to whoever holds the handle; ordering accesses
// to them is the caller's business (in this program: the lock of a shard).
//
// Invariants:
//
//	I1  Every page is in exactly one of: a span, a free run, a run being
//	    worked on by Housekeep, the unused top of the range, or page 0.
//	I2  Two neighbouring free runs do not exist: they are one run.
//	I3  Used bytes of a kind = sum of BlockSize over the live blocks of that
//	    kind, at any moment the arena's mutex is free.
//	I4  Every address between the base and Limit stays readable for the life
//	    of the process, so reads through a stale handle give wrong bytes but
//	    never a fault. Callers that read ahead as a hint rely on it.
//	I5  A block starts at a multiple of 8 bytes; a block whose size is a
//	    multiple of 64 starts at a multiple of 64.
//
// Under the build tags race and memdebug the range is made of Go memory (the
// race detector does not see mapped memory), freed blocks are filled and kept
// in quarantine, a red zone follows each block, and access through Load,
// Store and View is checked against the block. Sizes and accounting are the
// same in all builds.
//
// The package must not know what the bytes mean, must not start goroutines
// and must not read a clock.
package mem

// Handle names a block, or 8 bytes inside one: it counts units of 8 bytes
// from the base of the range. 40 bits are used; 0 is no block.
type Handle uint64

// HandleBits is the number of low bits a Handle can use.
const HandleBits = 40

// UnitSize is the number of bytes a Handle counts by: h+1 lies UnitSize bytes
// after h.
const UnitSize = 8

// Kind says what a block is used for. It only steers accounting, and must be
// the same at Alloc and Free.
type Kind uint8

// The purposes memory is accounted under.
const (
	KindRecord Kind = iota // key records with inline values
	KindBlob               // large values and packed collections
	KindTable              // hash tables: buckets and directories
	KindTicket             // expiry tickets
	KindNode               // tree nodes
	KindOther              // all else
	KindCount              // number of kinds
)

// kindNames are the names of the kinds in reports.
var kindNames = [KindCount]string{"record", "blob", "table", "ticket", "node", "other"}

// String returns the name of the kind in reports.
func (k Kind) String() string {
	if k < KindCount {
		return kindNames[k]
	}
	return "unknown"
}

const (
	unitShift = 3                     // bytes to units
	pageShift = 13                    // bytes to pages
	pageSize  = 1 << pageShift        // bytes of a page
	pageUnits = pageShift - unitShift // units to pages, as a shift

	// MaxBlock is the largest size Alloc takes, in bytes.
	MaxBlock = 1 << 38
)

func (h Handle) page() uint32 { return uint32(h >> pageUnits) }

func handleOfPage(page uint32) Handle { return Handle(page) << pageUnits }
