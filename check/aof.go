package check

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
	"syscall"

	"kvorum/aof"
	"kvorum/vfs"
)

// errStop ends the program with status 1; all has been said.
var errStop = errors.New("check: stopped")

// AOF is check-aof: args are the words behind the program's name. It returns the exit
// status.
func AOF(name string, args []string, stdin io.Reader, stdout io.Writer) int {
	c := &aofCheck{fs: vfs.OS{}, in: bufio.NewReader(stdin), out: bufio.NewWriter(stdout), line: 1}
	defer func() { _ = c.out.Flush() }() // nobody is left to tell
	file, ok := c.arguments(name, args)
	if !ok || c.check(file) != nil {
		return 1
	}
	return 0
}

// aofCheck is one run of the program.
type aofCheck struct {
	fs  vfs.FS
	in  *bufio.Reader
	out *bufio.Writer
	fix bool
	to  int64 // truncate to this Unix time, 0: do not
	// line is the number of the next line. Redis goes on counting from file to file.
	line int64
}

func (c *aofCheck) say(format string, args ...any) {
	fmt.Fprintf(c.out, format+"\n", args...)
}

// stop says why the program ends.
func (c *aofCheck) stop(format string, args ...any) error {
	c.say(format, args...)
	return errStop
}

func (c *aofCheck) arguments(name string, args []string) (file string, ok bool) {
	switch {
	case len(args) == 1:
		return args[0], true
	case len(args) == 2 && args[0] == "--fix":
		c.fix = true
		return args[1], true
	case len(args) == 3 && args[0] == "--truncate-to-timestamp":
		to, err := strconv.ParseInt(args[1], 10, 64)
		if err != nil {
			c.say("Invalid timestamp, aborting...")
			return "", false
		}
		c.to = to
		return args[2], true
	}
	c.say("Usage: %s [--fix|--truncate-to-timestamp $timestamp] <file.manifest|file.aof>", name)
	return "", false
}

// check finds out what the file is.
func (c *aofCheck) check(file string) error {
	manifest, err := c.isManifest(file)
	if err != nil {
		return err
	}
	if manifest {
		return c.multiPart(file)
	}
	rdb, err := c.isRDB(file)
	if err != nil {
		return err
	}
	c.say("Start checking Old-Style AOF")
	result, err := c.one(file, file, true, rdb)
	if err == nil {
		c.tell(result, "AOF", file)
	}
	return err
}

func (c *aofCheck) cannotOpen(file string, err error) error {
	return c.stop("Cannot open file %s: %s", file, text(err))
}

// isManifest reports whether the first line that is no comment names a file.
func (c *aofCheck) isManifest(file string) (bool, error) {
	f, err := c.fs.Open(file)
	if err != nil {
		return false, c.cannotOpen(file, err)
	}
	defer func() { _ = f.Close() }() // it was only read
	r := bufio.NewReader(f)
	for {
		line, err := r.ReadSlice('\n')
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
			return false, c.stop("Cannot read file: %s", file)
		}
		if len(line) == 0 || line[0] != '#' {
			return bytes.HasPrefix(line, []byte("file")), nil
		}
	}
}

// isRDB reports whether a file begins with a snapshot.
func (c *aofCheck) isRDB(file string) (bool, error) {
	f, err := c.fs.Open(file)
	if err != nil {
		return false, c.cannotOpen(file, err)
	}
	defer func() { _ = f.Close() }() // it was only read
	var head [8]byte
	n, _ := f.ReadAt(head[:], 0) // a file that cannot be read says so soon
	return n == len(head) && bytes.HasPrefix(head[:], []byte("REDIS")), nil
}

// multiPart checks all files that a manifest names.
func (c *aofCheck) multiPart(file string) error {
	c.say("Start checking Multi Part AOF")
	data, err := vfs.ReadFile(c.fs, file)
	if err != nil {
		return c.cannotOpen(file, err)
	}
	m, err := aof.ParseManifest(data)
	if err != nil {
		var me *aof.ManifestError
		if errors.As(err, &me) {
			for _, line := range me.Report() {
				c.say("%s", line)
			}
		}
		return errStop
	}
	files := m.Files()
	for i, f := range files {
		at, last := path.Join(path.Dir(file), f.Name), i == len(files)-1
		rdb, label := false, "INCR AOF"
		if f.Type == aof.Base {
			if rdb, err = c.isRDB(at); err != nil {
				return err
			}
			format := "RESP"
			if rdb {
				format = "RDB"
			}
			c.say("Start to check BASE AOF (%s format).", format)
			label = "BASE AOF"
		} else if i == 0 || files[i-1].Type == aof.Base {
			c.say("Start to check INCR files.")
		}
		result, err := c.one(f.Name, at, last, rdb)
		if err != nil {
			return err
		}
		c.tell(result, label, f.Name)
	}
	c.say("All AOF files and manifest are valid")
	return nil
}

// result is what became of a file.
type result int

const (
	valid result = iota
	empty
	truncated
	timeTruncated
)

func (c *aofCheck) tell(r result, label, name string) {
	switch r {
	case valid:
		c.say("%s %s is valid", label, name)
	case empty:
		c.say("%s %s is empty", label, name)
	case timeTruncated:
		c.say("Successfully truncated AOF %s to timestamp %d", name, c.to)
	case truncated:
		c.say("Successfully truncated AOF %s", name)
	}
}

// one checks a file; only the last one of a log may be cut.
func (c *aofCheck) one(name, at string, last, rdb bool) (result, error) {
	f, err := c.fs.Edit(at)
	if err != nil {
		return 0, c.stop("Cannot open file %s: %s, aborting...", at, text(err))
	}
	defer func() { _ = f.Close() }() // what was changed is synced
	size, err := f.Size()
	if err != nil {
		return 0, c.stop("Cannot stat file: %s, aborting...", name)
	}
	if size == 0 {
		return empty, nil
	}
	s := &aofScan{check: c, file: f, name: name, path: at, last: last}
	if rdb {
		end, err := c.preamble(at, f, size)
		if err != nil {
			return 0, err
		}
		s.pos = end
	}
	cut, err := s.scan()
	if err != nil {
		return 0, err
	}
	if cut {
		return timeTruncated, nil
	}
	return c.conclude(s, size)
}

// conclude tells what was found in a file, and cuts it if told to.
func (c *aofCheck) conclude(s *aofScan, size int64) (result, error) {
	if s.problem != "" {
		c.say("0x%16x: %s", s.problemAt, s.problem)
	}
	diff := size - s.good
	if diff == 0 && c.to != 0 {
		c.say("Truncate nothing in AOF %s to timestamp %d", s.name, c.to)
		return valid, nil
	}
	c.say("AOF analyzed: filename=%s, size=%d, ok_up_to=%d, ok_up_to_line=%d, diff=%d", s.name, size, s.good, c.line, diff)
	switch {
	case diff <= 0:
		return valid, nil
	case !c.fix:
		return 0, c.stop("AOF %s is not valid. Use the --fix option to try fixing it.", s.name)
	case !s.last:
		return 0, c.stop("Failed to truncate AOF %s because it is not the last file", s.name)
	}
	c.say("This will shrink the AOF %s from %d bytes, with %d bytes, to %d bytes", s.name, size, diff, s.good)
	fmt.Fprint(c.out, "Continue? [y/N]: ")
	_ = c.out.Flush()                  // a prompt that cannot be shown is answered by nobody
	answer, _ := c.in.ReadString('\n') // no answer is a no
	if !strings.HasPrefix(strings.ToLower(answer), "y") {
		return 0, c.stop("Aborting...")
	}
	if err := truncate(s.file, s.good); err != nil {
		return 0, c.stop("Failed to truncate AOF %s", s.name)
	}
	return truncated, nil
}

func truncate(f vfs.File, size int64) error {
	if err := f.Truncate(size); err != nil {
		return err
	}
	return f.Sync()
}

// text is what the system says of an error.
func text(err error) string {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		s := errno.Error()
		return strings.ToUpper(s[:1]) + s[1:]
	}
	return err.Error()
}
