package rdb

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"kvorum/mem"
	"kvorum/object"
	"kvorum/object/hash"
	"kvorum/object/list"
	"kvorum/object/set"
	"kvorum/object/stream"
	"kvorum/object/zset"
)

// FuzzPayload has values made of any bytes: either they are refused and leave
// nothing, or what was made stands being read, changed and written again.
func FuzzPayload(f *testing.F) {
	w := newWorld(f)
	recs := w.values()
	for version := VersionMin; version <= VersionMax; version++ {
		for _, rec := range recs {
			form := Form{Version: version}
			out, _ := w.fin.AppendDump(nil, nil, rec, &form, Options{Compress: version%2 == 0})
			f.Add(out[:len(out)-footerSize])
		}
	}
	for _, rec := range recs {
		object.Free(rec)
	}
	for _, body := range []string{
		"\x0a" + sized(ziplist("\xf1", zipString("a"))), "\x0c" + sized(ziplist(zipString("a"), "\xf3")),
		"\x0d" + sized(ziplist(zipString("a"), "\xf3")), "\x0e\x01" + sized(ziplist("\xf1")),
		"\x09" + sized("\x02\x01f\x01\x00v\x02gg\x03\x02xyz..\xff"), "\x03\x02\x01a\x031.5\x01b\xfe", "\x12\x01\x01\x02ab",
		"\x16\x02\x05\x01f\x01v\x00\x01g\x01v", "\x17" + sized(triples("f", "v", "9", "g", "w", "0", "h", "x", "5")),
		"\x18\x07\x00\x00\x00\x00\x00\x00\x00\x02\x05\x01f\x01v\x00\x01g\x01v",
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		w := newWorld(t)
		payload := append(bytes.Clone(body), strings.Repeat("\x00", footerSize)...)
		rec, err := w.b.BuildPayload(w.a, []byte("k"), payload, 0, false)
		if err != nil {
			return
		}
		defer object.Free(rec)
		want := w.text(rec)
		form := Form{Version: VersionMax}
		out, _ := w.fin.AppendDump(nil, nil, rec, &form, Options{Compress: true})
		back, err := w.b.BuildPayload(w.a, []byte("k"), out, 0, false)
		if err != nil {
			t.Fatalf("written again: %v", err)
		}
		if got := w.text(back); got != want {
			t.Fatalf("was %.500s\nis  %.500s", want, got)
		}
		object.Free(back)
		w.change(rec)
		w.text(rec)
	})
}

// change does something of everything to a value.
func (w *world) change(rec mem.Handle) {
	member := []byte("a member that is too long to be packed")
	switch object.Load(rec).Type() {
	case object.Hash:
		h := hash.Open(rec)
		h.Set([]byte("1"), []byte("2"), testLimits.Hash, &w.buf)
		h.Delete([]byte("1"))
		h.Set(member, member, testLimits.Hash, &w.buf)
		h.Delete(member)
	case object.Set:
		var s set.Set
		s.Open(rec)
		s.Add([]byte("1"), testLimits.Set, &w.buf)
		s.Delete([]byte("1"))
		s.Add(member, testLimits.Set, &w.buf)
		s.Delete(member)
	case object.ZSet:
		var s zset.Set
		s.Open(rec)
		s.Put([]byte("1"), 2, testLimits.ZSet, &w.buf)
		s.Put([]byte("1"), -3, testLimits.ZSet, &w.buf)
		s.Put(member, 0, testLimits.ZSet, &w.buf)
		s.Delete([]byte("1"))
		for s.Len() > 1 {
			var c zset.Cursor
			s.At(s.Len()/2, &c)
			name := bytes.Clone(c.Member())
			if !s.Delete(name) {
				w.t.Fatalf("%q is not found", name)
			}
		}
	case object.List:
		var l list.List
		l.Open(rec, testLimits.List, &w.buf)
		l.Grow(1, len(member))
		var c list.Cursor
		l.At(l.Len()/2, &c)
		c.Insert(member)
		if rest := l.DeleteRange(0, l.Len()/2); rest != 0 {
			object.Free(rest)
		}
	case object.Stream:
		w.changeStream(rec)
	}
}

func (w *world) changeStream(rec mem.Handle) {
	var s stream.Stream
	s.Open(rec, &w.buf)
	if id, ok := s.LastID().Next(); ok {
		s.Append(id, [][]byte{[]byte("f"), []byte("v")}, stream.Limits{})
		s.Delete(id)
	}
	for s.Len() > 0 {
		first := s.FirstID()
		if !s.Delete(first) {
			w.t.Fatalf("%v is not found", first)
		}
	}
	groups := s.Groups()
	for g := groups.First(); g.Valid(); g.Next() {
		all := g.Group().AllPending()
		var ids []stream.ID
		for p := all.Seek(stream.ID{}); p.Valid(); p.Next() {
			ids = append(ids, p.Pending().ID())
		}
		for _, id := range ids {
			g.Group().Ack(id)
		}
	}
}

// FuzzFile has files of any bytes scanned and their keys made.
func FuzzFile(f *testing.F) {
	w := newWorld(f)
	recs := w.values()
	f.Add(w.file(recs, true))
	f.Add(w.file(recs[:3], false))
	for _, rec := range recs {
		object.Free(rec)
	}
	f.Add([]byte("REDIS0003\xfe\x00\xfd\x00\x00\x00\x7f\x00\x01k\x01v\xf7\x81\x00\x00\x00\x00\x00\x00\x04\x00\x02\x02\x00\xff"))
	f.Fuzz(func(t *testing.T, file []byte) {
		w := newWorld(t)
		s := NewScanner(bytes.NewReader(file), false)
		for {
			it, err := s.Next()
			if err != nil || it.Kind == KindEnd {
				return
			}
			if it.Kind != KindKey {
				continue
			}
			var rec mem.Handle
			if it.Large() {
				rec, err = w.b.BuildLarge(s, w.a, it, 0)
			} else {
				rec, err = w.b.Build(w.a, it, 0)
			}
			if err == nil {
				object.Free(rec)
			} else if !errors.Is(err, ErrEmpty) {
				return
			}
		}
	})
}
