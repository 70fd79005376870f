// Package servercmd is the family of server commands: what the server tells about
// itself and its commands, its configuration, whole databases, and tools for
// tests.
//
// Rows that concern all data are exclusive: they run alone. What takes long or
// needs the world to stop for a moment goes on in a Task, off the loop. The
// server itself is reached through command.Host only.
package servercmd

import (
	"bytes"
	"strings"

	"kvorum/command"
)

// Specs returns the rows of the family.
func Specs() []*command.Spec {
	return []*command.Spec{
		bgrewriteaofSpec, bgsaveSpec, saveSpec, commandSpec, configSpec, dbsizeSpec, debugSpec, flushallSpec, flushdbSpec, infoSpec, lastsaveSpec, latencySpec,
		lolwutSpec, memorySpec, monitorSpec, roleSpec, shutdownSpec, slowlogSpec, swapdbSpec, timeSpec,
	}
}

// unknownForm replies the error of a subcommand that is not known with this
// number of arguments.
func unknownForm(c *command.Ctx) {
	name := cString(c.Args[1])
	if len(name) > subNameMax {
		name = name[:subNameMax]
	}
	c.Err("-ERR unknown subcommand or wrong number of arguments for '" + name + "'. Try " +
		strings.ToUpper(string(c.Args[0])) + " HELP.")
}

// cString returns an argument as Redis prints it into an error: up to the first
// zero byte.
func cString(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}

// subNameMax is how much of a subcommand's name an error repeats.
const subNameMax = 128
