package command

import (
	"kvorum/keyspace"
	"kvorum/mem"
	"kvorum/object"
)

// IsType reports whether the entry is absent or of type t; if not it replies the
// error.
func (c *Ctx) IsType(e keyspace.Entry, t object.Type) bool {
	if e.OK() && e.Type() != t {
		c.WrongType()
		return false
	}
	return true
}

// Remove deletes a key whose value has become empty, and tells of it. Dirty is the
// caller's.
func (c *Ctx) Remove(k keyspace.Key, e keyspace.Entry) {
	c.DB.Delete(k, e)
	c.Notify(NotifyGeneric, "del", k.Bytes)
}

// Free has a record freed that is under no key, in slices if it is large: a part that was
// cut off a value. It may be 0, for none.
func (c *Ctx) Free(rec mem.Handle) {
	if rec != 0 {
		c.DB.Free(rec)
	}
}

// RemoveStored is Store of nothing: it deletes the key that a result was to be stored
// under, expired or not.
func (c *Ctx) RemoveStored(k keyspace.Key) {
	if e := c.DB.Find(k); e.OK() {
		c.Dirty++
		c.Remove(k, e)
	}
}

// Store puts a record made for key k in the place of what is under it, of whatever
// type, and counts a change; the event of the command is the caller's. The record
// takes over the frequency of what it replaces, with one access more.
func (c *Ctx) Store(k keyspace.Key, rec mem.Handle) {
	old := c.find(k)
	if old.OK() {
		c.touch(old)
		if c.LFU != nil {
			keyspace.Touch(rec, object.Load(old.Rec).Access())
		}
		c.DB.Delete(k, old)
	}
	c.DB.Add(k, rec)
	c.Dirty++
	if !old.OK() {
		c.Notify(NotifyNew, "new", k.Bytes)
	}
}
