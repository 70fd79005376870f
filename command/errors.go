package command

// Error replies shared by many commands, byte for byte Redis's.
const (
	ErrWrongType   = "-WRONGTYPE Operation against a key holding the wrong kind of value"
	ErrSyntax      = "-ERR syntax error"
	ErrNotInt      = "-ERR value is not an integer or out of range"
	ErrNotInt32    = "-ERR value is out of range, value must between -2147483648 and 2147483647"
	ErrNotFloat    = "-ERR value is not a valid float"
	ErrNoSuchKey   = "-ERR no such key"
	ErrSameObject  = "-ERR source and destination objects are the same"
	ErrBadDB       = "-ERR DB index is out of range"
	ErrNoAuth      = "-NOAUTH Authentication required."
	ErrTooLong     = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)"
	ErrOverflow    = "-ERR increment or decrement would overflow"
	ErrNaN         = "-ERR increment would produce NaN or Infinity"
	ErrNotPositive = "-ERR value is out of range, must be positive"
)
