package servercmd

import (
	"kvorum/command"
	"kvorum/num"
)

var slowlogSpec = &command.Spec{
	Name: "slowlog", Since: "2.2.12", Group: "server", Complexity: "Depends on subcommand.",
	Summary: "Groups the commands about the log of slow commands.",
	Arity:   -2,
	Subs: []*command.Spec{
		slowlogGetSpec,
		slowlogHelpSpec,
		slowlogLenSpec,
		slowlogResetSpec,
		slowlogWaitSpec,
	},
}

var slowlogGetSpec = &command.Spec{
	Name: "get", Since: "2.2.12", Group: "server", Complexity: "O(N) where N is the number of entries returned",
	Summary: "Tells the last entries, the newest first.",
	Arity:   -2, Flags: command.Admin | command.Loading | command.Stale,
	Tips: []string{"request_policy:all_nodes", "nondeterministic_output"},
	History: []command.Change{
		{Since: "4.0.0", Text: "Added client IP address, port and name to the reply."},
	},
	Args: []command.Arg{
		{Name: "count", Type: "integer", Optional: true},
	},
	Handler: slowlogGet,
}

var slowlogHelpSpec = &command.Spec{
	Name: "help", Since: "6.2.0", Group: "server", Complexity: "O(1)",
	Summary: "Describes the subcommands of SLOWLOG.",
	Arity:   2, Flags: command.Loading | command.Stale,
	Handler: command.HelpOfRows,
}

var slowlogLenSpec = &command.Spec{
	Name: "len", Since: "2.2.12", Group: "server", Complexity: "O(1)",
	Summary: "Tells the number of entries.",
	Arity:   2, Flags: command.Admin | command.Loading | command.Stale,
	Tips:    []string{"request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"},
	Handler: slowlogLen,
}

var slowlogResetSpec = &command.Spec{
	Name: "reset", Since: "2.2.12", Group: "server", Complexity: "O(N) where N is the number of entries in the slowlog",
	Summary: "Forgets all entries.",
	Arity:   2, Flags: command.Admin | command.Loading | command.Stale,
	Tips:    []string{"request_policy:all_nodes", "response_policy:all_succeeded"},
	Handler: slowlogReset,
}

// COMPAT: slowlog-wait: an addition of kvorum.
var slowlogWaitSpec = &command.Spec{
	Name: "wait", Since: "7.2.4", Group: "server", Complexity: "O(N) where N is the number of entries returned",
	Summary: "Tells the last entries, each with the microseconds that it waited for its turn.",
	Arity:   -2, Flags: command.Admin | command.Loading | command.Stale,
	Tips: []string{"request_policy:all_nodes", "nondeterministic_output"},
	Args: []command.Arg{
		{Name: "count", Type: "integer", Optional: true},
	},
	Handler: slowlogWait,
}

// slowlogDefault is the number of entries that SLOWLOG GET replies unasked.
const slowlogDefault = 10

func slowlogGet(c *command.Ctx) {
	list, ok := slowEntries(c)
	if !ok {
		return
	}
	c.W.Array(len(list))
	for i := range list {
		c.W.Array(slowElements)
		writeSlow(c, &list[i])
	}
}

// slowlogWait is SLOWLOG GET with a seventh element in each entry, which clients
// that take an entry apart by position would not expect of GET.
func slowlogWait(c *command.Ctx) {
	list, ok := slowEntries(c)
	if !ok {
		return
	}
	c.W.Array(len(list))
	for i := range list {
		c.W.Array(slowElements + 1)
		writeSlow(c, &list[i])
		c.W.Int(list[i].WaitUsec)
	}
}

// slowEntries returns the entries that the arguments ask for; ok is false after
// the error reply.
func slowEntries(c *command.Ctx) (list []command.SlowEntry, ok bool) {
	count := int64(slowlogDefault)
	switch len(c.Args) {
	case 2:
	case 3:
		n, ok := num.ParseInt64(c.Args[2])
		if !ok || n < -1 {
			c.Err("-ERR count should be greater than or equal to -1")
			return nil, false
		}
		if count = n; n == -1 {
			count = int64(c.Host.SlowlogLen())
		}
	default:
		unknownForm(c)
		return nil, false
	}
	return c.Host.Slowlog(int(count)), true
}

// slowElements is the number of elements of an entry that every client knows.
const slowElements = 6

func writeSlow(c *command.Ctx, e *command.SlowEntry) {
	w := c.W
	w.Int(e.ID)
	w.Int(e.UnixSec)
	w.Int(e.Usec)
	w.Array(len(e.Args))
	for _, arg := range e.Args {
		w.BulkString(arg)
	}
	w.BulkString(e.Addr)
	w.BulkString(e.ConnName)
}

func slowlogLen(c *command.Ctx) { c.W.Int(int64(c.Host.SlowlogLen())) }

func slowlogReset(c *command.Ctx) {
	c.Host.SlowlogReset()
	c.W.OK()
}
