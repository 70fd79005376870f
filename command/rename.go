package command

import (
	"bytes"
	"errors"
	"slices"
)

// Errors of Rename: the texts of the rename-command directive.
var (
	ErrRenameUnknown = errors.New("No such command in rename-command")
	ErrRenameTaken   = errors.New("Target command name already exists")
)

// Renamed returns a table in which the command that clients call by the name
// from is called by the name to, or by none if to is "". t stays as it is; both
// have the same rows with the same IDs. As in Redis a row keeps its own name
// wherever it describes itself: COMMAND, INFO, errors about its arguments.
// Errors: ErrRenameUnknown, ErrRenameTaken.
//
// COMPAT: rename-subcommand: Redis crashes on "container|sub" as the old name.
func (t *Table) Renamed(from, to string) (*Table, error) {
	spec := t.Lookup([]byte(from))
	if spec == nil {
		return nil, ErrRenameUnknown
	}
	from, to = asciiLower(from), asciiLower(to)
	if to != from && t.Lookup([]byte(to)) != nil {
		return nil, ErrRenameTaken
	}
	n := &Table{slots: make([]slot, len(t.slots)), mask: t.mask, all: t.all, specs: t.specs}
	for _, s := range t.slots {
		if s.spec != nil && s.name != from {
			n.put(s.name, s.spec)
		}
	}
	if to == "" {
		n.all = slices.DeleteFunc(slices.Clone(t.all), func(s *Spec) bool { return s == spec })
	} else {
		n.put(to, spec)
	}
	return n, nil
}

// AsciiUpper returns a name with its ASCII letters as capitals, as texts about
// containers show it.
func AsciiUpper(name []byte) string {
	b := bytes.Clone(name)
	for i, c := range b {
		if c-'a' < 26 {
			b[i] &^= 0x20
		}
	}
	return string(b)
}

// asciiLower folds ASCII letters only, as equalFold does.
func asciiLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c-'A' < 26 {
			b[i] |= 0x20
		}
	}
	return string(b)
}
