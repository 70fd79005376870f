package check

import (
	"io"
	"time"

	"kvorum/vfs"
)

// preamble checks the snapshot that a file begins with, and returns where it ends.
func (c *aofCheck) preamble(path string, f vfs.File, size int64) (end int64, err error) {
	r := &rdbCheck{out: c.out, nowMs: time.Now().UnixMilli()}
	if !r.run(path, io.NewSectionReader(f, 0, size)) {
		return 0, c.stop("RDB preamble of AOF file is not sane, aborting.")
	}
	c.say("RDB preamble is OK, proceeding with AOF tail...")
	return r.scan.Offset(), nil
}
