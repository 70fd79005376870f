package keyspace

import (
	"kvorum/mem"
	"kvorum/object"
)

// TTL says what a write does with the key's expiry.
type TTL int64

// KeepTTL and NoTTL stand beside due times in Unix milliseconds.
const (
	NoTTL   TTL = -1 // the key has no TTL afterwards
	KeepTTL TTL = -2 // the key keeps the one it has
)

// SetString stores a string under a key, whatever was there. e is the key's
// entry (zero if absent). access is the access field of a key that is new; one
// that exists keeps its own. value must not lie in the key's own record. It
// returns the new entry.
func (db *DB) SetString(k Key, e Entry, value []byte, ttl TTL, access uint32) Entry {
	enc, n := object.StringEncoding(value)
	return db.setString(k, e, value, enc, n, ttl, access)
}

// SetText is SetString for values that are stored as they are even if they read
// as integers: results of INCRBYFLOAT.
func (db *DB) SetText(k Key, e Entry, value []byte, ttl TTL, access uint32) Entry {
	return db.setString(k, e, value, object.TextEncoding(len(value)), 0, ttl, access)
}

// SetInt stores an integer as a string.
func (db *DB) SetInt(k Key, e Entry, n int64, ttl TTL, access uint32) Entry {
	if e.OK() && ttl == KeepTTL {
		d := object.Load(e.Rec)
		if d.Type() == object.String && d.Encoding() == object.EncInt {
			db.Preserve(k, e)
			object.SetIntAt(e.Rec, n)
			db.modified(k)
			return e
		}
	}
	return db.setString(k, e, nil, object.EncInt, n, ttl, access)
}

func (db *DB) setString(k Key, e Entry, value []byte, enc object.Encoding, n int64, ttl TTL, access uint32) Entry {
	shard := ShardOf(k.Hash)
	a := db.ks.arenaOf(shard)
	if !e.OK() {
		payload := object.StringPayload(enc, len(value))
		h := a.Alloc(object.Size(len(k.Bytes), payload, ttl >= 0), mem.KindRecord)
		object.WriteString(a, h, k.Bytes, value, enc, n, access, ttl >= 0)
		slot := db.insert(k, h)
		if ttl >= 0 {
			db.setDue(k, h, int64(ttl))
		}
		db.modified(k)
		return Entry{h, slot}
	}
	db.Preserve(k, e)
	if !overwrite(k, e, value, enc, n, ttl) {
		e.Rec = db.replaceString(k, e, value, enc, n, ttl)
	}
	db.applyTTL(k, e.Rec, ttl)
	db.modified(k)
	return e
}

// overwrite writes the string into the blocks of the one of e, if it is one and
// fresh blocks would be as large.
func overwrite(k Key, e Entry, value []byte, enc object.Encoding, n int64, ttl TTL) bool {
	d := object.Load(e.Rec)
	expiry := d&object.FlagExpiry != 0
	if d.Type() != object.String || !expiry && ttl >= 0 {
		return false
	}
	blob := enc != object.EncInt && len(value) > object.InlineMax
	if d&object.FlagBlob != 0 || blob {
		return blob && d&object.FlagBlob != 0 && object.OverwriteBlob(e.Rec, value)
	}
	size := object.Size(len(k.Bytes), object.StringPayload(enc, len(value)), expiry)
	if mem.BlockSize(e.Rec) != mem.RoundSize(size) {
		return false
	}
	object.OverwriteString(e.Rec, value, enc, n)
	return true
}

// replaceString writes the string into a fresh block in place of the record
// of e, keeping the expiry field if there is one or ttl needs one.
func (db *DB) replaceString(k Key, e Entry, value []byte, enc object.Encoding, n int64, ttl TTL) mem.Handle {
	a := db.ks.arenaOf(ShardOf(k.Hash))
	old, d := e.Rec, object.Load(e.Rec)
	expiry := ttl >= 0 || d&object.FlagExpiry != 0
	h := a.Alloc(object.Size(len(k.Bytes), object.StringPayload(enc, len(value)), expiry), mem.KindRecord)
	object.WriteString(a, h, k.Bytes, value, enc, n, d.Access(), expiry)
	copyExpiry(h, old)
	e.slot.Replace(h)
	if d.Timed() {
		db.groups[ShardOf(k.Hash)&groupMask].forgetFields(old)
	}
	db.ks.release(old)
	return h
}

// copyExpiry copies due time, ticket and volatility of old to h, when old has
// an expiry field; h then has one too.
func copyExpiry(h, old mem.Handle) {
	d := object.Load(old)
	if d&object.FlagExpiry != 0 {
		object.SetDue(h, object.LastDue(old), object.TicketTick(old), d&object.FlagVolatile != 0)
	}
}

// Resize makes the string of e size bytes long, keeping its start; new bytes
// are zero, its encoding becomes raw. It returns the new entry, whose bytes
// object.WritableString gives. The caller has checked the type.
func (db *DB) Resize(k Key, e Entry, size int) Entry {
	e = db.Unshare(k, e, size)
	db.modified(k)
	return e
}

// Unshare is Resize without telling that the key was modified: for commands
// that may find that they change nothing. The caller calls Modified if not.
func (db *DB) Unshare(k Key, e Entry, size int) Entry {
	db.Preserve(k, e)
	a := db.ks.arenaOf(ShardOf(k.Hash))
	if object.ResizeInPlace(a, e.Rec, size) {
		return e
	}
	var scratch [24]byte
	old := object.StringView(e.Rec, scratch[:])
	room := size
	if size > len(old) {
		room = object.Headroom(size)
	}
	e.Rec = db.regrow(k, e, old[:min(len(old), size)], size, room)
	return e
}

// Modified tells those who watch a key that its bytes were changed in place.
func (db *DB) Modified(k Key) { db.modified(k) }

// regrow moves the string of e to a block with room for more than its size.
func (db *DB) regrow(k Key, e Entry, start []byte, size, room int) mem.Handle {
	a := db.ks.arenaOf(ShardOf(k.Hash))
	old, d := e.Rec, object.Load(e.Rec)
	h := object.NewString(a, k.Bytes, start, size, room, d.Access(), d&object.FlagExpiry != 0)
	copyExpiry(h, old)
	e.slot.Replace(h)
	object.Free(old)
	return h
}

// Create stores a new string of size zero bytes under an absent key, for
// writing into it. Its encoding is raw.
func (db *DB) Create(k Key, size int, access uint32) Entry {
	a := db.ks.arenaOf(ShardOf(k.Hash))
	h := object.NewString(a, k.Bytes, nil, size, size, access, false)
	slot := db.insert(k, h)
	db.modified(k)
	return Entry{h, slot}
}

// Draft makes a record with a raw string of size bytes for key k, whose entry e
// is (zero if absent), that is not in the database yet: the string begins with
// start and is zero after it, access is as for SetString. The caller writes into
// object.WritableString of it, all entries and views stay good meanwhile, and
// then calls Publish.
func (db *DB) Draft(k Key, e Entry, start []byte, size int, access uint32) mem.Handle {
	expiry := false
	if e.OK() {
		d := object.Load(e.Rec)
		expiry, access = d&object.FlagExpiry != 0, d.Access()
	}
	return object.NewString(db.ks.arenaOf(ShardOf(k.Hash)), k.Bytes, start, size, size, access, expiry)
}

// Publish puts a draft made for key k and its entry e, of any type, in the place
// of e, without a TTL. It returns the new entry.
func (db *DB) Publish(k Key, e Entry, draft mem.Handle) Entry {
	if !e.OK() {
		e = Entry{draft, db.insert(k, draft)}
	} else {
		db.Preserve(k, e)
		old := e.Rec
		copyExpiry(draft, old)
		e.slot.Replace(draft)
		if object.Load(old).Timed() {
			db.groups[ShardOf(k.Hash)&groupMask].forgetFields(old)
		}
		db.ks.release(old)
		e.Rec = draft
		db.dropTTL(k, draft)
	}
	db.ScheduleFields(k, draft)
	db.modified(k)
	return e
}

// Rename moves the record of e from key k to key dst, which is absent, in the
// database to (it may be this one). The TTL goes with it; access becomes the
// access field, as of a new key. O(1): the value's blocks stay where they are.
func (db *DB) Rename(k Key, e Entry, to *DB, dst Key, access uint32) {
	db.Preserve(k, e) // as it is under its old key, before its value is taken over
	due := object.Due(e.Rec)
	h := object.Clone(db.ks.arenaOf(ShardOf(dst.Hash)), e.Rec, dst.Bytes, due >= 0, true)
	if object.Load(h)&object.FlagCut != 0 {
		db.ks.moveParts(h, ShardOf(dst.Hash))
	}
	db.unlink(k, e)
	db.modified(k)
	mem.Free(e.Rec, mem.KindRecord)
	to.place(dst, h, due, access)
}

// Copy stores a copy of the record of e, of any database, under the key dst,
// which is absent in this one. TTL and access field are as for Rename. O(size of
// the value).
func (db *DB) Copy(e Entry, dst Key, access uint32) {
	due := object.Due(e.Rec)
	h := object.Clone(db.ks.arenaOf(ShardOf(dst.Hash)), e.Rec, dst.Bytes, due >= 0, false)
	db.place(dst, h, due, access)
}

func (db *DB) place(k Key, h mem.Handle, due int64, access uint32) {
	Touch(h, access)
	db.insert(k, h)
	if due >= 0 {
		db.setDue(k, h, due)
	}
	if object.Load(h).Timed() {
		object.SetFieldTicket(h, 0, 0) // the one it may have had bears another key's hash
		db.ScheduleFields(k, h)
	}
	db.modified(k)
}
