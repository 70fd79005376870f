package servercmd

import (
	"kvorum/command"
	"kvorum/resp"
)

var flushallSpec = &command.Spec{
	Name: "flushall", Since: "1.0.0", Group: "server", Complexity: "O(N) where N is the total number of keys in all databases",
	Summary: "Removes the keys of all databases.",
	Arity:   -1, Flags: command.Write, Categories: command.CatKeyspace | command.CatDangerous,
	Tips: []string{"request_policy:all_shards", "response_policy:all_succeeded"},
	History: []command.Change{
		{Since: "4.0.0", Text: "Added the `ASYNC` flushing mode modifier."},
		{Since: "6.2.0", Text: "Added the `SYNC` flushing mode modifier."},
	},
	Args: []command.Arg{
		{Name: "flush-type", Type: "oneof", Optional: true, Args: []command.Arg{
			{Name: "async", Type: "pure-token", Token: "ASYNC", Since: "4.0.0"},
			{Name: "sync", Type: "pure-token", Token: "SYNC", Since: "6.2.0"},
		}},
	},
	Mode:    command.Exclusive,
	Handler: flushall,
}

var flushdbSpec = &command.Spec{
	Name: "flushdb", Since: "1.0.0", Group: "server", Complexity: "O(N) where N is the number of keys in the selected database",
	Summary: "Removes the keys of the current database.",
	Arity:   -1, Flags: command.Write, Categories: command.CatKeyspace | command.CatDangerous,
	Tips: []string{"request_policy:all_shards", "response_policy:all_succeeded"},
	History: []command.Change{
		{Since: "4.0.0", Text: "Added the `ASYNC` flushing mode modifier."},
		{Since: "6.2.0", Text: "Added the `SYNC` flushing mode modifier."},
	},
	Args: []command.Arg{
		{Name: "flush-type", Type: "oneof", Optional: true, Args: []command.Arg{
			{Name: "async", Type: "pure-token", Token: "ASYNC", Since: "4.0.0"},
			{Name: "sync", Type: "pure-token", Token: "SYNC", Since: "6.2.0"},
		}},
	},
	Mode:    command.Exclusive,
	Handler: flushdb,
}

// flushPollUs is the pause of a FLUSHALL SYNC while another goroutine frees.
const flushPollUs = 500

// flushStep is the number of buckets that a FLUSHALL SYNC frees at a time.
const flushStep = 256

func flushall(c *command.Ctx) {
	sync, ok := flushType(c)
	if !ok {
		return
	}
	removed := int64(0)
	for i := range c.KS.DBCount() {
		removed += c.KS.DB(i).Flush()
	}
	var save func()
	if c.Sess.Flags&command.Internal == 0 && c.Host != nil {
		save = c.Host.Emptied()
	}
	flushed(c, removed, sync, save)
}

func flushdb(c *command.Ctx) {
	if sync, ok := flushType(c); ok {
		flushed(c, c.DB.Flush(), sync, nil)
	}
}

// flushType reads the option; ok is false after the error reply.
//
// COMPAT: flush-lazy: without an option Redis frees before it replies; here the
// data are out of sight at once and freed in the background, unless SYNC asks
// for the memory to be free at the reply.
func flushType(c *command.Ctx) (sync, ok bool) {
	switch {
	case len(c.Args) == 1, len(c.Args) == 2 && c.Is(1, "async"):
		return false, true
	case len(c.Args) == 2 && c.Is(1, "sync"):
		return true, true
	}
	c.Err(command.ErrSyntax)
	return false, false
}

// flushed records the change, also one of empty databases: a replica may have
// keys that are expired here. It replies when save, if there is one, is done, and with
// sync when the memory is free.
func flushed(c *command.Ctx, removed int64, sync bool, save func()) {
	c.Dirty += int(removed)
	c.Flushed()
	c.Effect(c.Args...)
	if !sync && save == nil {
		c.W.OK()
		return
	}
	ks, host := c.KS, c.Host
	c.Sess.Task = func(w *resp.Writer) {
		if save != nil {
			save()
		}
		for sync && ks.PendingObjects() > 0 && !ks.Held() {
			if !ks.Reclaim(flushStep) {
				host.Sleep(flushPollUs)
			}
		}
		w.OK()
	}
}
