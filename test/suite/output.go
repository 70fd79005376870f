package main

import (
	"regexp"
	"strings"
)

// The output of runtest, as far as it is read here. A verdict is a line
//
//	[ok]: NAME (MS ms)
//	[err]: NAME in FILE, with details on the lines that follow
//	[err]: text                 a failure outside any test
//	[skip]: NAME                excluded by name
//	[ignore]: NAME: CAUSE       excluded by tag
//	[ignore]: CAUSE             a whole block excluded by tag
//	[exception]: text           the test client died; the run ends
//	[TIMEOUT]: text             no progress; the run ends
//
// and the line "The End" closes the run; a summary that repeats the failures
// comes after it. Anything else is chatter of the tests.

// verdict is what became of a test.
type verdict uint8

const (
	passed verdict = iota
	failed
	skipped
)

// outcome is one verdict of a unit.
type outcome struct {
	verdict verdict
	name    string // test name; "" for something outside a test or a whole block
	detail  string // failures: the suite's text; skipped: why, as the suite says
	byTag   string // skipped because of this tag, "" otherwise
}

// result is what is known of a unit after its run.
type result struct {
	unit     string
	outcomes []outcome
	ended    bool    // the suite reached its end
	exitErr  error   // runtest's exit status, nil for 0
	seconds  float64 // wall time of the run
	skips    []skipLine
	notes    []string // facts for the reader: missing tools, server crash output
}

// passed reports whether the unit passed (invariant 2 of the package).
func (r *result) passed() bool {
	return r.ended && r.exitErr == nil && r.count(failed) == 0
}

// count returns the number of outcomes with the verdict.
func (r *result) count(v verdict) int {
	n := 0
	for i := range r.outcomes {
		if r.outcomes[i].verdict == v {
			n++
		}
	}
	return n
}

var (
	verdictLine = regexp.MustCompile(`^\[([A-Za-z]+|\d+/\d+ done)\]: (.*)$`)
	elapsedTail = regexp.MustCompile(` \(\d+ ms\)$`)
	// The file name that ends the first line of a failure.
	fileTail = regexp.MustCompile(`^(.*) in tests/[^ ]+\.tcl$`)
	tagCause = regexp.MustCompile(`^(?:(.*): )?Tag: (.*) denied$`)
	// Causes by which the suite excludes a test on its own account.
	ownCause = regexp.MustCompile(`^(?:(.*): )?(large memory flag not provided|Not supported .*|TCL version .*|Tag: none .*)$`)
)

// outputParser collects the verdicts from runtest's output, line by line.
type outputParser struct {
	res  *result
	open bool // the last outcome still takes detail lines
}

// line takes one line, without its newline. It reports whether the line was a
// sign of progress.
func (p *outputParser) line(s string) bool {
	if p.res.ended {
		return false
	}
	if strings.TrimSpace(s) == "The End" {
		p.res.ended, p.open = true, false
		return true
	}
	m := verdictLine.FindStringSubmatch(s)
	if m == nil {
		if p.open {
			o := &p.res.outcomes[len(p.res.outcomes)-1]
			o.detail += "\n" + s
		}
		return false
	}
	p.open = false
	status, text := m[1], m[2]
	switch status {
	case "ok":
		p.add(outcome{verdict: passed, name: elapsedTail.ReplaceAllString(text, "")})
	case "skip":
		p.add(outcome{verdict: skipped, name: text, detail: "by name"})
	case "ignore":
		p.add(ignored(text))
	case "err":
		o := outcome{verdict: failed, detail: text}
		if m := fileTail.FindStringSubmatch(text); m != nil {
			o.name, o.detail = m[1], ""
		}
		p.add(o)
		p.open = true
	case "exception", "TIMEOUT":
		p.add(outcome{verdict: failed, detail: status + ": " + text})
		p.open = true
	}
	return true
}

func (p *outputParser) add(o outcome) { p.res.outcomes = append(p.res.outcomes, o) }

// ignored reads the text of an [ignore] verdict.
func ignored(text string) outcome {
	if m := tagCause.FindStringSubmatch(text); m != nil {
		return outcome{verdict: skipped, name: m[1], detail: "tag " + m[2], byTag: m[2]}
	}
	if m := ownCause.FindStringSubmatch(text); m != nil {
		return outcome{verdict: skipped, name: m[1], detail: m[2]}
	}
	return outcome{verdict: skipped, name: text, detail: "by the suite"}
}

// reasonOf returns the reason the skip file gives for a skipped outcome, or
// the suite's own.
func (r *result) reasonOf(o *outcome) string {
	for i := range r.skips {
		s := &r.skips[i]
		if s.kind == skipTag && s.text == o.byTag || o.byTag == "" && o.name != "" && s.matchesName(o.name) {
			return s.reason
		}
	}
	return o.detail
}

// unused returns the skip lines that excluded nothing in this run.
func (r *result) unused() []skipLine {
	var out []skipLine
	for _, s := range r.skips {
		used := s.kind == skipCode // code that is not there keeps the unit from running
		for i := range r.outcomes {
			o := &r.outcomes[i]
			if o.verdict != skipped {
				continue
			}
			if s.kind == skipTag && s.text == o.byTag || s.kind != skipTag && s.matchesName(o.name) {
				used = true
				break
			}
		}
		if !used {
			out = append(out, s)
		}
	}
	return out
}

// needless returns the skip lines by name all of whose tests passed in a run
// that skipped nothing.
func (r *result) needless() []skipLine {
	var out []skipLine
	for _, s := range r.skips {
		seen, good := false, true
		for i := range r.outcomes {
			o := &r.outcomes[i]
			if s.kind != skipTag && s.matchesName(o.name) {
				seen, good = true, good && o.verdict == passed
			}
		}
		if seen && good {
			out = append(out, s)
		}
	}
	return out
}
