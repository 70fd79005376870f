package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrLoading is returned by Set for a directive that cannot change while a
// dataset is loading; the reply is the LOADING error of every command.
var ErrLoading = errors.New("LOADING Redis is loading the dataset in memory")

// A SetError says why CONFIG SET changed nothing. Error is the reply, prefix
// included.
type SetError struct {
	Name    string // the directive: as typed, or as in the table if its value was refused
	Unknown bool   // there is no such directive
	Problem string // "" if nothing more is known
}

// Error is the text of the error reply of CONFIG SET.
func (e *SetError) Error() string {
	if e.Unknown {
		name, _, _ := strings.Cut(e.Name, "\x00") // what is behind it is not shown
		return fmt.Sprintf("ERR Unknown option or number of arguments for CONFIG SET - '%s'", name)
	}
	s := fmt.Sprintf("ERR CONFIG SET failed (possibly related to argument '%s')", e.Name)
	if e.Problem != "" {
		s += " - " + e.Problem
	}
	return s
}

// SetContext is what Set needs to know about its caller.
type SetContext struct {
	AllowProtected bool // enable-protected-configs lets this client change protected directives
	Loading        bool // a dataset is loading
}

// A change is one pair of a Set that has been looked up.
type change struct {
	row  int
	name string // as in the table: the directive's name or its alias
	old  value
}

// Set gives the named directives new values, all or none (I2), then calls the
// hooks of those that changed, each once, in the order of the pairs. A pair
// is a name and a text as in CONFIG SET; words are separated by one space.
// Errors: *SetError, ErrLoading.
// Source: CONFIG SET of 7.2; the order of checks and the texts are its own.
func (c *Config) Set(pairs [][2]string, ctx SetContext) error {
	changes, err := c.resolve(pairs, ctx)
	if err != nil {
		return err
	}
	type run struct {
		hook int
		name string
	}
	var runs []run
	for i, ch := range changes {
		changed, problem := c.store(ch.row, settingWords(&table[ch.row], pairs[i][1]))
		if problem != "" {
			c.restore(changes[:i+1])
			return &SetError{Name: ch.name, Problem: problem}
		}
		if !changed {
			continue
		}
		if floor := table[ch.row].floor; floor > 0 && c.values[ch.row].num < floor {
			c.values[ch.row] = value{num: floor}
		}
		for _, id := range c.rowFn[ch.row] {
			if !slices.ContainsFunc(runs, func(r run) bool { return r.hook == id }) {
				runs = append(runs, run{hook: id, name: ch.name})
			}
		}
	}
	for _, r := range runs {
		err := c.hooks[r.hook].apply()
		if err == nil {
			continue
		}
		c.warn(fmt.Sprintf("Failed applying new configuration. Possibly related to new %s setting. "+
			"Restoring previous settings.", r.name))
		c.restore(changes)
		for _, again := range runs {
			if err := c.hooks[again.hook].apply(); err != nil {
				c.warn("Failed applying restored failed CONFIG SET command: " + err.Error())
			}
		}
		return &SetError{Name: r.name, Problem: err.Error()}
	}
	for _, ch := range changes {
		c.isSet[ch.row] = true
	}
	return nil
}

// resolve looks up every pair and checks that it may be set at all.
func (c *Config) resolve(pairs [][2]string, ctx SetContext) ([]change, error) {
	changes := make([]change, 0, len(pairs))
	seen := make(map[entry]bool, len(pairs))
	for _, pair := range pairs {
		e, ok := lookup(pair[0])
		if !ok {
			return nil, &SetError{Name: pair[0], Unknown: true}
		}
		d := &table[e.row]
		switch {
		case d.Flags&Immutable != 0:
			return nil, &SetError{Name: pair[0], Problem: "can't set immutable config"}
		case d.Flags&Protected != 0 && !ctx.AllowProtected:
			return nil, &SetError{Name: pair[0], Problem: "can't set protected config"}
		case d.Flags&DenyLoading != 0 && ctx.Loading:
			return nil, ErrLoading
		case seen[e]:
			return nil, &SetError{Name: pair[0], Problem: "duplicate parameter"}
		}
		seen[e] = true
		name := d.Name
		if e.alias {
			name = d.Alias
		}
		changes = append(changes, change{row: e.row, name: name, old: c.values[e.row]})
	}
	return changes, nil
}

// store parses words and makes them the value of a row. changed says whether
// the hooks of the row have to run.
func (c *Config) store(row int, words []string) (changed bool, problem string) {
	d := &table[row]
	v, problem := parse(d, words)
	if problem != "" {
		return false, problem
	}
	old := c.values[row]
	v = merge(d, old, v)
	if d.Kind == KindDir && c.opt.Chdir != nil {
		abs, err := c.opt.Chdir(v.str)
		if err != nil {
			return false, err.Error()
		}
		v.str = abs
	}
	if d.Kind == KindOOMValues && oomValuesDecrease(v) {
		c.warn(oomWarning)
	}
	c.values[row] = v
	if d.Kind == KindOOMValues {
		return !v.equal(old), ""
	}
	return !v.equal(old) || d.Flags&Volatile != 0 || d.Kind.special(), ""
}

// restore puts the old values back.
func (c *Config) restore(changes []change) {
	for _, ch := range changes {
		if table[ch.row].Kind == KindDir && c.opt.Chdir != nil && !c.values[ch.row].equal(ch.old) {
			if _, err := c.opt.Chdir(ch.old.str); err != nil {
				c.warn(fmt.Sprintf("Failed restoring failed CONFIG SET command. Error setting %s to '%s': %s",
					ch.name, ch.old.str, err))
			}
		}
		c.values[ch.row] = ch.old
	}
}
