// Package conncmd is the family of connection commands: what a client says about
// itself, and what it may learn of and do to other clients.
//
// A handler touches the session it runs for and no other: those belong to other
// loops. Commands about all clients go on in a Task, off the loop, which visits
// each session on its own loop through command.Host.
package conncmd

import (
	"bytes"

	"kvorum/command"
)

// Specs returns the rows of the family.
func Specs() []*command.Spec {
	return []*command.Spec{
		authSpec, clientSpec, echoSpec, helloSpec, pingSpec, quitSpec, resetSpec, selectSpec,
	}
}

// printable reports whether a name has only characters that do not break the
// lines of CLIENT LIST. As in Redis, a NUL byte ends the look.
func printable(name []byte) bool {
	for _, c := range name {
		if c == 0 {
			break
		}
		if c < '!' || c > '~' {
			return false
		}
	}
	return true
}

// text returns an argument as error replies repeat it: up to a NUL byte.
func text(arg []byte) string {
	if i := bytes.IndexByte(arg, 0); i >= 0 {
		arg = arg[:i]
	}
	return string(arg)
}
