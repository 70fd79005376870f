package servercmd

import (
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"kvorum/command"
	"kvorum/keyspace"
	"kvorum/num"
	"kvorum/object"
)

// A digest of data is made as Redis makes it, so that the data of two servers,
// also of different makers, are compared by 40 characters.
//
//	add(x):  digest ^= SHA1(x)                      order does not matter
//	mix(x):  digest ^= SHA1(x); digest = SHA1(digest)    order matters
//
//	key:      mix key, mix type, then by type
//	          string: mix it
//	          list: mix each element
//	          set: add each member
//	          hash, sorted set: add, for each field or member, its digest
//	          (mix field, mix value, with a TTL add "!!hexpire!!"; mix member, mix score)
//	          stream: for each entry mix "ms.seq", each field and its value
//	          and with a TTL add "!!expire!!"
//	dataset:  for each database that has keys: mix its number, add each key's
//
// Numbers are 32 bits, big endian. Source: DEBUG DIGEST of 7.2, checked by
// comparison.
type digest [sha1.Size]byte

func (d *digest) add(x []byte) {
	for i, b := range sha1.Sum(x) {
		d[i] ^= b
	}
}

func (d *digest) mix(x []byte) {
	d.add(x)
	*d = sha1.Sum(d[:])
}

func (d *digest) mixNumber(n int) {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(n))
	d.mix(b[:])
}

var (
	expireMark      = []byte("!!expire!!")
	fieldExpireMark = []byte("!!hexpire!!")
)

// mixValue mixes type, value and TTL of an entry.
func (d *digest) mixValue(c *command.Ctx, e keyspace.Entry) {
	d.mixNumber(int(e.Type()))
	switch e.Type() {
	case object.Hash:
		d.addHash(e.Rec)
	case object.Set:
		d.addSet(e.Rec)
	case object.List:
		d.mixList(c, e.Rec)
	case object.ZSet:
		d.addZSet(c, e.Rec)
	case object.Stream:
		d.mixStream(c, e.Rec)
	default:
		d.mix(c.StringOf(e))
	}
	if e.Due() >= 0 {
		d.add(expireMark)
	}
}

// debugDigest digests all databases, expired keys that are still there
// included.
func debugDigest(c *command.Ctx) {
	var all digest
	for i := range c.KS.DBCount() {
		db := c.KS.DB(i)
		if db.Len() == 0 {
			continue
		}
		all.mixNumber(i)
		for shard := range keyspace.ShardCount {
			db.ScanShard(shard, func(e keyspace.Entry) {
				var d digest
				d.mix(object.Key(e.Rec))
				d.mixValue(c, e)
				all.add(d[:])
			})
		}
	}
	c.W.Simple(hex.EncodeToString(all[:]))
}

// debugDigestValue digests the values of keys in the current database; one that
// does not exist gives zeros.
func debugDigestValue(c *command.Ctx) {
	c.W.Array(len(c.Args) - 2)
	for _, key := range c.Args[2:] {
		var d digest
		if e := c.DB.Find(c.KS.Key(key)); e.OK() {
			d.mixValue(c, e)
		}
		c.W.Simple(hex.EncodeToString(d[:]))
	}
}

// debugObject describes a value. The address is that of the key's record, which
// also holds short values: it stays while the value is changed in place.
func debugObject(c *command.Ctx) {
	e := c.DB.Find(c.KS.Key(c.Args[2]))
	if !e.OK() {
		c.Err(command.ErrNoSuchKey)
		return
	}
	h := object.Load(e.Rec)
	access := h.Access()
	idle := int64(0)
	if c.LFU == nil {
		idle = command.IdleSec(access, c.Now)
		access = command.AccessLRU(access)
	}
	c.W.Simple(fmt.Sprintf("Value at:0x%x refcount:%d encoding:%s serializedlength:%d lru:%d lru_seconds_idle:%d%s",
		uint64(e.Rec)*addressUnit, refCount(e), h.Encoding().Name(), c.SavedLength(e), access, idle, quicklistFields(c, e.Rec)))
}

const (
	addressUnit = 8 // bytes that a handle counts by

	sharedMax   = 10000     // integers below it are shared objects in Redis
	sharedCount = 1<<31 - 1 // and say so by this number of references
)

// refCount returns the number of references that Redis would tell.
func refCount(e keyspace.Entry) int {
	if object.Load(e.Rec).Encoding() == object.EncInt {
		if n := object.IntAt(e.Rec); n >= 0 && n < sharedMax {
			return sharedCount
		}
	}
	return 1
}

// debugPopulate makes keys; neither replicas nor the AOF learn of them.
func debugPopulate(c *command.Ctx) {
	count, ok := positive(c, 2)
	if !ok {
		return
	}
	prefix, size := []byte("key"), int64(0)
	if len(c.Args) > 3 {
		prefix = c.Args[3]
	}
	if len(c.Args) > 4 {
		if size, ok = positive(c, 4); !ok {
			return
		}
	}
	padded := make([]byte, size)
	var key, value []byte
	for i := range count {
		key = num.AppendInt(append(append(key[:0], prefix...), ':'), i)
		k := c.KS.Key(key)
		if c.FindIn(c.DB, k).OK() {
			continue
		}
		value = num.AppendInt(append(value[:0], "value:"...), i)
		content := value
		if size > 0 {
			clear(padded[copy(padded, value):])
			content = padded
		}
		c.DB.SetString(k, keyspace.Entry{}, content, keyspace.NoTTL, c.Access)
		c.Notify(command.NotifyNew, "new", key)
	}
	c.W.OK()
}

// positive reads argument i; ok is false after the error reply.
func positive(c *command.Ctx, i int) (n int64, ok bool) {
	n, ok = num.ParseInt64(c.Args[i])
	if !ok || n < 0 {
		c.Err(command.ErrNotPositive)
		return 0, false
	}
	return n, true
}
