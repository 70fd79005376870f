package servercmd

import (
	"kvorum/command"
	"kvorum/num"
	"kvorum/resp"
)

var bgrewriteaofSpec = &command.Spec{
	Name: "bgrewriteaof", Since: "1.0.0", Group: "server", Complexity: "O(1)",
	Summary: "Begins to rewrite the append-only log.",
	Arity:   1, Flags: command.Admin | command.NoScript | command.NoAsyncLoading,
	Handler: bgrewriteaof,
}

// bgrewriteaof leaves the rest to the keeper of the log. In a transaction it only asks
// for it, as in Redis.
func bgrewriteaof(c *command.Ctx) {
	if c.Sess.Flags&command.InExec != 0 {
		replyOf(c.W, c.Host.RewriteAOF(true))
		return
	}
	host := c.Host
	c.Sess.Task = func(w *resp.Writer) { replyOf(w, host.RewriteAOF(false)) }
}

// replyOf writes a reply that the host has made.
func replyOf(w *resp.Writer, reply string) {
	if reply[0] == '-' {
		w.Err(reply)
		return
	}
	w.Simple(reply[1:])
}

// debugLoadAOF goes on off the loop.
func debugLoadAOF(c *command.Ctx) {
	host := c.Host
	c.Sess.Task = func(w *resp.Writer) {
		if !host.LoadAOF() {
			w.Err("-ERR Error trying to load the AOF files, check server logs.")
			return
		}
		w.Simple("OK")
	}
}

func debugFlushSleep(c *command.Ctx) {
	us, _ := num.ParseInt64(c.Args[2]) // what is no number is none, as in Redis
	c.Host.SlowAOF(max(us, 0))
	c.W.Simple("OK")
}
