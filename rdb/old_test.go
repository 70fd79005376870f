package rdb

import (
	"encoding/binary"
	"strings"
	"testing"

	"kvorum/object"
)

// ziplist makes a ziplist of entries that are in their form already.
func ziplist(entries ...string) string {
	out := make([]byte, zipHeader)
	before, last := 0, zipHeader
	for _, e := range entries {
		start := len(out)
		if before < zipLong {
			out = append(out, byte(before))
		} else {
			out = binary.LittleEndian.AppendUint32(append(out, zipLong), uint32(before))
		}
		out = append(out, e...)
		last, before = start, len(out)-start
	}
	out = append(out, zipEnd)
	binary.LittleEndian.PutUint32(out, uint32(len(out)))
	binary.LittleEndian.PutUint32(out[4:], uint32(last))
	binary.LittleEndian.PutUint16(out[8:], uint16(len(entries)))
	return string(out)
}

// zipString is an entry of a string, in the form that its length needs.
func zipString(s string) string {
	switch n := len(s); {
	case n < 1<<6:
		return string([]byte{byte(n)}) + s
	case n < 1<<14:
		return string([]byte{0x40 | byte(n>>8), byte(n)}) + s
	default:
		return string(binary.BigEndian.AppendUint32([]byte{0x80}, uint32(n))) + s
	}
}

// TestOldForms reads what servers from 2.2 to 6.2 wrote.
func TestOldForms(t *testing.T) {
	w := newWorld(t)
	long, longer := strings.Repeat("x", 300), strings.Repeat("y", 20_000)
	ints := []string{"\xf1", "\xfd", "\xfe\x80", "\xc0\x00\x80", "\xf0\x00\x00\x80", "\xd0\x00\x00\x00\x80", "\xe0\x00\x00\x00\x00\x00\x00\x00\x80"}
	for _, c := range []struct {
		name, body, want string
		enc              object.Encoding
	}{
		{"list", "\x01\x03\x01a\xc0\x05\x00", `"a" "5" ""`, object.EncListpack},
		{"list ziplist", "\x0a" + sized(ziplist(ints...)),
			`"0" "12" "-128" "-32768" "-8388608" "-2147483648" "-9223372036854775808"`, object.EncListpack},
		{"long strings", "\x0a" + sized(ziplist(zipString(long), zipString("b"), zipString(longer), "\xf2")),
			`"` + long + `" "b" "` + longer + `" "1"`, object.EncQuicklist},
		{"quicklist", "\x0e\x03" + sized(ziplist(zipString("a"), "\xf3")) + sized(ziplist()) + sized(ziplist(zipString("b"))), `"a" "2" "b"`, object.EncListpack},
		{"quicklist of plain nodes", "\x12\x02\x01" + sized(longer) + "\x01\x02ab", `"` + longer + `" "ab"`, object.EncQuicklist},
		{"hash ziplist", "\x0d" + sized(ziplist(zipString("f"), "\xf3", zipString("12"), zipString("v"))), `"12"="v" "f"="2"`, object.EncListpack},
		{"zipmap", "\x09" + sized("\x02\x01f\x01\x00v\x02gg\x03\x02xyz..\xff"), `"f"="v" "gg"="xyz"`, object.EncListpack},
		{"zipmap with a long value", "\x09" + sized("\x01\x01f\xfe\x2c\x01\x00\x00\x00"+long+"\xff"), `"f"="` + long + `"`, object.EncHashtable},
		{"zset ziplist", "\x0c" + sized(ziplist(zipString("a"), zipString("-1.5"), zipString("b"), "\xf3")), `"a" -1.5 "b" 2`, object.EncListpack},
		{"zset ziplist in no order", "\x0c" + sized(ziplist(zipString("a"), "\xf3", zipString("b"), zipString("-1.5"))), `"b" -1.5 "a" 2`, object.EncListpack},
		{"zset of old scores", "\x03\x04\x01a\x031.5\x01b\xfe\x01c\xff\x01d\x05-2e+1", `"c" -Inf "d" -20 "a" 1.5 "b" +Inf`, object.EncListpack},
		{"hash", "\x04\x02\x01f\x01v\x01g" + sized(long), `"f"="v" "g"="` + long + `"`, object.EncHashtable},
		{"set", "\x02\x03\xc0\x01\xc0\x02\x01a", `"1" "2" "a"`, object.EncListpack},
		{"intset", "\x0b" + sized("\x02\x00\x00\x00\x02\x00\x00\x00\x01\x00\x05\x00"), `"1" "5"`, object.EncIntset},
	} {
		rec, err := w.b.BuildPayload(w.a, []byte("k"), []byte(c.body+strings.Repeat("\x00", footerSize)), 0, false)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := w.text(rec); got != c.want {
			t.Errorf("%s\nis     %.300s\nwanted %.300s", c.name, got, c.want)
		}
		if enc := object.Load(rec).Encoding(); enc != c.enc {
			t.Errorf("%s has the encoding %s", c.name, enc.Name())
		}
		object.Free(rec)
		w.empty()
	}
}

// TestBadZiplists are each wrong in one place.
func TestBadZiplists(t *testing.T) {
	var p packed
	good := ziplist(zipString("abc"), "\xfe\x05", zipString("d"))
	if !p.fromZiplist([]byte(good)) || p.n != 3 {
		t.Fatal("the right one")
	}
	for i := range good {
		bad := []byte(good)
		bad[i] ^= 0x80
		if p.fromZiplist(bad) && i != len(good)-2 && i != 14 && i != 13 && i != 12 && i != 17 {
			t.Errorf("byte %d changed: taken", i)
		}
		if p.fromZiplist([]byte(good[:i])) {
			t.Errorf("cut at %d: taken", i)
		}
	}
}
