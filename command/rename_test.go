package command_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"kvorum/command"
)

func renameTable(t *testing.T) *command.Table {
	t.Helper()
	nop := func(*command.Ctx) {}
	table, err := command.NewTable([]*command.Spec{
		{Name: "get", Arity: 2, Handler: nop}, {Name: "set", Arity: -3, Handler: nop}, {Name: "del", Arity: -2, Handler: nop},
	})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// A renamed command must answer to its new name only, whatever its length and
// case, and keep its ID, by which statistics are kept. The table that it came
// from must not notice.
func TestRenamedFindsTheNewNameOnly(t *testing.T) {
	old := renameTable(t)
	get := old.Lookup([]byte("get"))
	long := strings.Repeat("x", 100) + "\xff\x80"
	for _, to := range []string{"fetch", "FETCH", long, "GET"} {
		n, err := old.Renamed("Get", to)
		if err != nil {
			t.Fatal(err)
		}
		if n.Lookup([]byte(to)) != get || n.Lookup([]byte(strings.ToUpper(to[:1])+to[1:])) != get {
			t.Errorf("%q is not found", to)
		}
		if found := n.Lookup([]byte("get")); to != "GET" && found != nil {
			t.Errorf("get is still found beside %q", to)
		}
		if len(n.All()) != 3 || len(n.Specs()) != 3 || n.Lookup([]byte("set")) == nil {
			t.Errorf("other rows are lost beside %q", to)
		}
	}
	if old.Lookup([]byte("get")) != get || old.Lookup([]byte("fetch")) != nil {
		t.Error("the table renamed from has changed")
	}
}

// Renaming goes on from where the last one led, as lines of a file do.
func TestRenamedInAChain(t *testing.T) {
	table := renameTable(t)
	for _, step := range []struct {
		from, to string
		err      error
	}{
		{"nosuch", "x", command.ErrRenameUnknown},
		{"", "x", command.ErrRenameUnknown},
		{"get", "SET", command.ErrRenameTaken},
		{"get", "fetch", nil},
		{"get", "x", command.ErrRenameUnknown},
		{"set", "get", nil},
		{"FETCH", "set", nil},
		{"del", "", nil},
		{"del", "x", command.ErrRenameUnknown},
	} {
		n, err := table.Renamed(step.from, step.to)
		if !errors.Is(err, step.err) {
			t.Fatalf("%q to %q: %v, want %v", step.from, step.to, err, step.err)
		}
		if err == nil {
			table = n
		}
	}
	if s := table.Lookup([]byte("set")); s == nil || s.Name != "get" {
		t.Errorf("set is %v", s)
	}
	names := []string{}
	for _, s := range table.All() {
		names = append(names, s.Name)
	}
	if !slices.Equal(names, []string{"get", "set"}) || len(table.Specs()) != 3 {
		t.Errorf("%q are listed", names)
	}
}
