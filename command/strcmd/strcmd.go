// Package strcmd is the family of string commands: one file per command (or per
// pair that shares its body), each with its row and its handler.
//
// Handlers run under the lock of their keys' shards; see package command for
// what they may do.
package strcmd

import (
	"kvorum/command"
	"kvorum/keyspace"
	"kvorum/object"
)

// Specs returns the rows of the family.
func Specs() []*command.Spec {
	return []*command.Spec{
		getSpec, setSpec,
	}
}

// isString reports whether the entry holds a string, and replies the error if
// it does not. An absent key passes.
func isString(c *command.Ctx, e keyspace.Entry) bool {
	if e.OK() && e.Type() != object.String {
		c.WrongType()
		return false
	}
	return true
}

// Key specs that many rows share.
var (
	keyRead   = []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}}
	keySet    = []command.KeySpec{{Flags: command.RW | command.Access | command.Update | command.VariableFlags, Index: 1, Step: 1}}
	keyUpdate = []command.KeySpec{{Flags: command.RW | command.Access | command.Update, Index: 1, Step: 1}}
)
