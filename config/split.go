package config

// SplitArgs cuts a line into words as redis.conf has it. Words are separated
// by white space. "..." may hold the escapes \n \r \t \b \a and \xHH, any
// other escaped byte stands for itself; '...' knows only \'. A quote must be
// followed by white space or the end of the line, and a NUL byte ends the
// line. ok is false if quotes are unbalanced. Source: the sdssplitargs grammar.
func SplitArgs(line string) (words []string, ok bool) {
	words = []string{}
	for i := 0; ; {
		for i < len(line) && isSpace(line[i]) {
			i++
		}
		if i >= len(line) || line[i] == 0 {
			return words, true
		}
		word, next, ok := splitWord(line, i)
		if !ok {
			return nil, false
		}
		words = append(words, word)
		i = next
	}
}

// splitWord reads the word that begins at i; next is the byte after it. A
// quote may also begin inside a word: it then ends the word when it closes.
func splitWord(line string, i int) (word string, next int, ok bool) {
	var b []byte
	for i < len(line) && !isBreak(line[i]) {
		switch line[i] {
		case '"':
			return splitQuoted(line, i+1, b, unescapeDouble, '"')
		case '\'':
			return splitQuoted(line, i+1, b, unescapeSingle, '\'')
		}
		b = append(b, line[i])
		i++
	}
	return string(b), i, true
}

// splitQuoted reads from after the opening quote to after the closing one.
func splitQuoted(line string, i int, b []byte, unescape func(string) (byte, int), quote byte) (string, int, bool) {
	for i < len(line) && line[i] != 0 {
		if line[i] == '\\' {
			if c, size := unescape(line[i:]); size > 0 {
				b = append(b, c)
				i += size
				continue
			}
		}
		if line[i] == quote {
			i++
			ends := i >= len(line) || line[i] == 0 || isSpace(line[i])
			return string(b), i, ends
		}
		b = append(b, line[i])
		i++
	}
	return "", 0, false
}

// unescapeDouble decodes the escape at the start of s; size 0 means that the
// backslash stands for itself.
func unescapeDouble(s string) (c byte, size int) {
	if len(s) >= 4 && s[1] == 'x' && isHex(s[2]) && isHex(s[3]) {
		return hexDigit(s[2])<<4 | hexDigit(s[3]), 4
	}
	if len(s) < 2 || s[1] == 0 {
		return 0, 0
	}
	switch s[1] {
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'b':
		return '\b', 2
	case 'a':
		return '\a', 2
	}
	return s[1], 2
}

func unescapeSingle(s string) (c byte, size int) {
	if len(s) >= 2 && s[1] == '\'' {
		return '\'', 2
	}
	return 0, 0
}

// AppendQuoted appends s in double quotes, escaped so that SplitArgs gives it
// back. Source: the sdscatrepr format.
func AppendQuoted(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' || c == '"':
			dst = append(dst, '\\', c)
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
		case c >= ' ' && c <= '~':
			dst = append(dst, c)
		default:
			dst = append(dst, '\\', 'x', hex[c>>4], hex[c&15])
		}
	}
	return append(dst, '"')
}

// isBreak reports whether c ends an unquoted word. Vertical tab and form feed
// do not, although they are skipped between words.
func isBreak(c byte) bool {
	return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == 0
}

// isSpace is isspace of the C locale.
func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func hexDigit(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
