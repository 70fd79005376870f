// Package all is the one list of the families of commands.
package all

import (
	"kvorum/command"
	"kvorum/command/keycmd"
	"kvorum/command/strcmd"
)

// Families returns the rows of all families, each call the same.
func Families() [][]*command.Spec {
	return [][]*command.Spec{
		strcmd.Specs(),
		keycmd.Specs(),
	}
}
