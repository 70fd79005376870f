package config

import "strings"

// A CommandLine is what the words behind the program's name say about the
// configuration.
type CommandLine struct {
	File    string // path of the configuration file, or ""
	Stdin   bool   // "-": read more from standard input
	Options string // the options as lines of a configuration file
}

// ParseArgs reads the words behind the program's name. The first one is the
// file unless it begins with "-"; "-" as the first or last word stands for
// standard input; "--name value..." are options. Words such as --version that
// do not configure are the caller's: it looks for them before. Nothing is
// refused here: a mistake shows when the lines are loaded.
// Source: redis-server 7.0 and 7.2, including "--save" without a value, which
// means --save "".
func ParseArgs(args []string) CommandLine {
	var cl CommandLine
	if len(args) == 0 {
		return cl
	}
	first := 0
	if !strings.HasPrefix(args[0], "-") {
		cl.File = args[0]
		first = 1
	}
	var b []byte
	hasValue := true // the option before has at least one value
	for i := first; i < len(args); i++ {
		arg, last := args[i], i == len(args)-1
		if arg == "-" && (i == 0 || last) {
			cl.Stdin = true
			continue
		}
		if !hasValue || !strings.HasPrefix(arg, "--") {
			b = append(AppendQuoted(b, arg), ' ')
			hasValue = true
			continue
		}
		if len(b) > 0 {
			b = append(b, '\n')
		}
		b = append(append(b, arg[2:]...), ' ')
		if words, ok := SplitArgs(arg); !ok || len(words) != 1 {
			continue // name and value in one word: "--port 6380"
		}
		// A name alone takes the next word, even one that begins with "--".
		// The exceptions are names that scripts have always written without
		// a value.
		alone := last || strings.HasPrefix(args[i+1], "--")
		switch {
		case alone && equalFold(arg, "--save"):
			b = append(b, '"', '"')
		case alone && equalFold(arg, "--sentinel"):
		default:
			hasValue = false
		}
	}
	cl.Options = string(b)
	return cl
}

// Text puts a configuration together: the file, then standard input, then the
// options, so that later ones win. file and stdin may be nil.
func (cl CommandLine) Text(file, stdin []byte) []byte {
	text := make([]byte, 0, len(file)+len(stdin)+1+len(cl.Options))
	text = append(append(text, file...), stdin...)
	return append(append(text, '\n'), cl.Options...)
}
