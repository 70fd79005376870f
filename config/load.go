package config

import (
	"fmt"
	"strings"
)

// A LoadError says why a configuration stops the start of the server.
type LoadError struct {
	Line    int    // 1-based; 0: the text as a whole
	Text    string // of the line, trimmed
	Problem string
}

// Error is a Go error; the user reads Report.
func (e *LoadError) Error() string {
	return fmt.Sprintf("config: line %d: %s", e.Line, e.Problem)
}

// Report is what the server prints on standard error before it exits with
// status 1. version is the version of Redis it stands for.
func (e *LoadError) Report(version string) string {
	s := "\n*** FATAL CONFIG FILE ERROR (Redis " + version + ") ***\n"
	if e.Line > 0 {
		s += fmt.Sprintf("Reading the configuration file, at line %d\n>>> '%s'\n", e.Line, e.Text)
	}
	return s + e.Problem + "\n"
}

// A Line is a directive that has no value to keep: rename-command, user,
// loadmodule, sentinel, or a module's (its name has a dot).
type Line struct {
	Number int      // 1-based, in the text it came from
	Text   string   // the whole line, trimmed
	Args   []string // Args[0] is the name in lower case
}

// A Loader is what Load needs from its caller. All fields may be nil.
type Loader struct {
	// Include returns the text of the files that an include directive names.
	// A pattern with [ * or ? stands for all files it matches, one after the
	// other in order of their names, and for no text if there are none. An
	// error stops Load, which returns it as it is. Nil: include is refused.
	Include func(pattern string) ([]byte, error)
	// Extra takes the directives that are not in the table, after their
	// words have been counted. An error refuses the line; its text is shown
	// to the user. Nil: they are refused.
	Extra func(line Line) error
	// Sentinel allows the sentinel directive.
	Sentinel bool
}

// includeDepthMax ends a circle of files that include each other.
//
// COMPAT: include-depth: Redis goes on until it has no memory left.
const includeDepthMax = 64

// deprecatedNames are accepted with one word and forgotten.
var deprecatedNames = []string{
	"list-max-ziplist-entries", "list-max-ziplist-value", "lua-replicate-commands",
}

// Load reads the text of a configuration: file, standard input and command
// line already put together (CommandLine.Text). Later lines win; save lines
// add up, after the first one has dropped the defaults. No hooks run: the
// server does that with RunHooks when it has what they change.
// Errors: *LoadError, or what Include returned. The values are then those of
// the lines before the bad one: the Config is of no further use.
func (c *Config) Load(text []byte, l Loader) error {
	c.savePointsLoaded = false
	if err := c.loadText(string(text), &l, 0); err != nil {
		return err
	}
	return c.checkLoaded()
}

// checkLoaded looks at what lines mean together.
func (c *Config) checkLoaded() error {
	if !c.Bool("cluster-enabled") {
		return nil
	}
	if _, _, replica := c.ReplicaOf(); replica {
		return &LoadError{Problem: "replicaof directive not allowed in cluster mode"}
	}
	if n := c.Int("databases"); n > 1 {
		c.warn(fmt.Sprintf("WARNING: Changing databases number from %d to 1 since we are in cluster mode", n))
		c.values[mustRow("databases", KindInt)] = value{num: 1}
	}
	return nil
}

func (c *Config) loadText(text string, l *Loader, depth int) error {
	for i, line := range strings.Split(text, "\n") {
		line = strings.Trim(cString(line), " \t\r\n")
		if line == "" || line[0] == '#' {
			continue
		}
		problem, err := c.loadLine(Line{Number: i + 1, Text: line}, l, depth)
		if err != nil {
			return err
		}
		if problem != "" {
			return &LoadError{Line: i + 1, Text: line, Problem: problem}
		}
	}
	return nil
}

func (c *Config) loadLine(line Line, l *Loader, depth int) (problem string, err error) {
	args, ok := SplitArgs(line.Text)
	if !ok {
		return "Unbalanced quotes in configuration line", nil
	}
	if len(args) == 0 {
		return "", nil
	}
	args[0] = lower(args[0])
	line.Args = args
	if e, ok := lookup(args[0]); ok {
		return c.loadDirective(e.row, args[1:]), nil
	}
	for _, name := range deprecatedNames {
		if args[0] == name && len(args) == 2 {
			return "", nil
		}
	}
	if args[0] != "include" || len(args) != 2 || l.Include == nil {
		return extra(line, l), nil
	}
	if depth == includeDepthMax {
		return "Too many nested include directives", nil
	}
	included, err := l.Include(args[1])
	if err != nil {
		return "", err
	}
	return "", c.loadText(string(included), l, depth+1)
}

// loadDirective stores the words of a line in a row. One word of a MultiArg
// row may hold all words: save "3600 1".
func (c *Config) loadDirective(row int, words []string) (problem string) {
	d := &table[row]
	if d.Flags&MultiArg == 0 && len(words) != 1 {
		return wrongCount
	}
	if d.Flags&MultiArg != 0 && len(words) == 1 && words[0] != "" {
		words, _ = SplitArgs(words[0]) // unbalanced quotes give no words, as in Redis
	}
	before := c.values[row]
	if _, problem := c.store(row, words); problem != "" {
		return problem
	}
	c.isSet[row] = true
	if d.Kind == KindSave {
		c.addSavePoints(row, before, len(words) == 1 && words[0] == "")
	}
	return ""
}

// addSavePoints puts the points of a further save line behind those of the
// lines before. save "" drops all.
//
// COMPAT: save-after-include: in Redis, once a file was included, each save
// line of the including file drops those before it; here they still add up.
func (c *Config) addSavePoints(row int, before value, drop bool) {
	if !drop && c.savePointsLoaded {
		said := c.values[row].words
		c.values[row] = value{words: append(append([]string(nil), before.words...), said...)}
	}
	c.savePointsLoaded = true
}

// extra hands over a directive that is not in the table.
func extra(line Line, l *Loader) (problem string) {
	const bad = "Bad directive or wrong number of arguments"
	name, count := line.Args[0], len(line.Args)
	switch {
	case name == "rename-command" && count == 3:
	case name == "user" && count >= 2:
	case name == "loadmodule" && count >= 2:
	case name == "sentinel":
		if count == 1 {
			return "" // the command line's --sentinel
		}
		if !l.Sentinel {
			return "sentinel directive while not in sentinel mode"
		}
	case strings.Contains(name, "."):
		if count < 2 {
			return "Module config specified without value"
		}
	default:
		return bad
	}
	if l.Extra == nil {
		return bad
	}
	if err := l.Extra(line); err != nil {
		return err.Error()
	}
	return ""
}
