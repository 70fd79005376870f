package servercmd

import (
	"kvorum/command"
)

var latencyGraphSpec = &command.Spec{
	Name: "graph", Since: "2.8.13", Group: "server", Complexity: "O(1)",
	Summary: "Draws the history of an event.",
	Arity:   3, Flags: command.Admin | command.NoScript | command.Loading | command.Stale,
	Tips:    []string{"nondeterministic_output", "request_policy:all_nodes", "response_policy:special"},
	Args:    []command.Arg{{Name: "event", Type: "string"}},
	Handler: latencyGraph,
}

var latencyHistorySpec = &command.Spec{
	Name: "history", Since: "2.8.13", Group: "server", Complexity: "O(1)",
	Summary: "Tells when an event was how slow.",
	Arity:   3, Flags: command.Admin | command.NoScript | command.Loading | command.Stale,
	Tips:    []string{"nondeterministic_output", "request_policy:all_nodes", "response_policy:special"},
	Args:    []command.Arg{{Name: "event", Type: "string"}},
	Handler: latencyHistory,
}

var latencyLatestSpec = &command.Spec{
	Name: "latest", Since: "2.8.13", Group: "server", Complexity: "O(1)",
	Summary: "Tells the last and the largest latency of each event.",
	Arity:   2, Flags: command.Admin | command.NoScript | command.Loading | command.Stale,
	Tips:    []string{"nondeterministic_output", "request_policy:all_nodes", "response_policy:special"},
	Handler: latencyLatest,
}

var latencyResetSpec = &command.Spec{
	Name: "reset", Since: "2.8.13", Group: "server", Complexity: "O(1)",
	Summary: "Forgets the history of events, of all if none is named.",
	Arity:   -2, Flags: command.Admin | command.NoScript | command.Loading | command.Stale,
	Tips:    []string{"request_policy:all_nodes", "response_policy:agg_sum"},
	Args:    []command.Arg{{Name: "event", Type: "string", Optional: true, Multiple: true}},
	Handler: latencyReset,
}

// latencyEvent returns the history of the event that argument 2 names.
func latencyEvent(c *command.Ctx) (e command.LatencyEvent, ok bool) {
	for _, e := range c.Host.LatencyEvents() {
		if e.Name == string(c.Args[2]) {
			return e, true
		}
	}
	return e, false
}

func latencyGraph(c *command.Ctx) {
	e, ok := latencyEvent(c)
	if !ok {
		c.Err("-ERR No samples available for event '" + cString(c.Args[2]) + "'")
		return
	}
	c.W.Verbatim("txt", graphOf(e, c.Now/1000))
}

func latencyHistory(c *command.Ctx) {
	e, _ := latencyEvent(c)
	c.W.Array(len(e.Samples))
	for _, s := range e.Samples {
		c.W.Array(2)
		c.W.Int(s.UnixSec)
		c.W.Int(s.Ms)
	}
}

func latencyLatest(c *command.Ctx) {
	events := c.Host.LatencyEvents()
	c.W.Array(len(events))
	for _, e := range events {
		last := e.Samples[len(e.Samples)-1]
		c.W.Array(4)
		c.W.BulkString(e.Name)
		c.W.Int(last.UnixSec)
		c.W.Int(last.Ms)
		c.W.Int(e.MaxMs)
	}
}

func latencyReset(c *command.Ctx) {
	var names []string
	for _, name := range c.Args[2:] {
		names = append(names, string(name))
	}
	c.W.Int(int64(c.Host.LatencyReset(names...)))
}
