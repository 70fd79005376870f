package servercmd

import "kvorum/command"

var lastsaveSpec = &command.Spec{
	Name: "lastsave", Since: "1.0.0", Group: "server", Complexity: "O(1)",
	Summary: "Tells the Unix time of the last successful save.",
	Arity:   1, Flags: command.Loading | command.Stale | command.Fast,
	Categories: command.CatAdmin | command.CatDangerous,
	Tips:       []string{"nondeterministic_output"},
	Handler:    lastsave,
}

// lastsave replies the start of the server, as long as nothing was saved.
func lastsave(c *command.Ctx) { c.W.Int(c.Host.LastSave()) }
