package stream

// ReadUnknown is the number of entries read of a group that does not know it.
const ReadUnknown = -1

// Counters are what a stream tells about its history. From them follows how far a
// group has come, unless deleted entries hide it.
type Counters struct {
	Length     uint64 // entries there are
	Added      uint64 // entries there ever were
	First      ID     // the first entry, 0-0 without entries
	Last       ID     // the greatest id ever given
	MaxDeleted ID     // the greatest id of an entry deleted by its id, 0-0 if none was
}

// ReadUpTo returns how many entries were ever added up to id, or ReadUnknown.
// It can be told only for ids before the first entry, of the first and of the
// last; and for the first two only if nothing behind them was deleted.
func (c *Counters) ReadUpTo(id ID) int64 {
	switch {
	case c.Added == 0:
		return 0
	case c.Length == 0 && id.Compare(c.Last) <= 0, id == c.Last:
		return int64(c.Added)
	case c.Last.Less(id):
		return ReadUnknown
	case !c.MaxDeleted.IsZero() && !c.MaxDeleted.Less(c.First):
		return ReadUnknown
	case id.Less(c.First):
		return int64(c.Added - c.Length)
	case id == c.First:
		return int64(c.Added - c.Length + 1)
	}
	return ReadUnknown
}

// HolesFrom reports whether an entry may have been deleted from within the stream
// at id or after it.
func (c *Counters) HolesFrom(id ID) bool {
	if c.Length == 0 || c.MaxDeleted.IsZero() || c.MaxDeleted.Less(c.First) {
		return false
	}
	return id.Compare(c.MaxDeleted) <= 0
}

// Lag returns how many entries a group has not been given, which has read as many
// and been given last as last delivered; ok is false if nobody knows.
func (c *Counters) Lag(last ID, read int64) (lag int64, ok bool) {
	if c.Added == 0 {
		return 0, true
	}
	if read == ReadUnknown || c.HolesFrom(last) {
		read = c.ReadUpTo(last)
	}
	if read == ReadUnknown {
		return 0, false
	}
	return int64(c.Added) - read, true
}

// Advance returns the number of entries read of a group that had read as many and
// is now given the entry id, which is beyond its last delivered one.
func (c *Counters) Advance(read int64, id ID) int64 {
	if read != ReadUnknown && !c.HolesFrom(id) {
		return read + 1
	}
	if c.Added != 0 {
		return c.ReadUpTo(id)
	}
	return read
}
