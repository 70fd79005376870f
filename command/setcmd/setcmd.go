// Package setcmd holds the commands on sets, one file each.
//
// Handlers run as the package command says. Each replies and changes what
// Redis 7.2 does, in the same order of checks.
package setcmd

import (
	"kvorum/command"
	"kvorum/keyspace"
	"kvorum/object"
)

// Specs returns the rows of the family.
func Specs() []*command.Spec {
	return []*command.Spec{
		saddSpec, scardSpec, sdiffSpec, sdiffstoreSpec, sinterSpec, sintercardSpec, sinterstoreSpec, sismemberSpec,
		smembersSpec, smismemberSpec, smoveSpec, spopSpec, srandmemberSpec, sremSpec, sscanSpec, sunionSpec, sunionstoreSpec,
	}
}

var argKey = command.Arg{Name: "key", Type: "key", Key: 1}

// isSet reports whether the entry is absent or a set; if not it replies the error.
func isSet(c *command.Ctx, e keyspace.Entry) bool { return c.IsType(e, object.Set) }

// changed tells that members of key i's set came or went.
func changed(c *command.Ctx, i int, event string, count int) {
	k := c.Keys[i]
	c.Dirty += count
	c.DB.Modified(k)
	c.Notify(command.NotifySet, event, k.Bytes)
}
