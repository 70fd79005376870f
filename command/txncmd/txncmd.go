// Package txncmd holds the commands of transactions. What EXEC does is in package
// engine, which runs the queued commands; its row here says so with its mode.
package txncmd

import (
	"kvorum/command"
	"kvorum/keyspace"
)

// Specs returns the rows of the family.
func Specs() []*command.Spec {
	return []*command.Spec{discardSpec, execSpec, multiSpec, unwatchSpec, watchSpec}
}

// control are the flags of the commands that begin and end a transaction.
const control = command.NoScript | command.Loading | command.Stale | command.Fast | command.AllowBusy

var multiSpec = &command.Spec{
	Name: "multi", Since: "1.2.0", Group: "transactions", Complexity: "O(1)",
	Summary: "Begins a transaction: the commands that follow wait for EXEC.",
	Arity:   1, Flags: control, Categories: command.CatTransaction, AtOnce: true,
	Handler: multi,
}

var execSpec = &command.Spec{
	Name: "exec", Since: "1.2.0", Group: "transactions", Complexity: "Depends on commands in the transaction",
	Summary: "Runs the commands of a transaction, with nobody else's in between.",
	Arity:   1, Flags: command.NoScript | command.Loading | command.Stale | command.SkipSlowlog, Categories: command.CatTransaction, AtOnce: true,
	Mode: command.Transaction, Handler: func(*command.Ctx) {},
}

var discardSpec = &command.Spec{
	Name: "discard", Since: "2.0.0", Group: "transactions", Complexity: "O(N), when N is the number of queued commands",
	Summary: "Gives a transaction up, and what it watches.",
	Arity:   1, Flags: control, Categories: command.CatTransaction, AtOnce: true,
	Mode: command.LocksItself, Handler: discard,
}

var watchSpec = &command.Spec{
	Name: "watch", Since: "2.2.0", Group: "transactions", Complexity: "O(1) for every key.",
	Summary: "Lets the next transaction run only if keys stay as they are.",
	Arity:   -2, Flags: control, Categories: command.CatTransaction, AtOnce: true,
	Keys:    []command.KeySpec{{Flags: command.RO, Index: 1, LastKey: -1, Step: 1}},
	Args:    []command.Arg{{Name: "key", Type: "key", Key: 1, Multiple: true}},
	Handler: watch,
}

var unwatchSpec = &command.Spec{
	Name: "unwatch", Since: "2.2.0", Group: "transactions", Complexity: "O(1)",
	Summary: "Forgets what WATCH was told.",
	Arity:   1, Flags: control, Categories: command.CatTransaction,
	Mode: command.LocksItself, Handler: unwatch,
}

func multi(c *command.Ctx) {
	if c.Sess.Txn != nil {
		c.Err("-ERR MULTI calls can not be nested")
		return
	}
	c.Sess.Txn = new(command.Txn)
	c.W.OK()
}

func discard(c *command.Ctx) {
	if c.Sess.Txn == nil {
		c.Err("-ERR DISCARD without MULTI")
		return
	}
	c.Discard()
	c.W.OK()
}

func watch(c *command.Ctx) {
	if c.Sess.Txn != nil {
		c.Err("-ERR WATCH inside MULTI is not allowed")
		return
	}
	if c.Sess.Watcher == nil {
		c.Sess.Watcher = new(keyspace.Watcher)
	}
	if !c.Sess.Watcher.Dirty() { // else the transaction is lost already
		for _, k := range c.Keys {
			c.DB.Watch(k, c.Sess.Watcher, c.Now)
		}
	}
	c.W.OK()
}

func unwatch(c *command.Ctx) {
	if c.Sess.Flags&command.InExec == 0 { // EXEC does it at its end
		c.Unwatch()
	}
	c.W.OK()
}
