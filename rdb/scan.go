package rdb

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"kvorum/internal/invariants"
)

// Kind says what an Item is.
type Kind uint8

// What a file consists of.
const (
	KindKey Kind = iota
	KindAux
	KindSelect   // the keys of another database follow
	KindResize   // how many keys a database has
	KindFunction // a library of functions
	KindModule   // what a module keeps beside keys: passed over
	KindEnd
)

// Item is a part of a file. Its bytes are borrowed until the next one is asked for.
type Item struct {
	Kind Kind
	At   int64 // where it begins, in bytes from the start of the file
	DB   int   // of keys and sizes

	// Of a key:
	Key   []byte
	Value []byte // as in the file; nil if the value is so large that it is still to be read (Large)
	Type  byte
	Due   int64 // Unix milliseconds, -1 without
	Freq  int   // counter of accesses, -1 without
	Idle  int64 // seconds, -1 without
	start int64 // where the value begins

	Name, Text     []byte // of an aux field; Text of a function; Name of a module
	Keys, Volatile uint64 // of a database
}

// Large reports whether the value is to be built from the scanner, by
// [Builder.BuildLarge], before the next item.
func (it *Item) Large() bool { return it.Kind == KindKey && it.Value == nil }

// TypeName returns the name that the tools have for the type of the value.
func (it *Item) TypeName() string { return typeName(it.Type) }

// OfModule reports whether the value is one of a module, which cannot be built.
func (it *Item) OfModule() bool { return it.Type == typeModule }

// TypeName returns the name that the tools have for a type of values.
func TypeName(t byte) string { return typeName(t) }

// largeMin is the size from which a value is not handed over as a whole.
const largeMin = 4 << 20

// Doing says what a scanner was doing when it failed, as the tools call it.
type Doing string

// What a scanner does.
const (
	DoingStart    Doing = "start"
	DoingType     Doing = "read-type"
	DoingExpire   Doing = "read-expire"
	DoingKey      Doing = "read-key"
	DoingValue    Doing = "read-object-value"
	DoingSum      Doing = "check-sum"
	DoingLen      Doing = "read-len"
	DoingAux      Doing = "read-aux"
	DoingModule   Doing = "read-module-aux"
	DoingFunction Doing = "read-functions"
)

// Scanner finds the parts of a file one after the other. It understands values only
// as far as to know where they end.
type Scanner struct {
	in      *input
	version int
	db      int
	item    Item
	begun   bool
	pending bool // a large value has not been read
	checked bool // rdbchecksum: the sum at the end is looked at
	sum     Sum
	doing   Doing
	key     []byte // the last one, a copy
	hasKey  bool
}

// Sum says what was found of a file's check sum.
type Sum uint8

// The findings.
const (
	SumNone  Sum = iota // the version has none
	SumOff              // the writer made none
	SumRight            // it is right, or was not looked at
)

// NewScanner returns a scanner of what a reader gives. With check its sum is looked
// at.
func NewScanner(src io.Reader, check bool) *Scanner {
	s := &Scanner{in: newInput(src), checked: check, doing: DoingStart}
	s.in.noSum = !check
	return s
}

// Version returns the version of the file, once the first item is there.
func (s *Scanner) Version() int { return s.version }

// Offset returns how many bytes were taken of the file.
func (s *Scanner) Offset() int64 { return s.in.at() }

// Sum returns what was found of the check sum, once the end was reached.
func (s *Scanner) Sum() Sum { return s.sum }

// Doing returns what the scanner was doing when it failed.
func (s *Scanner) Doing() Doing { return s.doing }

// Broken returns the key, and the type of the value, in which the scanner failed or
// the last value is wrong; ok is false if it was in none.
func (s *Scanner) Broken() (key []byte, t byte, ok bool) { return s.key, s.item.Type, s.hasKey }

// Rest returns bytes that were read behind the end of the file, in front of what the
// reader still has: an append only file goes on with commands there.
func (s *Scanner) Rest() []byte { return s.in.buf[s.in.r:] }

// Next returns the next part of the file. The error tells what is wrong and where.
func (s *Scanner) Next() (*Item, error) {
	if s.pending {
		invariants.Fail("rdb: a large value was not read")
	}
	if !s.begun {
		if err := s.begin(); err != nil {
			return nil, err
		}
	}
	s.hasKey = false
	s.item = Item{DB: s.db, Due: -1, Freq: -1, Idle: -1, At: s.in.at()}
	for {
		s.doing = DoingType
		op := s.in.byte()
		if s.in.err != nil {
			return nil, s.fail()
		}
		done := true
		if op >= firstOperation {
			done = s.operation(op)
		} else {
			s.value(op)
		}
		if s.in.err != nil {
			return nil, s.fail()
		}
		if done {
			return &s.item, nil
		}
	}
}

// ErrVersion is when the file is of a version that is not known.
var ErrVersion = errors.New("version")

// ErrSignature is when the file does not begin as RDB files do.
var ErrSignature = errors.New("Wrong signature trying to load DB from file")

// begin reads the head of the file.
func (s *Scanner) begin() error {
	head := s.in.next(len(magic) + 4)
	if s.in.err != nil {
		return s.fail()
	}
	if string(head[:len(magic)]) != magic {
		return ErrSignature
	}
	version, err := strconv.Atoi(string(head[len(magic):]))
	if err != nil || version < 1 || version > VersionRead {
		return newProblem(ErrVersion, "Can't handle RDB format version %d", version)
	}
	s.version, s.begun = version, true
	return nil
}

// fail returns the error of the input with the place.
func (s *Scanner) fail() error {
	err := s.in.err
	if s.hasKey {
		return fmt.Errorf("key %q at byte %d: %w", s.key, s.in.at(), err)
	}
	return fmt.Errorf("byte %d: %w", s.in.at(), err)
}

// operation reads what is no key, and reports whether it makes an item.
func (s *Scanner) operation(op byte) (done bool) {
	in, it := s.in, &s.item
	switch op {
	case opExpire:
		s.doing = DoingExpire
		if b := in.next(4); b != nil {
			it.Due = int64(int32(uint32(b[0])|uint32(b[1])<<8|uint32(b[2])<<16|uint32(b[3])<<24)) * msPerSec
		}
		return false
	case opExpireMs:
		s.doing = DoingExpire
		it.Due = int64(in.uint64())
		return false
	case opFreq:
		it.Freq = int(in.byte())
		return false
	case opIdle:
		it.Idle = int64(in.length() & (1<<63 - 1))
		return false
	case opSelect:
		s.doing = DoingLen
		n := in.length()
		if n > dbMax {
			in.corrupt("a database of number %d", n)
		}
		s.db = int(n)
		it.Kind, it.DB = KindSelect, s.db
		return true
	case opSlotInfo: // number of a slot, its keys, those with a due time
		s.doing = DoingLen
		for range 3 {
			in.length()
		}
		return false
	case opResize:
		s.doing = DoingLen
		it.Kind, it.Keys, it.Volatile = KindResize, in.length(), in.length()
		return true
	case opAux:
		s.doing = DoingAux
		it.Kind = KindAux
		it.Name = append([]byte(nil), in.element()...)
		it.Text = in.element()
		return true
	case opFunction:
		s.doing = DoingFunction
		it.Kind, it.Text = KindFunction, in.element()
		return true
	case opModuleAux:
		s.doing = DoingModule
		it.Kind, it.Name = KindModule, moduleName(in.length())
		in.length() // opcode of what follows
		in.length() // when it is to be read
		in.skipModule()
		return true
	case opEOF:
		s.end()
		return true
	}
	in.corrupt("functions of a pre-release of Redis 7")
	return false
}

// dbMax bounds the numbers of databases.
const dbMax = 1<<31 - 1

// end reads the check sum.
func (s *Scanner) end() {
	s.doing = DoingSum
	s.item.Kind = KindEnd
	if s.version < versionSum {
		return
	}
	s.in.sumTo()
	want := s.in.sum
	s.in.noSum = true
	got := s.in.uint64()
	switch {
	case s.in.err != nil:
	case got == 0:
		s.sum = SumOff
	case s.checked && got != want:
		s.in.err = newProblem(ErrSum, "RDB CRC error: Wrong RDB checksum expected: (%x) but got (%x). Aborting now.", want, got)
	default:
		s.sum = SumRight
	}
}

// versionSum is the version that brought the check sum.
const versionSum = 5

// ErrSum is when the check sum at the end of a file is not that of its bytes.
var ErrSum = errors.New("RDB CRC error")

// value finds the end of a key and its value.
func (s *Scanner) value(t byte) {
	in, it := s.in, &s.item
	it.Kind, it.Type, it.At = KindKey, t, in.at()-1
	if !readable(t) {
		in.err = unknownType(t)
		return
	}
	s.doing = DoingKey
	s.key = append(s.key[:0], in.element()...)
	if in.err != nil {
		return
	}
	s.hasKey = true
	s.doing = DoingValue
	it.start = in.at()
	in.mark = in.r
	limit := it.start + largeMin
	if !in.skipValue(t, limit) && in.err == nil {
		in.r = in.mark // it will be read while it is built
		in.mark = -1
		s.pending = true
		it.Key = s.key
		return
	}
	if in.err != nil {
		return
	}
	it.Key, it.Value = s.key, in.buf[in.mark:in.r:in.r]
	in.mark = -1
}

// readable reports whether values of a type can be read, or passed over.
func readable(t byte) bool { return t <= typeHashPackDue && t != typeModuleOld && t != typeModule+1 }

// skipValue passes over a value of a type, and reports whether it got to its end
// before the limit.
func (in *input) skipValue(t byte, limit int64) (whole bool) {
	switch t {
	case typeString, typeZipmap, typeListZiplist, typeIntset, typeZSetZiplist, typeHashZiplist,
		typeHashListpack, typeZSetListpack, typeSetListpack, typeHashPackDueOld:
		in.skipString()
		return true
	case typeHashPackDue:
		in.next(wordSize)
		in.skipString()
		return true
	case typeModule:
		in.length()
		in.skipModule()
		return true
	case typeStream1, typeStream2, typeStream3:
		return in.skipStream(t, limit)
	case typeList, typeSet, typeQuicklist, typeZSet, typeZSet2, typeHash, typeQuicklist2, typeHashDueOld, typeHashDue:
		if t == typeHashDue {
			in.next(wordSize)
		}
		n := in.length()
		for ; n > 0 && in.err == nil; n-- {
			if in.at() > limit {
				return false
			}
			in.skipElement(t)
		}
		return true
	}
	in.err = unknownType(t)
	return false
}

// skipElement passes over an element of a value that is no stream.
func (in *input) skipElement(t byte) {
	switch t {
	case typeZSet:
		in.skipString()
		if n := in.byte(); n < scoreNaN {
			in.next(int(n))
		}
	case typeZSet2:
		in.skipString()
		in.next(wordSize)
	case typeHash:
		in.skipString()
		in.skipString()
	case typeQuicklist2:
		in.length()
		in.skipString()
	case typeHashDueOld, typeHashDue:
		in.length()
		in.skipString()
		in.skipString()
	default:
		in.skipString()
	}
}

// ErrType is when a value is of a type that cannot be read.
var ErrType = errors.New("Invalid object type")

func unknownType(t byte) error {
	if t == typeModuleOld {
		return newProblem(ErrType, "a value of a module in the form of a pre-release (type %d)", t)
	}
	return newProblem(ErrType, "Unknown RDB encoding type %d", t)
}

// skipStream passes over a stream.
func (in *input) skipStream(t byte, limit int64) (whole bool) {
	for n := in.length(); n > 0 && in.err == nil; n-- {
		if in.at() > limit {
			return false
		}
		in.skipString()
		in.skipString()
	}
	lengths := 3
	if t >= typeStream2 {
		lengths += 5
	}
	in.skipLengths(lengths)
	for groups := in.length(); groups > 0 && in.err == nil; groups-- {
		in.skipString()
		in.skipLengths(2)
		if t >= typeStream2 {
			in.length()
		}
		for n := in.length(); n > 0 && in.err == nil; n-- {
			if in.at() > limit {
				return false
			}
			in.next(idSize + wordSize)
			in.length()
		}
		for n := in.length(); n > 0 && in.err == nil; n-- {
			if in.at() > limit {
				return false
			}
			in.skipString()
			in.next(wordSize)
			if t == typeStream3 {
				in.next(wordSize)
			}
			for own := in.length(); own > 0 && in.err == nil; own-- {
				if in.at() > limit {
					return false
				}
				in.next(idSize)
			}
		}
	}
	return true
}

func (in *input) skipLengths(n int) {
	for range n {
		in.length()
	}
}

// skipModule passes over the parts of what a module wrote.
func (in *input) skipModule() {
	for in.err == nil {
		switch op := in.length(); op {
		case modEOF:
			return
		case modInt, modUint:
			in.length()
		case modFloat:
			in.next(4)
		case modDouble:
			in.next(8)
		case modString:
			in.skipString()
		default:
			in.corrupt("part %d of the value of a module", op)
		}
	}
}

// moduleName returns the name in the number of a module's type.
func moduleName(id uint64) []byte {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	const versionBits, letterBits, count = 10, 6, 9
	name := make([]byte, count)
	id >>= versionBits
	for i := count - 1; i >= 0; i-- {
		name[i] = letters[id&(1<<letterBits-1)]
		id >>= letterBits
	}
	return name
}
