package aof

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"kvorum/resp"
)

const twoCommands = "*1\r\n$5\r\nMULTI\r\n#TS:1700000000\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\n\r\n\r\n"

func readAll(r *Reader) (commands []string, err error) {
	for {
		args, raw, err := r.Next()
		if err != nil {
			return commands, err
		}
		if again := resp.AppendCommand(nil, args...); !bytes.Equal(again, raw) {
			return commands, errors.New("words and bytes differ")
		}
		commands = append(commands, string(bytes.Join(args, []byte(" "))))
	}
}

func TestReaderGivesWholeCommands(t *testing.T) {
	r := NewReader(iotest.OneByteReader(strings.NewReader(twoCommands)), 0)
	got, err := readAll(r)
	if !errors.Is(err, io.EOF) || len(got) != 2 || got[0] != "MULTI" || got[1] != "SET k \r\n" {
		t.Fatalf("%q, %v", got, err)
	}
	if r.Offset() != int64(len(twoCommands)) || r.Timestamp != 1700000000 {
		t.Errorf("offset %d, time %d", r.Offset(), r.Timestamp)
	}
}

// Wherever the file ends, what is before is read and the end is told apart from
// damage.
func TestReaderAtEveryEnd(t *testing.T) {
	ends := map[int64]bool{0: true, 15: true, 31: true, int64(len(twoCommands)): true}
	for n := range len(twoCommands) + 1 {
		r := NewReader(strings.NewReader(twoCommands[:n]), 0)
		_, err := readAll(r)
		if !ends[r.Offset()] || r.Offset() > int64(n) {
			t.Fatalf("cut at %d: offset %d", n, r.Offset())
		}
		if whole := ends[int64(n)]; whole != errors.Is(err, io.EOF) || !whole && !errors.Is(err, ErrTruncated) {
			t.Fatalf("cut at %d: %v", n, err)
		}
	}
}

func TestReaderRefusesWhatServersDoNotWrite(t *testing.T) {
	for _, bad := range []string{
		"!!!", "*x\r\n", "*0\r\n", "*-1\r\n", "*1\r\n+OK\r\n", "*1\r\n$-1\r\n", "*1\r\n$1\r\nab\r\n",
		"*1\n$1\r\na\r\n", "*01\r\n$1\r\na\r\n", "*1\r\n$-0\r\n\r\n", "*\r\n", "\r\n", "*" + strings.Repeat("1", 40), "#" + strings.Repeat("x", 2000),
	} {
		r := NewReader(strings.NewReader("*1\r\n$4\r\nPING\r\n"+bad), 0)
		got, err := readAll(r)
		if len(got) != 1 || !errors.Is(err, ErrFormat) || r.Offset() != 14 {
			t.Errorf("%q: %q, %v at %d", bad, got, err, r.Offset())
		}
	}
}

func TestReaderTakesLongCommands(t *testing.T) {
	long := resp.AppendCommandStrings(nil, "SET", "k", strings.Repeat("v", 3*readSize))
	file := append(append([]byte(nil), long...), twoCommands...)
	got, err := readAll(NewReader(bytes.NewReader(file), 0))
	if len(got) != 3 || !errors.Is(err, io.EOF) {
		t.Fatalf("%d commands, %v", len(got), err)
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte(twoCommands))
	f.Add([]byte("*1\r\n$999999999999\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := NewReader(bytes.NewReader(data), 0)
		_, err := readAll(r)
		if errors.Is(err, io.EOF) != (r.Offset() == int64(len(data))) || r.Offset() > int64(len(data)) {
			t.Fatalf("offset %d of %d, %v", r.Offset(), len(data), err)
		}
		if !errors.Is(err, io.EOF) && !errors.Is(err, ErrTruncated) && !errors.Is(err, ErrFormat) {
			t.Fatal(err)
		}
	})
}
