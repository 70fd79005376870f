package check

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"kvorum/vfs"
)

// aofScan goes through the commands of a file, and stops where there is none.
type aofScan struct {
	check *aofCheck
	file  vfs.File
	name  string // in messages
	path  string
	last  bool // of its log

	r         *bufio.Reader
	pos       int64  // of the next byte
	good      int64  // the file is whole up to here
	open      bool   // after MULTI
	end       bool   // the file ended where more was expected
	problem   string // what was found at problemAt instead of a command
	problemAt int64
}

// Longest lines: of a number, and of an annotation.
const (
	numberLineMax     = 127
	annotationLineMax = 1023
)

// fail notes a problem at the offset where the part began that has it.
func (s *aofScan) fail(format string, args ...any) bool {
	s.problem = fmt.Sprintf(format, args...)
	return false
}

// scan reads to the end of the file, or to what is no command. cut: the file was cut at
// the timestamp asked for.
func (s *aofScan) scan() (cut bool, err error) {
	s.r = bufio.NewReaderSize(io.NewSectionReader(s.file, s.pos, 1<<62), 1<<20)
	for {
		if !s.open {
			s.good = s.pos
		}
		b, err := s.r.Peek(1)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return false, s.check.stop("Failed to read from AOF %s, aborting...", s.name)
		}
		switch b[0] {
		case '#':
			if cut, err := s.annotation(); cut || err != nil {
				return cut, err
			}
			continue
		case '*':
			if s.command() {
				continue
			}
		default:
			s.check.say("AOF %s format error", s.name)
			return false, nil
		}
		break
	}
	if s.open && s.problem == "" {
		s.fail("Reached EOF before reading EXEC for MULTI")
	}
	return false, nil
}

// annotation reads a line that begins with '#', and cuts the file before it if its time
// is later than asked for.
func (s *aofScan) annotation() (cut bool, err error) {
	at := s.pos
	line := s.readLine(annotationLineMax)
	rest, ok := bytes.CutPrefix(line, []byte("#TS:"))
	if !ok || s.check.to == 0 {
		return false, nil
	}
	ts, err := strconv.ParseInt(string(bytes.TrimRight(rest, "\r\n")), 10, 64)
	c := s.check
	switch {
	case err != nil:
		return false, c.stop("Invalid timestamp annotation")
	case ts <= c.to:
		return false, nil
	case at == 0:
		return false, c.stop("AOF %s has nothing before timestamp %d, aborting...", s.path, c.to)
	case !s.last:
		c.say("Failed to truncate AOF %s to timestamp %d to offset %d because it is not the last file.", s.path, c.to, at)
		return false, c.stop("If you insist, please delete all files after this file according to the manifest " +
			"file and delete the corresponding records in manifest file manually. Then re-run redis-check-aof.")
	}
	if err := truncate(s.file, at); err != nil {
		return false, c.stop("Failed to truncate AOF %s to timestamp %d", s.path, c.to)
	}
	return true, nil
}

// readLine reads up to the end of a line, at most limit bytes.
func (s *aofScan) readLine(limit int) []byte {
	b, _ := s.r.Peek(limit) // fewer at the end of the file
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		b = b[:i+1]
	}
	line := bytes.Clone(b)
	_, _ = s.r.Discard(len(b)) // they are there
	s.pos += int64(len(b))
	return line
}

// command reads a command; false: there is none, and why is noted unless the file ends.
func (s *aofScan) command() bool {
	count, ok := s.number('*')
	if !ok {
		return false
	}
	for i := range count {
		size, ok := s.number('$')
		if !ok {
			return false
		}
		if size < 0 {
			return s.fail("Expected to read string of %d bytes, which is not in the suitable range", size)
		}
		word, ok := s.bytes(size)
		if !ok {
			return false
		}
		if i > 0 {
			continue
		}
		switch strings.ToLower(string(word)) {
		case "multi":
			if s.open {
				return s.fail("Unexpected MULTI in AOF %s", s.path)
			}
			s.open = true
		case "exec":
			if !s.open {
				return s.fail("Unexpected EXEC in AOF %s", s.path)
			}
			s.open = false
		}
	}
	return true
}

// number reads a line of a mark and a number.
func (s *aofScan) number(mark byte) (n int64, ok bool) {
	s.problemAt = s.pos
	line := s.readLine(numberLineMax)
	if len(line) == 0 {
		return 0, false
	}
	if line[0] != mark {
		return 0, s.fail("Expected prefix '%c', got: '%c'", mark, line[0])
	}
	digits := 1
	for digits < len(line) && (line[digits] >= '0' && line[digits] <= '9' || digits == 1 && line[1] == '-') {
		digits++
	}
	n, _ = strconv.ParseInt(string(line[1:digits]), 10, 64) // 0 without digits, as strtol has it
	return n, s.newline(line[digits:])
}

// newline wants the end of a line.
func (s *aofScan) newline(b []byte) bool {
	if bytes.HasPrefix(b, []byte("\r\n")) {
		s.check.line++
		return true
	}
	var got [2]byte
	copy(got[:], b)
	return s.fail("Expected \\r\\n, got: %02x%02x", got[0], got[1])
}

// wordKept is how much of a word is looked at.
const wordKept = 16

// bytes reads a string and the end of its line, and returns its beginning.
func (s *aofScan) bytes(size int64) (word []byte, ok bool) {
	s.problemAt = s.pos
	want := size + int64(len("\r\n"))
	word = make([]byte, min(size, wordKept))
	n, _ := io.ReadFull(s.r, word) // the count says whether all is there
	got := int64(n)
	if got == int64(len(word)) {
		skipped, _ := io.CopyN(io.Discard, s.r, size-got) // the same
		got += skipped
	}
	var end [2]byte
	if got == size {
		n, _ = io.ReadFull(s.r, end[:]) // the same
		got += int64(n)
	}
	s.pos += got
	if got != want {
		return nil, s.fail("Expected to read %d bytes, got %d bytes", want, got)
	}
	return word, s.newline(end[:])
}
