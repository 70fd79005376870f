package command

import (
	"kvorum/keyspace"
	"kvorum/object"
	"kvorum/object/hash"
)

// dueFieldsMax is the number of due fields that a command removes from a hash that it
// meets. If more are due, as when all were given one TTL, they are gone for the command
// all the same, and left to those that follow and to the expiry in the background.
const dueFieldsMax = 64

var hdelName = []byte("HDEL")

// FieldsNow returns the time at which fields are looked at, for views of hashes: those
// that were due before it are gone. A log or a master says itself which are.
func (c *Ctx) FieldsNow() int64 {
	if !c.mayExpire() {
		return 0
	}
	return c.Now
}

// DueFields removes fields that are due from the timed hash of key k, whose entry
// becomes that of an absent key if nothing is left of it. Who decides when keys have
// expired decides it of fields.
//
// COMPAT: due-fields: Redis removes a due field when a command names it, and not for
// each command; some still see one then.
func (c *Ctx) DueFields(k keyspace.Key, e *keyspace.Entry) {
	due := object.NextFieldDue(e.Rec)
	if due < 0 || due >= c.Now || !c.mayExpire() || c.kept(k) {
		return
	}
	if c.expireFields(c.DB, k, *e, dueFieldsMax) {
		*e = keyspace.Entry{}
	}
}

// DueField is DueFields for a command that looks at one field of any key, and whose
// effect is fed as it stands: a field that is gone for it has to be gone, too, where the
// effect is carried out, also if it is kept here.
func (c *Ctx) DueField(k keyspace.Key, e *keyspace.Entry, field []byte) {
	if !object.Load(e.Rec).Timed() {
		return
	}
	c.DueFields(k, e)
	if c.Feed == nil || !c.mayExpire() || !e.OK() {
		return
	}
	h := hash.Open(e.Rec)
	if due, ok := h.Due(field); ok && due != 0 && due < c.Now {
		c.words = append(c.words[:0], hdelName, k.Bytes, field)
		c.Feed.Append(c.DB.Index(), c.words...)
	}
}

// ExpireFields removes up to limit fields that are due from the hash of a key whose
// ticket has fired, and sees to its next one.
func (c *Ctx) ExpireFields(db *keyspace.DB, k keyspace.Key, e keyspace.Entry, limit int) {
	if !c.expireFields(db, k, e, limit) {
		db.RescheduleFields(k, e.Rec)
	}
}

// expireFields removes up to limit fields that are due and reports whether the hash
// is gone with them.
func (c *Ctx) expireFields(db *keyspace.DB, k keyspace.Key, e keyspace.Entry, limit int) (gone bool) {
	db.Preserve(k, e)
	h := hash.Open(e.Rec)
	n := h.Expire(c.Now, limit, func(field []byte) {
		if c.Feed != nil {
			c.words = append(c.words[:0], hdelName, k.Bytes, field)
			c.Feed.Append(db.Index(), c.words...)
		}
	})
	c.St.ExpiredFields += uint64(n)
	c.NotifyIn(db.Index(), NotifyHash, "hexpired", k.Bytes)
	if h.Stored() > 0 {
		db.Modified(k)
		return false
	}
	c.NotifyIn(db.Index(), NotifyGeneric, "del", k.Bytes)
	db.Delete(k, e)
	return true
}
