package command

// ArgTimeout is the argument of a command that waits: see Timeout.
var ArgTimeout = Arg{Name: "timeout", Type: "double"}

// Either reads argument i as one of two words, lower case here; ok is false after the
// error reply.
func (c *Ctx) Either(i int, first, second string) (isSecond, ok bool) {
	switch {
	case c.Is(i, first):
		return false, true
	case c.Is(i, second):
		return true, true
	}
	c.Err(ErrSyntax)
	return false, false
}

// PopOptions reads what LMPOP and its like have in common: the number of keys at
// argument i, one of two words behind the keys, and an optional count of elements; ok
// is false after the error reply.
func (c *Ctx) PopOptions(i int, first, second string) (isSecond bool, count int64, ok bool) {
	keys, ok := c.IntFrom(i, 1, "-ERR numkeys should be greater than 0")
	if !ok {
		return false, 0, false
	}
	if keys >= int64(len(c.Args)-i-1) {
		c.Err(ErrSyntax)
		return false, 0, false
	}
	i += int(keys) + 1
	if isSecond, ok = c.Either(i, first, second); !ok {
		return false, 0, false
	}
	for i++; i < len(c.Args); i += 2 {
		if count != 0 || !c.Is(i, "count") || i+1 == len(c.Args) {
			c.Err(ErrSyntax)
			return false, 0, false
		}
		if count, ok = c.IntFrom(i+1, 1, "-ERR count should be greater than 0"); !ok {
			return false, 0, false
		}
	}
	return isSecond, max(count, 1), true
}
