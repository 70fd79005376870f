package conncmd

import (
	"kvorum/command"
)

var clientCachingSpec = &command.Spec{
	Name: "caching", Since: "6.0.0", Group: "connection", Complexity: "O(1)",
	Summary: "Says whether the keys of the next command are tracked.",
	Arity:   3, Flags: command.NoScript | command.Loading | command.Stale, Categories: command.CatConnection,
	Args: []command.Arg{
		{Name: "mode", Type: "oneof", Args: []command.Arg{
			{Name: "yes", Type: "pure-token", Token: "YES"},
			{Name: "no", Type: "pure-token", Token: "NO"},
		}},
	},
	Handler: clientCaching,
}

var clientGetredirSpec = &command.Spec{
	Name: "getredir", Since: "6.0.0", Group: "connection", Complexity: "O(1)",
	Summary: "Tells which client gets the connection's tracking messages.",
	Arity:   2, Flags: command.NoScript | command.Loading | command.Stale, Categories: command.CatConnection,
	Handler: clientGetredir,
}

var clientTrackinginfoSpec = &command.Spec{
	Name: "trackinginfo", Since: "6.2.0", Group: "connection", Complexity: "O(1)",
	Summary: "Describes how the connection's keys are tracked.",
	Arity:   2, Flags: command.NoScript | command.Loading | command.Stale, Categories: command.CatConnection,
	Handler: clientTrackinginfo,
}

const (
	errNotTracking = "-ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled"
	errNotOptIn    = "-ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode."
	errNotOptOut   = "-ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode."
)

func clientCaching(c *command.Ctx) {
	mode := trackMode(c.Sess)
	switch {
	case mode == nil:
		c.Err(errNotTracking)
		return
	case c.Is(2, "yes"):
		if !mode.OptIn {
			c.Err(errNotOptIn)
			return
		}
	case c.Is(2, "no"):
		if !mode.OptOut {
			c.Err(errNotOptOut)
			return
		}
	default:
		c.Err(command.ErrSyntax)
		return
	}
	c.Sess.Flags |= command.Caching
	c.W.OK()
}

func clientGetredir(c *command.Ctx) { c.W.Int(redirect(c.Sess)) }

func clientTrackinginfo(c *command.Ctx) {
	w, flags, prefixes := c.W, []string{"off"}, []string(nil)
	if mode := trackMode(c.Sess); mode != nil {
		flags[0], prefixes = "on", mode.Prefixes
		caching := c.Sess.Flags&command.Caching != 0
		for _, f := range []struct {
			on   bool
			name string
		}{
			{mode.Bcast, "bcast"},
			{mode.OptIn, "optin"}, {mode.OptIn && caching, "caching-yes"},
			{mode.OptOut, "optout"}, {mode.OptOut && caching, "caching-no"},
			{mode.NoLoop, "noloop"},
			{c.Sess.Track.Broken(), "broken_redirect"},
		} {
			if f.on {
				flags = append(flags, f.name)
			}
		}
	}
	w.Map(3)
	w.BulkString("flags")
	w.Set(len(flags))
	for _, name := range flags {
		w.BulkString(name)
	}
	w.BulkString("redirect")
	w.Int(redirect(c.Sess))
	w.BulkString("prefixes")
	w.Array(len(prefixes))
	for _, p := range prefixes {
		w.BulkString(p)
	}
}
