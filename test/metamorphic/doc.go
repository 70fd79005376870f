// Package metamorphic does the same things to the same data in different ways, and
// expects the same replies and the same data in the end. It compares kvorum with
// itself: what a right reply is, other tests show.
//
//	               ┌─► plain: the directives' defaults, one loop     ──► replies, digest
//	seed ──► stream┼─► packed, spread, changing: other thresholds of encodings ──┤ equal
//	               ├─► loops: several event loops                       ──┤
//	               └─► multi: in transactions                           ──┘
//
// A stream is a number of requests over a few keys of all types, made from templates
// and a seed. Ways are a table: one that gets its data through a file, another
// server or a script is a row more.
//
//	go test ./test/metamorphic -seed 7         stream 7 first
//	go test ./test/metamorphic -seconds 600    a longer run, from a new seed
//	METAMORPHIC_SECONDS=600                    the same from outside
//
// I1: nothing in a stream depends on the time at which it runs, or on chance: where a
// reply does, only its shape is compared. I2: what a template's mark allows to differ
// is the order of elements of hashes and sets, nothing else.
//
// Tests only; no package of the program may import it.
package metamorphic
