package resp

import "strconv"

// Value is one reply. Its bytes are its own.
type Value struct {
	// Type is the byte the reply begins with: one of + - : $ * _ # , ( = % ~ > !
	Type byte
	// Null marks the null bulk string and null array of RESP2 and the null of
	// RESP3.
	Null bool
	// Int is the value of ':' and of '#' (1 or 0).
	Int int64
	// Float is the value of ','; Str keeps its digits.
	Float float64
	// Str is the text of + - $ , ( = !
	Str []byte
	// Ext is the format of '=', three bytes.
	Ext string
	// Elems are the elements of * ~ > and the keys and values of %, in turn.
	Elems []Value
	// Attrs are the keys and values of the attributes before the reply.
	Attrs []Value
}

// IsError reports whether v is an error reply.
func (v *Value) IsError() bool { return v.Type == '-' || v.Type == '!' }

// AppendWire appends v as it was on the wire.
func (v *Value) AppendWire(dst []byte) []byte {
	if len(v.Attrs) > 0 {
		dst = appendHead(dst, '|', int64(len(v.Attrs)/2))
		dst = appendWires(dst, v.Attrs)
	}
	switch v.Type {
	case '_':
		return append(dst, "_\r\n"...)
	case ':':
		return appendHead(dst, ':', v.Int)
	case '#':
		if v.Int != 0 {
			return append(dst, "#t\r\n"...)
		}
		return append(dst, "#f\r\n"...)
	case '$', '!':
		if v.Null {
			return append(dst, v.Type, '-', '1', '\r', '\n')
		}
		dst = appendHead(dst, v.Type, int64(len(v.Str)))
	case '=':
		dst = appendHead(dst, '=', int64(len(v.Str)+4))
		dst = append(dst, v.Ext...)
		dst = append(dst, ':')
	case '*', '~', '>':
		if v.Null {
			return append(dst, v.Type, '-', '1', '\r', '\n')
		}
		return appendWires(appendHead(dst, v.Type, int64(len(v.Elems))), v.Elems)
	case '%':
		return appendWires(appendHead(dst, '%', int64(len(v.Elems)/2)), v.Elems)
	default:
		dst = append(dst, v.Type)
	}
	dst = append(dst, v.Str...)
	return append(dst, '\r', '\n')
}

func appendWires(dst []byte, vs []Value) []byte {
	for i := range vs {
		dst = vs[i].AppendWire(dst)
	}
	return dst
}

// Text renders v for people and test scripts, without a final line end: one
// line per reply as on the wire, the elements of an aggregate each two blanks
// further in. Strings that may hold any byte are quoted:
//
//	+OK   -ERR no such key   :3   "a\r\n\x00"   $-1   *-1   _   #t   ,1.5
//	(123  ="txt:text"        !"ERR x"
//	*2
//	  "a"
//	  :1
func (v *Value) Text() string { return string(v.appendText(nil, 0)) }

func (v *Value) appendText(dst []byte, depth int) []byte {
	if len(v.Attrs) > 0 {
		dst = appendTexts(append(dst, '|'), v.Attrs, len(v.Attrs)/2, depth)
		dst = appendIndent(append(dst, '\n'), depth)
	}
	if v.Null && v.Type != '_' {
		return append(dst, v.Type, '-', '1')
	}
	switch v.Type {
	case '$':
		return AppendQuoted(dst, v.Str)
	case '!':
		return AppendQuoted(append(dst, '!'), v.Str)
	case '=':
		return AppendQuoted(append(dst, '='), append([]byte(v.Ext+":"), v.Str...))
	case ':':
		return strconv.AppendInt(append(dst, ':'), v.Int, 10)
	case '*', '~', '>':
		return appendTexts(append(dst, v.Type), v.Elems, len(v.Elems), depth)
	case '%':
		return appendTexts(append(dst, v.Type), v.Elems, len(v.Elems)/2, depth)
	case '+', '-':
		return appendEscaped(append(dst, v.Type), v.Str, 0)
	}
	wire := v.AppendWire(nil)
	return append(dst, wire[:len(wire)-2]...)
}

func appendTexts(dst []byte, vs []Value, count, depth int) []byte {
	dst = strconv.AppendInt(dst, int64(count), 10)
	for i := range vs {
		dst = appendIndent(append(dst, '\n'), depth+1)
		dst = vs[i].appendText(dst, depth+1)
	}
	return dst
}

func appendIndent(dst []byte, depth int) []byte {
	for range depth {
		dst = append(dst, ' ', ' ')
	}
	return dst
}

// AppendQuoted appends s in double quotes, escaped as Redis prints strings and
// AppendWords reads them: \n \r \t \a \b \" \\, and \xHH for every other byte
// that is not printable ASCII.
func AppendQuoted(dst, s []byte) []byte {
	return append(appendEscaped(append(dst, '"'), s, '"'), '"')
}

// appendEscaped appends s escaped; quote is the byte that needs a backslash
// besides '\\', or 0: then neither does.
func appendEscaped(dst, s []byte, quote byte) []byte {
	const hex = "0123456789abcdef"
	for _, c := range s {
		switch {
		case quote != 0 && (c == quote || c == '\\'):
			dst = append(dst, '\\', c)
		case c >= ' ' && c <= '~':
			dst = append(dst, c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c == '\a':
			dst = append(dst, '\\', 'a')
		case c == '\b':
			dst = append(dst, '\\', 'b')
		default:
			dst = append(dst, '\\', 'x', hex[c>>4], hex[c&15])
		}
	}
	return dst
}
