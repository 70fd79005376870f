// Package all is the one list of the families of commands: the server, tests and
// tools that want every command build their table from it. A family that is not
// here does not exist; two that name the same command fail when the table is
// built.
package all

import (
	"kvorum/command"
	"kvorum/command/bitcmd"
	"kvorum/command/conncmd"
	"kvorum/command/geocmd"
	"kvorum/command/hashcmd"
	"kvorum/command/hllcmd"
	"kvorum/command/keycmd"
	"kvorum/command/listcmd"
	"kvorum/command/pubsubcmd"
	"kvorum/command/replcmd"
	"kvorum/command/servercmd"
	"kvorum/command/setcmd"
	"kvorum/command/strcmd"
	"kvorum/command/streamcmd"
	"kvorum/command/txncmd"
	"kvorum/command/zsetcmd"
)

// Families returns the rows of all families, each call the same.
func Families() [][]*command.Spec {
	return [][]*command.Spec{
		strcmd.Specs(),
		bitcmd.Specs(),
		hllcmd.Specs(),
		keycmd.Specs(),
		conncmd.Specs(),
		servercmd.Specs(),
		hashcmd.Specs(),
		setcmd.Specs(),
		streamcmd.Specs(),
		txncmd.Specs(),
		listcmd.Specs(),
		zsetcmd.Specs(),
		geocmd.Specs(),
		pubsubcmd.Specs(),
		replcmd.Specs(),
	}
}
