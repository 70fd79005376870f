package streamcmd

import (
	"kvorum/command"
	"kvorum/object/stream"
)

var xsetidSpec = &command.Spec{
	Name: "xsetid", Since: "5.0.0", Group: "stream",
	Complexity: "O(1)",
	Summary:    "Sets the last id of a stream, and its counters. For internal use.",
	Arity:      -3, Flags: command.Write | command.DenyOOM | command.Fast, Categories: command.CatStream,
	History: []command.Change{
		{Since: "7.0.0", Text: "Added the `entries_added` and `max_deleted_entry_id` arguments."},
	},
	Keys: []command.KeySpec{{Flags: command.RW | command.Update, Index: 1, Step: 1}},
	Args: []command.Arg{
		argKey,
		{Name: "last-id", Type: "string"},
		{Name: "entries-added", Type: "integer", Token: "ENTRIESADDED", Since: "7.0.0", Optional: true},
		{Name: "max-deleted-id", Type: "string", Token: "MAXDELETEDID", Since: "7.0.0", Optional: true},
	},
	Handler: xsetid,
}

const (
	errAddedNegative  = "-ERR entries_added must be positive"
	errBelowDeletedID = "-ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id"
	errBelowDeleted   = "-ERR The ID specified in XSETID is smaller than current max_deleted_entry_id"
	errBelowTop       = "-ERR The ID specified in XSETID is smaller than the target stream top item"
	errBelowLength    = "-ERR The entries_added specified in XSETID is smaller than the target stream length"
)

func xsetid(c *command.Ctx) {
	id, ok := argID(c, 2)
	if !ok {
		return
	}
	added, deleted, ok := xsetidOptions(c, id)
	if !ok {
		return
	}
	e := c.Write(0)
	switch {
	case !e.OK():
		c.Err(command.ErrNoSuchKey)
		return
	case !isStream(c, e):
		return
	}
	var s stream.Stream
	s.Open(e.Rec, &c.Buf)
	top := s.SeekBack(stream.MaxID)
	switch {
	case id.Less(s.MaxDeleted()):
		c.Err(errBelowDeleted)
		return
	case top.Valid() && id.Less(top.ID()):
		c.Err(errBelowTop)
		return
	case top.Valid() && added != -1 && s.Len() > uint64(added):
		c.Err(errBelowLength)
		return
	}
	s.SetLastID(id)
	if added != -1 {
		s.SetAdded(uint64(added))
	}
	if !deleted.IsZero() {
		s.SetMaxDeleted(deleted)
	}
	c.Dirty++
	c.Notify(command.NotifyStream, "xsetid", c.Keys[0].Bytes)
	c.W.OK()
}

// xsetidOptions reads the options; added is -1 and deleted 0-0 without them. ok is
// false after the error reply.
func xsetidOptions(c *command.Ctx, id stream.ID) (added int64, deleted stream.ID, ok bool) {
	added = -1
	for i := 3; i < len(c.Args); i += 2 {
		switch {
		case i+1 < len(c.Args) && c.Is(i, "entriesadded"):
			if added, ok = c.Int(i + 1); !ok {
				return 0, deleted, false
			}
			if added < 0 {
				c.Err(errAddedNegative)
				return 0, deleted, false
			}
		case i+1 < len(c.Args) && c.Is(i, "maxdeletedid"):
			if deleted, ok = argID(c, i+1); !ok {
				return 0, deleted, false
			}
			if id.Less(deleted) {
				c.Err(errBelowDeletedID)
				return 0, deleted, false
			}
		default:
			c.Err(command.ErrSyntax)
			return 0, deleted, false
		}
	}
	return added, deleted, true
}
