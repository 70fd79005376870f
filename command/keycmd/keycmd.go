// Package keycmd is the family of commands on keys whatever their type: one file
// per command, or per few that share their body, each with its row and its
// handler.
//
// Handlers run under the locks of their keys' shards, but for KEYS, SCAN and
// RANDOMKEY, which are about a whole database: these lock one shard at a time,
// and what is long leaves the loop as a Task. SORT asks for the shards of the keys
// that it derives; if it stores nothing and is long, it leaves the loop, too. See package command for what
// handlers may do.
//
// I1: an Entry is used only until the next write to its database, and a look-up
// that meets an expired key is one: commands of several keys find each again.
// I2: what a handler feeds gives the same data at any later time: due times are
// absolute. I3: no two shards are locked at a time by a handler that locks
// itself, and an effect is fed under the lock of its key's shard.
package keycmd

import "kvorum/command"

// Specs returns the rows of the family.
func Specs() []*command.Spec {
	return []*command.Spec{
		copySpec, moveSpec, renameSpec, renamenxSpec,
		delSpec, unlinkSpec,
		existsSpec, touchSpec, typeSpec,
		expireSpec, expireatSpec, pexpireSpec, pexpireatSpec,
		expiretimeSpec, pexpiretimeSpec, pttlSpec, ttlSpec,
		persistSpec,
		keysSpec, randomkeySpec, scanSpec,
		objectSpec,
		sortSpec, sortROSpec,
		dumpSpec, restoreSpec, restoreAskingSpec,
	}
}

// longWalk is the number of keys from which a walk leaves the loop, which may
// not be away from its other clients for longer than about 200 us.
const longWalk = 4000

// Parts of rows that many commands share.
var (
	oneRead    = []command.KeySpec{{Flags: command.RO, Index: 1, Step: 1}}
	oneAccess  = []command.KeySpec{{Flags: command.RO | command.Access, Index: 1, Step: 1}}
	oneUpdate  = []command.KeySpec{{Flags: command.RW | command.Update, Index: 1, Step: 1}}
	allRead    = []command.KeySpec{{Flags: command.RO, Index: 1, LastKey: -1, Step: 1}}
	allRemoved = []command.KeySpec{{Flags: command.RM | command.Delete, Index: 1, LastKey: -1, Step: 1}}

	argKey  = command.Arg{Name: "key", Type: "key", Key: 1}
	argKeys = command.Arg{Name: "key", Type: "key", Key: 1, Multiple: true}

	// sumTips tell proxies to ask every node that holds some of the keys and to
	// add the replies.
	sumTips = []string{"request_policy:multi_shard", "response_policy:agg_sum"}
)

// Names of the commands that effects are made of.
var (
	delName       = []byte("DEL")
	pexpireatName = []byte("PEXPIREAT")
	rpushName     = []byte("RPUSH")
)
