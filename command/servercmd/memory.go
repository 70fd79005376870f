package servercmd

import (
	"kvorum/command"
	"kvorum/object"
)

var memorySpec = &command.Spec{
	Name: "memory", Since: "4.0.0", Group: "server", Complexity: "Depends on subcommand.",
	Summary: "Groups the commands about memory.",
	Arity:   -2,
	Subs: []*command.Spec{
		memoryRow("doctor", "O(1)", "Tells what is unusual about the memory of the server.", nondeterministic, memoryDoctor),
		memoryHelpSpec,
		memoryRow("malloc-stats", slowMemory, "Tells where the allocator has its memory.", nondeterministic, memoryMallocStats),
		memoryRow("purge", slowMemory, "Returns free memory to the system.",
			[]string{"request_policy:all_shards", "response_policy:all_succeeded"}, memoryPurge),
		memoryRow("stats", "O(1)", "Tells what the memory is used for.", nondeterministic, memoryStats),
		memoryUsageSpec,
	},
}

const slowMemory = "Depends on how much memory is allocated, could be slow"

var nondeterministic = []string{"nondeterministic_output", "request_policy:all_shards", "response_policy:special"}

// memoryRow makes the row of a subcommand without arguments.
func memoryRow(name, complexity, summary string, tips []string, handler command.Handler) *command.Spec {
	return &command.Spec{
		Name: name, Since: "4.0.0", Group: "server", Complexity: complexity,
		Summary: summary,
		Arity:   2, Tips: tips,
		Handler: handler,
	}
}

var memoryHelpSpec = &command.Spec{
	Name: "help", Since: "4.0.0", Group: "server", Complexity: "O(1)",
	Summary: "Describes the subcommands of MEMORY.",
	Arity:   2, Flags: command.Loading | command.Stale,
	Handler: command.HelpOfRows,
}

var memoryUsageSpec = &command.Spec{
	Name: "usage", Since: "4.0.0", Group: "server", Complexity: "O(N) where N is the number of samples.",
	Summary: "Tells the bytes of memory of a key and its value.",
	Arity:   -3, Flags: command.ReadOnly,
	Keys: []command.KeySpec{{Flags: command.RO, Index: 2, Step: 1}},
	Args: []command.Arg{
		{Name: "key", Type: "key", Key: 1},
		{Name: "count", Type: "integer", Token: "SAMPLES", Optional: true},
	},
	Handler: memoryUsage,
}

// usageSamples is the number of elements of a value that are looked at unless SAMPLES
// says otherwise.
const usageSamples = 5

// memoryUsage counts the blocks of the record and of the value; of the elements of a
// large hash or set it looks at some.
// COMPAT: memory-usage: the key's share of the table is not counted.
func memoryUsage(c *command.Ctx) {
	samples := usageSamples
	for i := 3; i < len(c.Args); i += 2 {
		if !c.Is(i, "samples") || i+1 == len(c.Args) {
			c.Err(command.ErrSyntax)
			return
		}
		n, ok := c.Int(i + 1)
		if !ok {
			return
		}
		if n < 0 {
			c.Err(command.ErrSyntax)
			return
		}
		samples = int(n)
	}
	// A key that is due takes memory until it is removed: it is told, as by Redis.
	e := c.DB.Find(c.Keys[0])
	if !e.OK() {
		c.W.Null()
		return
	}
	c.W.Int(int64(object.Weigh(e.Rec, samples)))
}
