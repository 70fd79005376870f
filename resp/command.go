package resp

// AppendCommand appends a request of the given arguments as a multibulk.
func AppendCommand(dst []byte, args ...[]byte) []byte {
	dst = appendHead(dst, '*', int64(len(args)))
	for _, a := range args {
		dst = AppendBulk(dst, a)
	}
	return dst
}

// AppendCommandStrings appends a request of the given arguments as a multibulk.
func AppendCommandStrings(dst []byte, args ...string) []byte {
	dst = appendHead(dst, '*', int64(len(args)))
	for _, a := range args {
		dst = append(appendHead(dst, '$', int64(len(a))), a...)
		dst = append(dst, '\r', '\n')
	}
	return dst
}

// AppendBulk appends s as a bulk string.
func AppendBulk(dst, s []byte) []byte {
	dst = room(dst, len(s)+headSizeMax+2)
	dst = append(appendHead(dst, '$', int64(len(s))), s...)
	return append(dst, '\r', '\n')
}

// AppendArrayHead appends the header of an array (or request) of n elements.
func AppendArrayHead(dst []byte, n int) []byte { return appendHead(dst, '*', int64(n)) }

// CommandSize returns the bytes AppendCommand would append.
func CommandSize(args ...[]byte) int {
	n := headSize(len(args))
	for _, a := range args {
		n += headSize(len(a)) + len(a) + 2
	}
	return n
}

// headSize returns the size of "<kind><n>\r\n", n >= 0.
func headSize(n int) int {
	size := 4
	for n >= 10 {
		n /= 10
		size++
	}
	return size
}
