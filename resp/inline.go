package resp

// inline parses a line of words. n is 0 if the line has not ended. !ok with
// n > 0 is a blank line.
func (p *Parser) inline(b []byte, req *Request, lim *Limits) (n int, ok bool, need int, err *ProtocolError) {
	i := p.lineEnd(b, '\n', lim.MaxInline)
	if i < 0 {
		if len(b) > lim.MaxInline {
			return 0, false, 0, ErrTooBigInline
		}
		return 0, false, len(b) + 1, nil
	}
	p.scan = 0
	line := b[:i]
	if i > 0 && line[i-1] == '\r' {
		line = line[:i-1]
	}
	var balanced bool
	req.Args, req.words, balanced = AppendWords(req.slots(0), req.words[:0], line)
	if !balanced {
		return 0, false, 0, ErrUnbalancedQuotes
	}
	req.Inline = true
	return i + 1, len(req.Args) > 0, 0, nil
}

// AppendWords splits line into words as Redis splits inline requests and
// configuration lines, and appends them to dst. Words are separated by white
// space; a part in double quotes may hold blanks and the escapes \n \r \t \a
// \b \xHH and \ before any other byte, a part in single quotes only \'. A
// closing quote must end its word. ok is false if quotes are unbalanced.
//
// The words are slices of the returned buffer, which is buf with at most
// len(line) bytes appended; line is not changed. Appending to buf invalidates
// nothing: it is grown before the first word is cut.
func AppendWords(dst [][]byte, buf, line []byte) (words [][]byte, grown []byte, ok bool) {
	if free := cap(buf) - len(buf); free < len(line) {
		buf = append(make([]byte, 0, len(buf)+len(line)), buf...)
	}
	for i := 0; ; {
		for i < len(line) && isSpace(line[i]) {
			i++
		}
		if i == len(line) || line[i] == 0 {
			return dst, buf, true
		}
		from := len(buf)
		buf, i = appendWord(buf, line, i)
		if i < 0 {
			return dst, buf, false
		}
		dst = append(dst, buf[from:len(buf):len(buf)])
	}
}

// appendWord decodes the word at line[i] and returns where it ends, or -1 if
// its quotes are unbalanced.
func appendWord(buf, line []byte, i int) ([]byte, int) {
	for i < len(line) {
		switch c := line[i]; c {
		case ' ', '\n', '\r', '\t', 0: // not \v and \f: those separate words only before one
			return buf, i
		case '"':
			buf, i = appendDoubleQuoted(buf, line, i+1)
			return buf, wordBoundary(line, i)
		case '\'':
			buf, i = appendSingleQuoted(buf, line, i+1)
			return buf, wordBoundary(line, i)
		default:
			buf = append(buf, c)
			i++
		}
	}
	return buf, i
}

// wordBoundary returns i if a quoted part may end there, else -1.
func wordBoundary(line []byte, i int) int {
	if i >= 0 && i < len(line) && !isSpace(line[i]) {
		return -1
	}
	return i
}

// appendDoubleQuoted decodes from after the opening quote and returns the
// position after the closing one, or -1.
func appendDoubleQuoted(buf, line []byte, i int) ([]byte, int) {
	for i < len(line) {
		c := line[i]
		i++
		switch {
		case c == '"':
			return buf, i
		case c != '\\' || i == len(line):
			buf = append(buf, c)
		case line[i] == 'x' && i+2 < len(line) && isHex(line[i+1]) && isHex(line[i+2]):
			buf = append(buf, hexValue(line[i+1])<<4|hexValue(line[i+2]))
			i += 3
		default:
			buf = append(buf, unescape(line[i]))
			i++
		}
	}
	return buf, -1
}

// appendSingleQuoted decodes from after the opening quote and returns the
// position after the closing one, or -1.
func appendSingleQuoted(buf, line []byte, i int) ([]byte, int) {
	for i < len(line) {
		c := line[i]
		i++
		switch {
		case c == '\'':
			return buf, i
		case c == '\\' && i < len(line) && line[i] == '\'':
			buf = append(buf, '\'')
			i++
		default:
			buf = append(buf, c)
		}
	}
	return buf, -1
}

// unescape gives the byte that a backslash and c stand for.
func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'b':
		return '\b'
	case 'a':
		return '\a'
	}
	return c
}

func isSpace(c byte) bool { return c == ' ' || c-'\t' < 5 }

func isHex(c byte) bool { return c-'0' < 10 || (c|0x20)-'a' < 6 }

func hexValue(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return (c | 0x20) - 'a' + 10
}
