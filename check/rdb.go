// Package check looks at files of servers: kvorum check-rdb and check-aof, which are
// also redis-check-rdb and redis-check-aof. What they print is what Redis's tools print,
// line by line; scripts go by the exit status: 0 when the file is right, 1 when it is
// not or cannot be read.
//
// check-rdb reads the whole file as a server would that loads it, with all checks of
// package rdb, keeps nothing of it and changes nothing. check-aof finds where the
// commands of a log begin and end, does not look at what they mean, and cuts the last
// file if told to: no server may use it meanwhile.
package check

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"time"

	"kvorum/mem"
	"kvorum/object"
	"kvorum/rdb"
	"kvorum/vfs"
)

const (
	rdbUsage = "Usage: %s <rdb-file-name>\n       %s --report [--json] [--top <count>] <rdb-file-name>\n"

	readBuffer = 1 << 20
)

// RDB is the program check-rdb: args are the words behind its name, name is what it
// was called by. It returns the exit status.
func RDB(name string, args []string, version string, out, problems io.Writer) int {
	o, file, ok := rdbOptions(args)
	switch {
	case len(args) == 1 && (args[0] == "-v" || args[0] == "--version"):
		fmt.Fprintf(out, "%s %s\n", name, version)
		return 0
	case !ok:
		fmt.Fprintf(problems, rdbUsage, name, name)
		return 1
	}
	f, err := vfs.OS{}.Open(file)
	if err != nil {
		fmt.Fprintf(problems, "Cannot open file %s: %s\n", file, errors.Unwrap(err))
		return 1
	}
	w := bufio.NewWriter(out)
	c := &rdbCheck{out: w, nowMs: time.Now().UnixMilli()}
	if o.report {
		c.out, c.report = bufio.NewWriter(io.Discard), newReport(o.top)
	}
	right := c.run(file, f)
	if o.report && !right {
		c.out = w
		c.explain()
	} else if o.report {
		err = c.report.write(w, o.json)
	}
	if err = errors.Join(err, w.Flush(), f.Close()); err != nil {
		fmt.Fprintln(problems, err)
		return 1
	}
	if !right {
		return 1
	}
	return 0
}

// rdbCheck is one check of one file.
type rdbCheck struct {
	out                    *bufio.Writer
	nowMs                  int64
	scan                   *rdb.Scanner
	keys, expires, expired int64
	err                    error
	report                 *report
}

func (c *rdbCheck) say(format string, args ...any) {
	fmt.Fprintf(c.out, "[offset %d] "+format+"\n", append([]any{c.scan.Offset()}, args...)...)
}

// run checks the file and tells the result.
func (c *rdbCheck) run(name string, src io.Reader) (right bool) {
	c.scan = rdb.NewScanner(bufio.NewReaderSize(src, readBuffer), true)
	c.say("Checking RDB file %s", name)
	arena := mem.NewArena()
	defer arena.Close()
	builder := rdb.Builder{Limits: rdb.DefaultLimits(), NowMs: c.nowMs}
	for c.err == nil {
		it, err := c.scan.Next()
		if err != nil {
			if _, _, in := c.scan.Broken(); in {
				c.keys++
			}
			c.err = err
			break
		}
		if it.Kind == rdb.KindEnd {
			c.end()
			return true
		}
		c.err = c.item(&builder, arena, it)
	}
	c.explain()
	return false
}

func (c *rdbCheck) item(b *rdb.Builder, arena *mem.Arena, it *rdb.Item) error {
	switch it.Kind {
	case rdb.KindAux:
		c.say("AUX FIELD %s = '%s'", it.Name, it.Text)
	case rdb.KindSelect:
		c.say("Selecting DB ID %d", it.DB)
	case rdb.KindModule:
		c.say("MODULE AUX for: %s", it.Name)
	case rdb.KindKey:
		c.keys++
		if it.Due >= 0 {
			c.expires++
			if it.Due < c.nowMs {
				c.expired++
			}
		}
		from := it.At
		err := c.value(b, arena, it)
		if err == nil && c.report != nil {
			c.report.add(it, c.scan.Offset()-from, c.nowMs)
		}
		return err
	}
	return nil
}

// value makes the value and throws it away.
func (c *rdbCheck) value(b *rdb.Builder, arena *mem.Arena, it *rdb.Item) error {
	var rec mem.Handle
	var err error
	switch {
	case it.OfModule() && it.Large():
		return c.scan.PassLarge(it)
	case it.OfModule():
		return nil
	case it.Large():
		rec, err = b.BuildLarge(c.scan, arena, it, 0)
	default:
		rec, err = b.Build(arena, it, 0)
	}
	if errors.Is(err, rdb.ErrEmpty) {
		return nil // a server passes over it
	}
	if err == nil {
		object.Free(rec)
	}
	return err
}

// end tells of a file that is right.
func (c *rdbCheck) end() {
	switch c.scan.Sum() {
	case rdb.SumRight:
		c.say("Checksum OK")
	case rdb.SumOff:
		c.say("RDB file was saved with checksum disabled: no check performed.")
	}
	c.say(`\o/ RDB looks OK! \o/`)
	c.figures()
}

func (c *rdbCheck) figures() {
	fmt.Fprintf(c.out, "[info] %d keys read\n[info] %d expires\n[info] %d already expired\n", c.keys, c.expires, c.expired)
}

// explain tells what is wrong.
func (c *rdbCheck) explain() {
	fmt.Fprintln(c.out, "--- RDB ERROR DETECTED ---")
	c.say("%s", c.problem())
	fmt.Fprintf(c.out, "[additional info] While doing: %s\n", c.scan.Doing())
	key, t, in := c.scan.Broken()
	if in {
		fmt.Fprintf(c.out, "[additional info] Reading key '%s'\n", key)
	}
	switch doing := c.scan.Doing(); {
	case doing == rdb.DoingKey || doing == rdb.DoingValue:
		fmt.Fprintf(c.out, "[additional info] Reading type %d (%s)\n", t, rdb.TypeName(t))
	case c.keys == 0: // as Redis's tool has it before the first key
		fmt.Fprintf(c.out, "[additional info] Reading type 0 (%s)\n", rdb.TypeName(0))
	}
	c.figures()
}

// problem returns the message that Redis has for an error, or kvorum's own.
func (c *rdbCheck) problem() string {
	_, t, _ := c.scan.Broken()
	switch {
	case errors.Is(c.err, rdb.ErrTruncated):
		return rdb.ErrTruncated.Error()
	case errors.Is(c.err, rdb.ErrSum):
		return rdb.ErrSum.Error()
	case errors.Is(c.err, rdb.ErrSignature):
		return rdb.ErrSignature.Error()
	case errors.Is(c.err, rdb.ErrVersion):
		return c.err.Error()
	case errors.Is(c.err, rdb.ErrType):
		return fmt.Sprintf("Invalid object type: %d", t)
	}
	return "Internal error in RDB reading " + c.err.Error()
}
