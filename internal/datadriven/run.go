package datadriven

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// pollEvery is the pause between two tries of an until block.
const pollEvery = 2 * time.Millisecond

// target answers commands: an Exec or a server.
type target interface {
	// do sends args (nil: nothing) and returns at least the bytes of the given
	// number of replies.
	do(conn string, proto int, args [][]byte, replies int) ([]byte, error)
}

type execTarget struct{ exec Exec }

func (e execTarget) do(conn string, proto int, args [][]byte, _ int) ([]byte, error) {
	return e.exec(conn, proto, args), nil
}

// fault is one difference, at a line of the script.
type fault struct {
	line int
	text string
}

// got is what the commands of a block replied: lines, and which command gave each.
type got struct {
	lines []string
	from  []*cmd
}

// run checks every block and returns the differences.
func (s *script) run(tg target) []fault {
	return s.each(tg, func(b *block, g got) []fault {
		if d := b.diff(g); d != nil {
			return []fault{*d}
		}
		return nil
	})
}

// rewrite replaces the expected lines by the replies. Regexp lines of match
// blocks stay where they still match; until blocks must reach what they expect.
func (s *script) rewrite(tg target) []fault {
	return s.each(tg, func(b *block, g got) []fault {
		if b.until > 0 {
			if d := b.diff(g); d != nil {
				return []fault{*d}
			}
			return nil
		}
		lines := slices.Clone(g.lines)
		var faults []fault
		for i, w := range b.want {
			if !b.match || !isRegexp(w) {
				continue
			}
			if m, _ := lineMatcher(w, true); i >= len(lines) || !m(lines[i]) {
				faults = append(faults, fault{b.wantLine + i, fmt.Sprintf("%s matches no longer; change it by hand\n%s", w, strings.Join(g.lines, "\n"))})
				continue
			}
			lines[i] = w
		}
		b.want, b.hasSep = lines, true
		return faults
	})
}

// each runs the blocks in order and hands their replies to judge. A target that
// fails ends the script: what follows would only repeat the failure.
func (s *script) each(tg target, judge func(*block, got) []fault) []fault {
	var out []fault
	for _, p := range s.parts {
		if p.block == nil {
			continue
		}
		g, f := p.block.exec(tg)
		if f != nil {
			return append(out, *f)
		}
		if !p.block.skip {
			out = append(out, judge(p.block, g)...)
		}
	}
	return out
}

// exec runs a block, with until as often as needed, and returns the last replies.
func (b *block) exec(tg target) (got, *fault) {
	deadline := time.Now().Add(b.until)
	for {
		g, f := b.once(tg)
		if f != nil || b.until == 0 || b.diff(g) == nil || time.Now().After(deadline) {
			return g, f
		}
		time.Sleep(pollEvery)
	}
}

func (b *block) once(tg target) (got, *fault) {
	var g got
	for i := range b.cmds {
		c := &b.cmds[i]
		raw, err := tg.do(b.conn, b.proto, c.args, b.replies)
		if err != nil {
			return g, &fault{c.line, fmt.Sprintf("%s: %v", c.text, err)}
		}
		count := 0
		for ; len(raw) > 0; count++ {
			n, rest, err := decode(raw)
			if err != nil {
				return g, &fault{c.line, fmt.Sprintf("%s: %v in %s", c.text, err, escape(raw))}
			}
			if b.sort {
				n.sortKids(b.pairs)
			}
			g.lines = n.appendLines(g.lines)
			raw = rest
		}
		if count != b.replies {
			return g, &fault{c.line, fmt.Sprintf("%s: %d replies, want %d", c.text, count, b.replies)}
		}
		for len(g.from) < len(g.lines) {
			g.from = append(g.from, c)
		}
	}
	if b.match {
		for i, l := range g.lines {
			g.lines[i] = hideSlash(l)
		}
	}
	return g, nil
}

// diff compares replies with the expected lines; nil if they are equal.
func (b *block) diff(g got) *fault {
	for i := range max(len(g.lines), len(b.want)) {
		switch {
		case i >= len(b.want):
			return &fault{g.from[i].line, fmt.Sprintf("%s: unexpected reply line\n have %s", g.from[i].text, g.lines[i])}
		case i >= len(g.lines):
			return &fault{b.wantLine + i, fmt.Sprintf("%s: the replies end early\n want %s", b.cmds[len(b.cmds)-1].text, b.want[i])}
		}
		if m, err := lineMatcher(b.want[i], b.match); err != nil || !m(g.lines[i]) {
			return &fault{b.wantLine + i, fmt.Sprintf("%s (line %d)\n have %s\n want %s", g.from[i].text, g.from[i].line, g.lines[i], b.want[i])}
		}
	}
	return nil
}

// isRegexp tells whether a line of a match block is /regexp/.
func isRegexp(line string) bool {
	return len(line) >= 2 && line[0] == '/' && line[len(line)-1] == '/'
}

// hideSlash keeps a literal line of a match block from reading as a regexp.
func hideSlash(line string) string {
	if isRegexp(line) {
		return `\x2f` + line[1:]
	}
	return line
}

// lineMatcher returns the test of one expected line.
func lineMatcher(want string, match bool) (func(string) bool, error) {
	if !match || !isRegexp(want) {
		return func(have string) bool { return have == want }, nil
	}
	re, err := regexp.Compile(`\A(?:` + want[1:len(want)-1] + `)\z`)
	if err != nil {
		return nil, err
	}
	return re.MatchString, nil
}
