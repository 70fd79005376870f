package command

import "kvorum/ds/listpack"

// Bulks replies n entries of a listpack from position p on as bulk strings, and returns
// the position behind them.
func (c *Ctx) Bulks(lp []byte, p, n int) (next int) {
	for {
		c.W.B, p, n = listpack.AppendBulks(c.W.B, lp, p, n)
		if n == 0 {
			return p
		}
		v, after := listpack.At(lp, p)
		if v.Str != nil {
			c.W.Bulk(v.Str)
		} else {
			c.W.BulkInt(v.Int)
		}
		p = after
		n--
	}
}
