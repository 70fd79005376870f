package aof

import (
	"strconv"

	"kvorum/ds/listpack"
	"kvorum/mem"
	"kvorum/object"
	"kvorum/object/hash"
	"kvorum/object/list"
	"kvorum/object/set"
	"kvorum/object/stream"
	"kvorum/object/zset"
	"kvorum/resp"
)

// A base without RDB says as commands what the data are. Redis's servers read it, and
// so do tools that know only the protocol.

// itemsMax is how many elements one command adds, as in Redis.
const itemsMax = 64

// AppendSelect appends the command that the keys of a database come after.
func AppendSelect(dst []byte, db int) []byte {
	return resp.AppendCommandStrings(dst, "SELECT", strconv.Itoa(db))
}

// AppendKey appends the commands that make a key. The caller holds the lock of its
// shard.
func AppendKey(dst []byte, rec mem.Handle) []byte {
	w := writer{out: dst, key: object.Key(rec)}
	switch object.Load(rec).Type() {
	case object.String:
		w.command(3, "SET")
		w.bulk(object.StringView(rec, w.digits[:]))
	case object.List:
		w.list(rec)
	case object.Set:
		w.set(rec)
	case object.Hash:
		w.hash(rec)
	case object.ZSet:
		w.zset(rec)
	case object.Stream:
		w.stream(rec)
	}
	if due := object.Due(rec); due >= 0 {
		w.command(3, "PEXPIREAT")
		w.int(due)
	}
	return w.out
}

// writer appends the commands of one key.
type writer struct {
	out    []byte
	key    []byte
	left   int // elements still to come
	count  int // elements that the running command still takes
	digits [64]byte
}

func (w *writer) bulk(b []byte) {
	w.out = append(strconv.AppendInt(append(w.out, '$'), int64(len(b)), 10), '\r', '\n')
	w.out = append(append(w.out, b...), '\r', '\n')
}

func (w *writer) word(s string) { w.bulk(append(w.digits[:0], s...)) }

func (w *writer) int(n int64) { w.bulk(strconv.AppendInt(w.digits[:0], n, 10)) }

func (w *writer) id(id stream.ID) { w.bulk(id.Append(w.digits[:0])) }

// start begins a command of so many words.
func (w *writer) start(words int) {
	w.out = append(strconv.AppendInt(append(w.out, '*'), int64(words), 10), '\r', '\n')
}

// command begins a command of so many words with its name and the key.
func (w *writer) command(words int, name string) {
	w.start(words)
	w.word(name)
	w.bulk(w.key)
}

// item begins another command if the running one has all its elements, each of which
// is so many words.
func (w *writer) item(name string, words int) {
	if w.count == 0 {
		w.count = min(w.left, itemsMax)
		w.command(2+w.count*words, name)
	}
	w.count--
	w.left--
}

func (w *writer) list(rec mem.Handle) {
	var l list.List
	var buf []byte
	l.Open(rec, list.Limits{}, &buf)
	w.left = l.Len()
	l.Nodes(func(lp []byte) {
		for p := listpack.HeaderSize; p < listpack.End(lp); {
			var v listpack.Value
			v, p = listpack.At(lp, p)
			w.item("RPUSH", 1)
			w.bulk(v.Bytes(w.digits[:]))
		}
	})
}

func (w *writer) set(rec mem.Handle) {
	var s set.Set
	s.Open(rec)
	w.left = s.Len()
	var it set.Iter
	for it.Start(&s); it.Next(); {
		w.item("SADD", 1)
		w.bulk(it.Member())
	}
}

func (w *writer) hash(rec mem.Handle) {
	h := hash.Open(rec)
	w.left = h.Len()
	var it hash.Iter
	for it.Start(&h); it.Next(); {
		w.item("HMSET", 2)
		w.bulk(it.Field())
		w.bulk(it.Value())
	}
	for it.Start(&h); it.Next(); {
		if due := it.Due(); due > 0 {
			w.command(6, "HPEXPIREAT")
			w.int(due)
			w.word("FIELDS")
			w.word("1")
			w.bulk(it.Field())
		}
	}
}

func (w *writer) zset(rec mem.Handle) {
	var s zset.Set
	s.Open(rec)
	w.left = s.Len()
	var c zset.Cursor
	for s.At(0, &c); c.Valid(); c.Next() {
		w.item("ZADD", 2)
		w.bulk(resp.AppendDouble17(w.digits[:0], c.Score()))
		w.bulk(c.Member())
	}
}

func (w *writer) stream(rec mem.Handle) {
	var s stream.Stream
	var buf []byte
	s.Open(rec, &buf)
	for c := s.Seek(stream.ID{}); c.Valid(); c.Next() {
		w.command(3+2*c.Fields(), "XADD")
		w.id(c.ID())
		for range c.Fields() {
			field, value := c.Pair()
			w.bulk(field.Bytes(w.digits[:]))
			w.bulk(value.Bytes(w.digits[:]))
		}
	}
	if s.Len() == 0 {
		w.command(7, "XADD")
		w.word("MAXLEN")
		w.word("0")
		w.id(stream.ID{Seq: 1})
		w.word("x")
		w.word("y")
	}
	w.command(7, "XSETID")
	w.id(s.LastID())
	w.word("ENTRIESADDED")
	w.bulk(strconv.AppendUint(w.digits[:0], s.Added(), 10))
	w.word("MAXDELETEDID")
	w.id(s.MaxDeleted())
	groups := s.Groups()
	for c := groups.First(); c.Valid(); c.Next() {
		w.group(c.Group())
	}
}

func (w *writer) group(g stream.Group) {
	w.start(7)
	w.word("XGROUP")
	w.word("CREATE")
	w.bulk(w.key)
	w.bulk(g.Name())
	w.id(g.Last())
	w.word("ENTRIESREAD")
	w.int(g.Read())
	consumers := g.Consumers()
	for c := consumers.First(); c.Valid(); c.Next() {
		w.consumer(g, c.Consumer())
	}
}

func (w *writer) consumer(g stream.Group, c stream.Consumer) {
	if c.PendingCount() == 0 {
		w.start(5)
		w.word("XGROUP")
		w.word("CREATECONSUMER")
		w.bulk(w.key)
		w.bulk(g.Name())
		w.bulk(c.Name())
		return
	}
	own := c.AllPending()
	for at := own.Seek(stream.ID{}); at.Valid(); at.Next() {
		p := at.Pending()
		w.command(12, "XCLAIM")
		w.bulk(g.Name())
		w.bulk(c.Name())
		w.word("0")
		w.id(p.ID())
		w.word("TIME")
		w.int(p.Time())
		w.word("RETRYCOUNT")
		w.int(p.Count())
		w.word("JUSTID")
		w.word("FORCE")
	}
}
