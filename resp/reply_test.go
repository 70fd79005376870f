package resp

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// replySeeds are well-formed streams of replies and their text.
var replySeeds = []struct{ wire, text string }{
	{"+OK\r\n", "+OK"},
	{"-ERR x\r\n", "-ERR x"},
	{":-5\r\n", ":-5"},
	{"$4\r\na\r\n\x00\r\n", `"a\r\n\x00"`},
	{"$0\r\n\r\n", `""`},
	{"$-1\r\n", "$-1"},
	{"*-1\r\n", "*-1"},
	{"_\r\n", "_"},
	{"#t\r\n", "#t"},
	{"#f\r\n", "#f"},
	{",1.5e+300\r\n", ",1.5e+300"},
	{",-inf\r\n", ",-inf"},
	{",nan\r\n", ",nan"},
	{"(123456789012345678901234567890\r\n", "(123456789012345678901234567890"},
	{"=6\r\ntxt:hi\r\n", `="txt:hi"`},
	{"!5\r\nERR x\r\n", `!"ERR x"`},
	{"*0\r\n", "*0"},
	{"*2\r\n$1\r\na\r\n*1\r\n:1\r\n", "*2\n  \"a\"\n  *1\n    :1"},
	{"%1\r\n+k\r\n~2\r\n:1\r\n:2\r\n", "%1\n  +k\n  ~2\n    :1\n    :2"},
	{">2\r\n+a\r\n+b\r\n", ">2\n  +a\n  +b"},
	{"|1\r\n+ttl\r\n:5\r\n$1\r\nv\r\n", "|1\n  +ttl\n  :5\n\"v\""},
	{"*1\r\n|1\r\n+a\r\n:1\r\n:2\r\n", "*1\n  |1\n    +a\n    :1\n  :2"},
}

func TestReplies(t *testing.T) {
	for _, s := range replySeeds {
		r := NewReplyReader(iotest.OneByteReader(strings.NewReader(s.wire)))
		v, err := r.Read()
		if err != nil {
			t.Errorf("%q: %v", s.wire, err)
			continue
		}
		if got := v.Text(); got != s.text {
			t.Errorf("%q: text\n%s\nwant\n%s", s.wire, got, s.text)
		}
		if got := v.AppendWire(nil); string(got) != s.wire {
			t.Errorf("%q: wire %q", s.wire, got)
		}
		if _, err := r.Read(); err != io.EOF {
			t.Errorf("%q: then %v, want EOF", s.wire, err)
		}
		for cut := 1; cut < len(s.wire); cut++ {
			if _, err := NewReplyReader(strings.NewReader(s.wire[:cut])).Read(); err != io.ErrUnexpectedEOF {
				t.Errorf("%q cut at %d: %v", s.wire, cut, err)
			}
		}
	}
}

func TestBadReplies(t *testing.T) {
	for _, wire := range []string{
		"\r\n", "x\r\n", ":a\r\n", ":\r\n", "$-2\r\n", "*-2\r\n", "%-1\r\n", "#x\r\n", "_x\r\n", "+a\n",
		"$1\r\nabc", "=2\r\nab\r\n", "=4\r\nabcd\r\n", ",x\r\n", "$?\r\n", "*?\r\n",
		"$99999999999999\r\n", "*99999999999999\r\n",
		strings.Repeat("*1\r\n", replyDepthMax+2) + ":1\r\n",
		strings.Repeat("|0\r\n", replyDepthMax+2) + ":1\r\n",
		"+" + strings.Repeat("x", replyLineMax+2*replyBufSize) + "\r\n",
	} {
		if _, err := NewReplyReader(strings.NewReader(wire)).Read(); !errors.Is(err, ErrReply) {
			t.Errorf("%.40q: %v", wire, err)
		}
	}
}

// TestAnnouncedReplyReservesLittle: a header alone must not cost memory.
func TestAnnouncedReplyReservesLittle(t *testing.T) {
	for _, wire := range []string{"$4000000000\r\nabc", "*4000000000\r\n:1\r\n"} {
		got := testing.Benchmark(func(b *testing.B) {
			for range b.N {
				if _, err := NewReplyReader(strings.NewReader(wire)).Read(); err != io.ErrUnexpectedEOF {
					b.Fatal(err)
				}
			}
		})
		if got.AllocedBytesPerOp() > 256<<10 {
			t.Errorf("%q: %d bytes", wire, got.AllocedBytesPerOp())
		}
	}
}

// FuzzReply: any input ends in a value or an error; a value's wire form reads
// back as the same wire form.
func FuzzReply(f *testing.F) {
	for _, s := range replySeeds {
		f.Add([]byte(s.wire))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		v, err := NewReplyReader(bytes.NewReader(in)).Read()
		if err != nil {
			return
		}
		v.Text()
		wire := v.AppendWire(nil)
		again, err := NewReplyReader(bytes.NewReader(wire)).Read()
		if err != nil || !bytes.Equal(again.AppendWire(nil), wire) {
			t.Fatalf("%q -> %q -> %v %q", in, wire, err, again.AppendWire(nil))
		}
	})
}

// TestCommands: requests as AppendCommand writes them are what Parser reads.
func TestCommands(t *testing.T) {
	args := [][]byte{[]byte("SET"), {}, bytes.Repeat([]byte("v"), 1500)}
	b := AppendCommand(nil, args...)
	if s := AppendCommandStrings(nil, "SET", "", string(args[2])); !bytes.Equal(b, s) {
		t.Errorf("strings: %q", s)
	}
	if n := CommandSize(args...); n != len(b) {
		t.Errorf("size %d, want %d", n, len(b))
	}
	dst := make([]byte, CommandRoom(args))
	if n := PutCommand(dst, args); !bytes.Equal(dst[:n], b) {
		t.Errorf("put %q", dst[:n])
	}
	var p Parser
	var req Request
	lim := DefaultLimits()
	if n, ok, _, err := p.Next(b, &req, &lim); n != len(b) || !ok || len(req.Args) != 3 || !bytes.Equal(req.Args[2], args[2]) {
		t.Error(n, ok, err)
	}
}
