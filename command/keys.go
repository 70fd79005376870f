package command

import (
	"strings"

	"kvorum/num"
)

// AppendKeys appends the places of all keys of a request, in the order of the
// key specs, and reports whether the request has a shape that lets them be
// found (a wrong number of keys does not).
func (s *Spec) AppendKeys(args [][]byte, dst []KeyRef) ([]KeyRef, bool) {
	if s.GetKeys != nil {
		return s.GetKeys(args, dst)
	}
	ok := true
	for i := range s.Keys {
		spec := &s.Keys[i]
		if spec.Flags&NotKey != 0 || spec.Unknown {
			continue
		}
		var found bool
		if dst, found = spec.appendKeys(args, dst); !found {
			ok = false
		}
	}
	return dst, ok
}

func (k *KeySpec) appendKeys(args [][]byte, dst []KeyRef) ([]KeyRef, bool) {
	first := k.Index
	if k.Keyword != "" {
		if first = k.findKeyword(args); first == 0 {
			return dst, true // an optional keyword that is not there names no keys
		}
	}
	last, step, flags := 0, k.Step, k.Flags
	if k.KeyNum {
		if first+k.NumIndex >= len(args) {
			return dst, false
		}
		n, ok := num.ParseInt64(args[first+k.NumIndex])
		if !ok {
			// Redis then asks the command itself, which is less strict and tells no flags.
			n, ok = leadingCount(args[first+k.NumIndex])
			flags = 0
		}
		if !ok || n < 0 || n > int64(len(args)) {
			return dst, false
		}
		step = k.NumStep
		first += k.FirstKey
		last = first + (int(n)-1)*step
	} else {
		switch {
		case k.LastKey >= 0:
			last = first + k.LastKey
		case k.Limit > 1:
			last = first + (len(args)-first)/k.Limit + k.LastKey
		default:
			last = len(args) + k.LastKey
		}
	}
	if first >= len(args) || last >= len(args) {
		return dst, false
	}
	for i := first; i <= last; i += step {
		dst = append(dst, KeyRef{i, flags})
	}
	return dst, true
}

// leadingCount reads the digits that s begins with, after blanks and a plus sign, as a
// number of keys.
func leadingCount(s []byte) (n int64, ok bool) {
	const digitsMax = 9
	i := 0
	for i < len(s) && (s[i] == ' ' || s[i] >= '\t' && s[i] <= '\r') {
		i++
	}
	if i < len(s) && s[i] == '+' {
		i++
	}
	for from := i; i < len(s) && i < from+digitsMax && s[i] >= '0' && s[i] <= '9'; i++ {
		n = 10*n + int64(s[i]-'0')
	}
	return n, n > 0
}

// findKeyword returns the number of the argument after the keyword, 0 if it is
// not there. A negative StartFrom searches backwards from the end.
func (k *KeySpec) findKeyword(args [][]byte) int {
	at, by := k.StartFrom, 1
	if at < 0 {
		at, by = len(args)+at, -1
	}
	for ; at > 0 && at < len(args); at += by {
		if strings.EqualFold(string(args[at]), k.Keyword) {
			return at + 1
		}
	}
	return 0
}

// KeyRange returns first key, last key and step of a request of n arguments
// whose keys follow the simple legacy rule; ok is false when AppendKeys must be
// asked. first is 0 when the command has no keys.
func (s *Spec) KeyRange(n int) (first, last, step int, ok bool) {
	if !s.simple {
		return 0, 0, 0, false
	}
	last = s.last
	if last < 0 {
		last += n
	}
	return s.first, last, s.step, true
}

// lastOf returns the argument of the last key, counted from the end if it is negative.
func (k *KeySpec) lastOf() int {
	if k.LastKey >= 0 {
		return k.Index + k.LastKey
	}
	return k.LastKey
}

// link computes the legacy triple and whether it says all.
func (s *Spec) link() {
	s.simple = s.GetKeys == nil
	s.step = 0
	lowest, highest := 0, 0
	for i := range s.Keys {
		k := &s.Keys[i]
		if k.Flags&NotKey != 0 {
			continue
		}
		if k.Unknown || k.Keyword != "" || k.KeyNum || k.Limit > 1 {
			s.simple = false
			continue
		}
		last := k.lastOf()
		if lowest == 0 {
			lowest, highest, s.step = k.Index, last, k.Step
			continue
		}
		// A second range that continues the first is still one range.
		if k.Index != highest+s.step || k.Step != s.step || highest < 0 {
			s.simple = false
		}
		lowest = min(lowest, k.Index)
		if highest >= 0 && (last < 0 || last > highest) {
			highest = last
		}
	}
	s.first, s.last = lowest, highest
}
