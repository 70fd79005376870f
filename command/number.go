package command

import "kvorum/num"

// IntFrom returns argument i as an integer of at least low; ok is false after the
// error reply, which is text for what is no integer as well.
func (c *Ctx) IntFrom(i int, low int64, text string) (n int64, ok bool) {
	n, ok = num.ParseInt64(c.Args[i])
	if !ok || n < low {
		c.Err(text)
		return 0, false
	}
	return n, true
}
