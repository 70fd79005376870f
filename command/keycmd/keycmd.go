// Package keycmd is the family of commands on keys whatever their type: one file
// per command, or per group that shares its body.
//
// Handlers run under the lock of their keys' shards, or lock shards themselves
// one at a time (KEYS, SCAN, RANDOMKEY); see package command for what they may
// do.
package keycmd

import (
	"kvorum/command"
)

// Specs returns the rows of the family.
func Specs() []*command.Spec {
	return []*command.Spec{
		copySpec, delSpec, existsSpec, expireSpec, expireatSpec, expiretimeSpec, keysSpec, moveSpec,
		objectSpec, persistSpec, pexpireSpec, pexpireatSpec, pexpiretimeSpec, pttlSpec, randomkeySpec,
		renameSpec, renamenxSpec, scanSpec, touchSpec, ttlSpec, typeSpec, unlinkSpec,
	}
}

// Key specs that many rows share.
var (
	oneRead    = []command.KeySpec{{Flags: command.RO, Index: 1, Step: 1}}
	oneAccess  = []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}}
	oneUpdate  = []command.KeySpec{{Flags: command.RW | command.Update, Index: 1, Step: 1}}
	allRead    = []command.KeySpec{{Flags: command.RO, Index: 1, LastKey: -1, Step: 1}}
	allRemoved = []command.KeySpec{{Flags: command.RM | command.Delete, Index: 1, LastKey: -1, Step: 1}}

	keyArg  = command.Arg{Name: "key", Type: "key", Key: 1}
	keyArgs = command.Arg{Name: "key", Type: "key", Key: 1, Multiple: true}
)
