// Package rdb turns data into the bytes of RDB files and DUMP payloads, and back.
//
// Writing has two stages, so that what is done while a shard is locked is copying
// only:
//
//	record -- Form.StageKey --> frames -- Finish --> bytes of the file
//
// Frames are what the file will have, with strings as they are. Finish writes
// strings that are integers as such and packs long ones; it looks at nothing else and
// needs no lock. A large collection may be staged in parts: StageHead with the number
// of its elements, then each of them with StageElement (fields, members; in any
// order), StageListNode or StageStreamNode (in order), and StageStreamTail behind the
// nodes of a stream. Between the head of a key and its last part nothing else may
// come into the file.
//
//	frame: | length 31 bits, string 1 bit; little endian | bytes |
//
// Reading is a walk over the file by a Scanner, which knows where each key begins and
// ends without understanding values, and a Builder, which makes records of them in a
// given arena. Several builders may work on what one scanner finds. What is read is
// never trusted: lengths are held against what there is, packed values are checked
// as a whole before anything looks at their parts, and elements must be distinct.
//
// I1: a value that was read is what a command could have made: no value but a stream
// is empty, a packed value is within the limits given. I2: an error names the place
// in bytes from the start, and leaves nothing allocated. I3: the memory used in
// reading is bounded by the size of the input times a constant (lzf.ExpandMax).
//
// The caller of what takes a record holds the lock of its shard. The package opens no
// files, and starts no goroutines; time is an argument.
package rdb
