package command

import (
	"fmt"
)

// nameMax is the longest name that a row may have.
const nameMax = 24

// Table finds commands by name, whatever its case. It is read-only once made.
type Table struct {
	slots   []slot // open addressing, by nameHash
	mask    uint32
	longest int     // bytes of the longest name
	all     []*Spec // in the order of the families
	specs   []*Spec // every row, subcommands included, by ID
}

// A slot holds a row under the name that clients call it by: its own, unless it
// was renamed.
type slot struct {
	name string // lower case
	spec *Spec
}

// NewTable links the rows into a table. It fails on a duplicate name, a name
// that is too long or not lower case, and a row without handler.
func NewTable(families ...[]*Spec) (*Table, error) {
	t := &Table{}
	for _, family := range families {
		t.all = append(t.all, family...)
	}
	size := uint32(64)
	for int(size) < 4*len(t.all) {
		size *= 2
	}
	t.slots, t.mask = make([]slot, size), size-1
	for _, s := range t.all {
		if err := t.add(s); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func (t *Table) add(s *Spec) error {
	if len(s.Name) == 0 || len(s.Name) > nameMax {
		return fmt.Errorf("command: name %q has not 1 to %d bytes", s.Name, nameMax)
	}
	if t.Lookup([]byte(s.Name)) != nil {
		return fmt.Errorf("command: %q stands twice in the table", s.Name)
	}
	if s.Handler == nil && len(s.Subs) == 0 {
		return fmt.Errorf("command: %q has no handler", s.Name)
	}
	t.register(s, nil)
	for _, sub := range s.Subs {
		if sub.Handler == nil {
			return fmt.Errorf("command: %q has no handler", sub.full)
		}
		t.register(sub, s)
	}
	t.put(s.Name, s)
	return nil
}

// put stores a row under a name of lower case that the table does not have yet.
func (t *Table) put(name string, s *Spec) {
	i := nameHash([]byte(name)) & t.mask
	for t.slots[i].spec != nil {
		i = (i + 1) & t.mask
	}
	t.slots[i] = slot{name: name, spec: s}
	t.longest = max(t.longest, len(name))
}

func (t *Table) register(s, parent *Spec) {
	s.ID = len(t.specs)
	s.Parent = parent
	s.full = s.Name
	if parent != nil {
		s.full = parent.Name + "|" + s.Name
	}
	s.MayBlock = s.MayBlock || s.Flags&Blocking != 0
	s.link()
	t.specs = append(t.specs, s)
}

// nameHash hashes a name without regard to its case.
func nameHash(name []byte) uint32 {
	h := uint32(len(name))
	for _, c := range name {
		h = (h ^ uint32(c|0x20)) * 0x9e3779b1
	}
	return h ^ h>>15
}

// Lookup returns the row of a command or container, nil when there is none.
func (t *Table) Lookup(name []byte) *Spec {
	if len(name) > t.longest {
		return nil
	}
	for i := nameHash(name) & t.mask; ; i = (i + 1) & t.mask {
		s := &t.slots[i]
		if s.spec == nil {
			return nil
		}
		if equalFold(name, s.name) {
			return s.spec
		}
	}
}

// equalFold compares a name of any case with one of lower case.
func equalFold(name []byte, lower string) bool {
	if len(name) != len(lower) {
		return false
	}
	for i, c := range name {
		if c-'A' < 26 {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// Sub returns the row of a subcommand, nil when there is none.
func (s *Spec) Sub(name []byte) *Spec {
	for _, sub := range s.Subs {
		if equalFold(name, sub.Name) {
			return sub
		}
	}
	return nil
}

// All returns the top-level rows. The slice must not be changed.
func (t *Table) All() []*Spec { return t.all }

// Specs returns every row, subcommands included, indexed by ID. The slice must
// not be changed.
func (t *Table) Specs() []*Spec { return t.specs }
