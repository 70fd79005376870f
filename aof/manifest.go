package aof

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"kvorum/config"
)

// Type is what a file of the log is for, as a letter of the manifest.
type Type byte

// The types of files.
const (
	Base    Type = 'b'
	History Type = 'h'
	Incr    Type = 'i'
)

// Parts of names of files.
const (
	baseSuffix     = ".base"
	incrSuffix     = ".incr"
	rdbSuffix      = ".rdb"
	aofSuffix      = ".aof"
	manifestSuffix = ".manifest"
	tempPrefix     = "temp-"
)

// lineMax is the longest line of a manifest, its end included.
const lineMax = 1024

// File is a line of a manifest.
type File struct {
	Name string // without a folder
	Seq  int64
	Type Type
}

// Manifest is the list of the files of a log. The zero value is that of a log
// that does not exist.
type Manifest struct {
	Base    *File
	History []File // the newest first, as Redis has them
	Incr    []File // the oldest first

	baseSeq, incrSeq int64 // the largest that were given
}

// Problems of a manifest, as Redis words them.
const (
	problemEmpty     = "Found an empty AOF manifest"
	problemLong      = "The AOF manifest file contains too long line"
	problemFormat    = "Invalid AOF manifest file format"
	problemPath      = "File can't be a path, just a filename"
	problemDuplicate = "Found duplicate base file information"
	problemOrder     = "Found a non-monotonic sequence number"
	problemType      = "Unknown AOF file type"
)

// ManifestError says what is wrong with a manifest.
type ManifestError struct {
	Line    int    // from 1; 0: the file as a whole
	Text    string // of the line, without white space at its ends
	Problem string
}

// Error implements error.
func (e *ManifestError) Error() string {
	if e.Text == "" {
		return "aof: manifest: " + e.Problem
	}
	return fmt.Sprintf("aof: manifest: line %d, %q: %s", e.Line, e.Text, e.Problem)
}

// Report returns the lines that Redis logs of the error.
func (e *ManifestError) Report() []string {
	lines := []string{"\n*** FATAL AOF MANIFEST FILE ERROR ***\n"}
	if e.Text != "" {
		lines = append(lines, fmt.Sprintf("Reading the manifest file, at line %d\n", e.Line), fmt.Sprintf(">>> '%s'\n", e.Text))
	}
	return append(lines, e.Problem+"\n")
}

// ParseManifest reads a manifest. The error is a *ManifestError.
func ParseManifest(data []byte) (*Manifest, error) {
	if len(data) == 0 {
		return nil, &ManifestError{Problem: problemEmpty}
	}
	m := &Manifest{}
	for number := 1; len(data) > 0; number++ {
		end := bytes.IndexByte(data, '\n') + 1
		long := end == 0 || end > lineMax
		if long {
			end = min(len(data), lineMax)
		}
		line := data[:end]
		data = data[end:]
		if line[0] == '#' {
			continue
		}
		if long {
			return nil, &ManifestError{Line: number, Problem: problemLong}
		}
		text := string(bytes.Trim(line, " \t\r\n"))
		file, problem := parseLine(text)
		if problem == "" {
			problem = m.add(file)
		}
		if problem != "" {
			return nil, &ManifestError{Line: number, Text: text, Problem: problem}
		}
	}
	return m, nil
}

// parseLine reads pairs of keys and values; pairs of later versions are skipped.
func parseLine(text string) (f File, problem string) {
	const wordsMin = 6
	words, ok := config.SplitArgs(text)
	if !ok || len(words) < wordsMin || len(words)%2 != 0 {
		return f, problemFormat
	}
	for i := 0; i < len(words); i += 2 {
		switch value := words[i+1]; strings.ToLower(words[i]) {
		case "file":
			if strings.ContainsAny(value, "/\\") {
				return f, problemPath
			}
			f.Name = value
		case "seq":
			f.Seq = leadingInt(value)
		case "type":
			if value != "" {
				f.Type = Type(value[0])
			}
		}
	}
	if f.Name == "" || f.Seq == 0 || f.Type == 0 {
		return f, problemFormat
	}
	return f, ""
}

// leadingInt reads the number that a text begins with, as atoll does.
func leadingInt(s string) int64 {
	s = strings.TrimLeft(s, " \t\r\n\v\f")
	end := 0
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || end == 0 && (s[end] == '-' || s[end] == '+')) {
		end++
	}
	n, err := strconv.ParseInt(s[:end], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func (m *Manifest) add(f File) (problem string) {
	switch f.Type {
	case Base:
		if m.Base != nil {
			return problemDuplicate
		}
		m.Base, m.baseSeq = &f, f.Seq
	case History:
		m.History = append(m.History, f)
	case Incr:
		if f.Seq <= m.incrSeq {
			return problemOrder
		}
		m.Incr = append(m.Incr, f)
		m.incrSeq = f.Seq
	default:
		return problemType
	}
	return ""
}

// Append appends the text of the manifest.
func (m *Manifest) Append(dst []byte) []byte {
	if m.Base != nil {
		dst = m.Base.append(dst)
	}
	for _, list := range [][]File{m.History, m.Incr} {
		for i := range list {
			dst = list[i].append(dst)
		}
	}
	return dst
}

func (f *File) append(dst []byte) []byte {
	dst = append(dst, "file "...)
	if needsQuotes(f.Name) {
		dst = config.AppendQuoted(dst, f.Name)
	} else {
		dst = append(dst, f.Name...)
	}
	dst = strconv.AppendInt(append(dst, " seq "...), f.Seq, 10)
	return append(dst, ' ', 't', 'y', 'p', 'e', ' ', byte(f.Type), '\n')
}

// needsQuotes reports whether a name would not be read back as it is.
func needsQuotes(name string) bool {
	for i := 0; i < len(name); i++ {
		if c := name[i]; c <= ' ' || c > '~' || c == '\\' || c == '"' || c == '\'' {
			return true
		}
	}
	return name == ""
}

// Clone returns a copy that can be changed by itself.
func (m *Manifest) Clone() *Manifest {
	c := *m
	c.History, c.Incr = slices.Clone(m.History), slices.Clone(m.Incr)
	if m.Base != nil {
		base := *m.Base
		c.Base = &base
	}
	return &c
}

// Empty reports whether there is nothing to load.
func (m *Manifest) Empty() bool { return m.Base == nil && len(m.Incr) == 0 }

// Files returns what is loaded, in order.
func (m *Manifest) Files() []File {
	var list []File
	if m.Base != nil {
		list = append(list, *m.Base)
	}
	return append(list, m.Incr...)
}

// AddIncr puts a new file for effects behind all others and returns it. filename is
// the value of appendfilename.
func (m *Manifest) AddIncr(filename string) File {
	m.incrSeq++
	f := File{Name: numbered(filename, m.incrSeq) + incrSuffix + aofSuffix, Seq: m.incrSeq, Type: Incr}
	m.Incr = append(m.Incr, f)
	return f
}

// ReplaceBase puts a new base in front and returns it. Of the incr files those up to
// the number lastCovered are in the base: they, and the old base, become history.
func (m *Manifest) ReplaceBase(filename string, rdb bool, lastCovered int64) File {
	if m.Base != nil {
		old := *m.Base
		old.Type = History
		m.History = slices.Insert(m.History, 0, old)
	}
	for len(m.Incr) > 0 && m.Incr[0].Seq <= lastCovered {
		old := m.Incr[0]
		old.Type = History
		m.History = slices.Insert(m.History, 0, old)
		m.Incr = m.Incr[1:]
	}
	m.baseSeq++
	suffix := aofSuffix
	if rdb {
		suffix = rdbSuffix
	}
	f := File{Name: numbered(filename, m.baseSeq) + baseSuffix + suffix, Seq: m.baseSeq, Type: Base}
	m.Base = &f
	return f
}

func numbered(filename string, seq int64) string {
	return filename + "." + strconv.FormatInt(seq, 10)
}

// LastIncr returns the number of the newest incr file, 0 without one.
func (m *Manifest) LastIncr() int64 {
	if len(m.Incr) == 0 {
		return 0
	}
	return m.Incr[len(m.Incr)-1].Seq
}
