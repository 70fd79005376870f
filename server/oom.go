package server

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Modes of oom-score-adj, as the table of directives numbers them.
const (
	oomOff = iota
	oomRelative
	oomAbsolute
)

// oomScore is how ready the kernel is to end this process when the machine is
// out of memory: from -1000 (never) to 1000 (first).
//
// I1: base is the score before the first change since the mode was last "no".
type oomScore struct {
	path    string // of the kernel's file
	changed bool   // base is known, and what the file has is ours
	base    int
}

const oomScoreFile = "/proc/self/oom_score_adj"

// errOOMScore is the problem that CONFIG SET names.
var errOOMScore = errors.New("Failed to set current oom_score_adj. Check server logs.")

// apply sets the score to value, or to value above the base, or back to the base.
func (o *oomScore) apply(mode int64, value int) error {
	if mode == oomOff {
		if !o.changed {
			return nil // somebody else's value is left alone
		}
		o.changed = false
		return o.write(o.base)
	}
	if !o.changed {
		o.changed = true
		b, err := os.ReadFile(o.path)
		if err != nil {
			return fmt.Errorf("Unable to read oom_score_adj: %s", strerror(err))
		}
		if o.base, err = strconv.Atoi(strings.TrimSpace(string(b))); err != nil {
			return fmt.Errorf("Unable to read oom_score_adj: %s", strerror(err))
		}
	}
	if mode == oomRelative {
		value += o.base
	}
	const scoreMax = 1000
	return o.write(min(max(value, -scoreMax), scoreMax))
}

func (o *oomScore) write(value int) error {
	f, err := os.OpenFile(o.path, os.O_WRONLY, 0)
	if err == nil {
		_, err = fmt.Fprintf(f, "%d\n", value)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return fmt.Errorf("Unable to write oom_score_adj: %s", strerror(err))
	}
	return nil
}
