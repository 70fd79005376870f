package datadriven

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// untilDefault bounds a block with the option until.
const untilDefault = 10 * time.Second

// valkeyIsRedis is the Redis version that every Valkey claims to be.
const valkeyIsRedis = "7.2"

// separator stands between commands and replies.
const separator = "----"

// script is a parsed file. Its parts in order give the file back.
type script struct {
	path   string
	writer string // "redis 7.0.15", "hand", or "" when nobody wrote replies yet
	byHand bool
	needs  string // least version of an oracle, or ""
	parts  []part
}

// part is a run of lines between blocks, or a block.
type part struct {
	text  []string
	block *block
}

// block is one directive with its commands and replies.
type block struct {
	line     int      // of the directive, 1-based
	head     string   // the directive as written
	body     []string // command lines and comments as written
	cmds     []cmd
	want     []string // reply lines, escaped
	wantLine int      // line of the first of them
	hasSep   bool

	read    bool
	proto   int
	conn    string
	replies int
	skip    bool
	match   bool
	sort    bool
	pairs   bool
	until   time.Duration // 0: once
}

type cmd struct {
	line int
	text string
	args [][]byte // nil for read
}

var (
	writtenBy = regexp.MustCompile(`^# written by (\S+) (\S+)$`)
	byHand    = regexp.MustCompile(`^# written by hand: \S+`)
	needsLine = regexp.MustCompile(`^# needs ([0-9]+(?:\.[0-9]+)*)$`)
	connName  = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)
)

// parse reads a script. The error names the file and the line.
func parse(path, text string) (*script, error) {
	p := parser{s: &script{path: path}, lines: strings.Split(strings.TrimSuffix(text, "\n"), "\n"), protos: map[string]int{}}
	for p.at < len(p.lines) {
		line := p.lines[p.at]
		if line == "" || line[0] == '#' {
			p.between(line)
			p.at++
			continue
		}
		if err := p.block(); err != nil {
			return nil, fmt.Errorf("%s:%w", path, err)
		}
	}
	return p.s, nil
}

type parser struct {
	s      *script
	lines  []string
	at     int // index of the line looked at
	protos map[string]int
}

func (p *parser) errorf(format string, args ...any) error {
	return fmt.Errorf("%d: %s", p.at+1, fmt.Sprintf(format, args...))
}

// between takes a line outside blocks; comments before the first block are the header.
func (p *parser) between(line string) {
	s := p.s
	if n := len(s.parts); n == 0 || s.parts[n-1].block != nil {
		s.parts = append(s.parts, part{})
	}
	last := &s.parts[len(s.parts)-1]
	last.text = append(last.text, line)
	if len(s.parts) > 1 {
		return
	}
	if m := writtenBy.FindStringSubmatch(line); m != nil {
		s.writer = m[1] + " " + m[2]
	}
	if byHand.MatchString(line) {
		s.writer, s.byHand = "hand", true
	}
	if m := needsLine.FindStringSubmatch(line); m != nil {
		s.needs = m[1]
	}
}

func (p *parser) block() error {
	b := &block{line: p.at + 1, head: p.lines[p.at], proto: 2, replies: 1}
	if err := p.directive(b); err != nil {
		return err
	}
	p.at++
	for ; p.at < len(p.lines) && p.lines[p.at] != ""; p.at++ {
		line := p.lines[p.at]
		if line == separator {
			b.hasSep = true
			p.at++
			break
		}
		b.body = append(b.body, line)
		if line[0] == '#' {
			continue
		}
		args, err := splitArgs(line)
		if err != nil {
			return p.errorf("%v", err)
		}
		if len(args) > 0 {
			b.cmds = append(b.cmds, cmd{p.at + 1, line, args})
		}
	}
	b.wantLine = p.at + 1
	if b.hasSep {
		for ; p.at < len(p.lines) && p.lines[p.at] != ""; p.at++ {
			b.want = append(b.want, p.lines[p.at])
		}
	}
	p.s.parts = append(p.s.parts, part{block: b})
	return p.finish(b)
}

// finish checks what only the whole block shows.
func (p *parser) finish(b *block) error {
	at := func(format string, args ...any) error {
		return fmt.Errorf("%d: %s", b.line, fmt.Sprintf(format, args...))
	}
	switch {
	case b.read && len(b.cmds) > 0:
		return at("read takes no commands")
	case b.read:
		b.cmds = []cmd{{b.line, b.head, nil}}
	case len(b.cmds) == 0:
		return at("run without a command")
	}
	if b.until > 0 && (len(b.cmds) != 1 || b.skip || b.read) {
		return at("until takes exactly one command and its reply")
	}
	if b.skip && len(b.want) > 0 {
		return at("skip-reply and expected replies exclude each other")
	}
	for i, w := range b.want {
		if _, err := lineMatcher(w, b.match); err != nil {
			return fmt.Errorf("%d: %w", b.wantLine+i, err)
		}
	}
	if was, ok := p.protos[b.conn]; ok && was != b.proto {
		return at("connection %q spoke RESP%d before", b.conn, was)
	}
	p.protos[b.conn] = b.proto
	return nil
}

// directive parses the first line of a block.
func (p *parser) directive(b *block) error {
	words := strings.Fields(b.head)
	switch words[0] {
	case "run":
	case "read":
		b.read = true
	default:
		return p.errorf("want run or read, have %q", words[0])
	}
	for _, w := range words[1:] {
		if err := p.option(b, w); err != nil {
			return err
		}
	}
	if b.conn == "" {
		b.conn = fmt.Sprintf("resp%d", b.proto)
	}
	return nil
}

func (p *parser) option(b *block, word string) error {
	name, value, hasValue := strings.Cut(word, "=")
	switch {
	case word == "resp2":
		b.proto = 2
	case word == "resp3":
		b.proto = 3
	case word == "skip-reply":
		b.skip = true
	case word == "match":
		b.match = true
	case word == "sort":
		b.sort = true
	case word == "sort=pairs":
		b.sort, b.pairs = true, true
	case name == "conn" && connName.MatchString(value):
		b.conn = value
	case name == "replies" && hasValue:
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 {
			return p.errorf("bad count in %q", word)
		}
		b.replies = n
	case word == "until":
		b.until = untilDefault
	case name == "until":
		d, err := time.ParseDuration(value)
		if err != nil || d <= 0 {
			return p.errorf("bad duration in %q", word)
		}
		b.until = d
	default:
		return p.errorf("unknown option %q", word)
	}
	return nil
}

// least returns the least Redis version of an oracle: what the file says, or else
// the version that wrote it, without its last number.
func (s *script) least() string {
	name, version, _ := strings.Cut(s.writer, " ")
	switch {
	case s.needs != "":
		return s.needs
	case name == "valkey":
		return valkeyIsRedis
	case name == "redis" && strings.Count(version, ".") == 2:
		return version[:strings.LastIndexByte(version, '.')]
	}
	return ""
}

// setWriter puts the version of the server that wrote the replies in the header.
func (s *script) setWriter(version string) {
	s.writer = version
	line := "# written by " + version
	if len(s.parts) == 0 || s.parts[0].block != nil {
		s.parts = append([]part{{text: []string{line, ""}}}, s.parts...)
		return
	}
	head := &s.parts[0]
	for i, l := range head.text {
		if writtenBy.MatchString(l) {
			head.text[i] = line
			return
		}
	}
	head.text = append([]string{line}, head.text...)
}

// String gives the file back, with the replies as they are now.
func (s *script) String() string {
	var out strings.Builder
	lines := func(ls ...string) {
		for _, l := range ls {
			out.WriteString(l)
			out.WriteByte('\n')
		}
	}
	for _, p := range s.parts {
		if p.block == nil {
			lines(p.text...)
			continue
		}
		lines(p.block.head)
		lines(p.block.body...)
		if p.block.hasSep || len(p.block.want) > 0 {
			lines(separator)
		}
		lines(p.block.want...)
	}
	return out.String()
}

// splitArgs splits a line as redis-cli does: blanks separate; "…" knows \n \r \t
// \b \a \xHH and takes any other escaped byte as itself; '…' knows \' only; a
// closing quote is followed by a blank or the end.
func splitArgs(line string) ([][]byte, error) {
	var args [][]byte
	for i := 0; ; {
		for i < len(line) && isBlank(line[i]) {
			i++
		}
		if i == len(line) {
			return args, nil
		}
		arg := []byte{}
		for i < len(line) && !isBlank(line[i]) {
			q := line[i]
			if q != '"' && q != '\'' {
				arg = append(arg, q)
				i++
				continue
			}
			var err error
			if arg, i, err = quoted(arg, line, i+1, q); err != nil {
				return nil, err
			}
			break
		}
		args = append(args, arg)
	}
}

// quoted appends the text up to the closing quote and returns the index after it.
func quoted(arg []byte, line string, i int, quote byte) ([]byte, int, error) {
	for i < len(line) {
		c := line[i]
		switch {
		case c == quote:
			if i+1 < len(line) && !isBlank(line[i+1]) {
				return nil, 0, fmt.Errorf("text after a closing quote in %q", line)
			}
			return arg, i + 1, nil
		case c == '\\' && quote == '"' && i+1 < len(line):
			b, n := unescape(line[i:])
			arg = append(arg, b)
			i += n
		case c == '\\' && quote == '\'' && strings.HasPrefix(line[i:], `\'`):
			arg = append(arg, '\'')
			i += 2
		default:
			arg = append(arg, c)
			i++
		}
	}
	return nil, 0, fmt.Errorf("unbalanced quotes in %q", line)
}

// unescape decodes one escape at the start of s, which holds at least two bytes.
func unescape(s string) (b byte, n int) {
	if s[1] == 'x' && len(s) >= 4 {
		if v, err := strconv.ParseUint(s[2:4], 16, 8); err == nil {
			return byte(v), 4
		}
	}
	switch s[1] {
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'b':
		return '\b', 2
	case 'a':
		return '\a', 2
	}
	return s[1], 2
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }
