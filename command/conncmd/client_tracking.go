package conncmd

import (
	"strings"

	"kvorum/command"
	"kvorum/num"
	"kvorum/tracking"
)

var clientTrackingSpec = &command.Spec{
	Name: "tracking", Since: "6.0.0", Group: "connection", Complexity: "O(1). Some options may introduce additional complexity.",
	Summary: "Has the server tell the connection, or another one, when keys change that it may have cached.",
	Arity:   -3, Flags: command.NoScript | command.Loading | command.Stale, Categories: command.CatConnection,
	Args: []command.Arg{
		{Name: "status", Type: "oneof", Args: []command.Arg{
			{Name: "on", Type: "pure-token", Token: "ON"},
			{Name: "off", Type: "pure-token", Token: "OFF"},
		}},
		{Name: "client-id", Type: "integer", Token: "REDIRECT", Optional: true},
		{Name: "prefix", Type: "string", Token: "PREFIX", Optional: true, Multiple: true, MultiTok: true},
		{Name: "bcast", Type: "pure-token", Token: "BCAST", Optional: true},
		{Name: "optin", Type: "pure-token", Token: "OPTIN", Optional: true},
		{Name: "optout", Type: "pure-token", Token: "OPTOUT", Optional: true},
		{Name: "noloop", Type: "pure-token", Token: "NOLOOP", Optional: true},
	},
	// Alone: whoever changes keys afterwards knows of it.
	Mode:    command.Exclusive,
	Handler: clientTracking,
}

const (
	errTwoRedirects = "-ERR A client can only redirect to a single other client"
	errNoRedirect   = "-ERR The client ID you want redirect to does not exist"
	errPrefixMode   = "-ERR PREFIX option requires BCAST mode to be enabled"
	errSwitchBcast  = "-ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode."
	errBcastOpt     = "-ERR OPTIN and OPTOUT are not compatible with BCAST"
	errOptBoth      = "-ERR You can't specify both OPTIN mode and OPTOUT mode"
	errSwitchOpt    = "-ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode."
	errOverlapEnd   = "'. Prefixes for a single client must not overlap."
)

func clientTracking(c *command.Ctx) {
	mode, ok := trackingOptions(c)
	if !ok {
		return
	}
	switch {
	case c.Is(2, "on"):
		if text := refuseMode(c.Sess.Track.Mode(), &mode); text != "" {
			c.Err(text)
			return
		}
		c.Tracking.TurnOn(c.Sess.Track, mode)
		c.Sess.Flags |= command.Tracking
	case c.Is(2, "off"):
		untrack(c)
	default:
		c.Err(command.ErrSyntax)
		return
	}
	c.W.OK()
}

// untrack ends the tracking of the session.
func untrack(c *command.Ctx) {
	if c.Sess.Flags&command.Tracking != 0 {
		c.Sess.Flags &^= command.Tracking | command.Caching
		c.Tracking.TurnOff(c.Sess.Track)
	}
}

// trackingOptions reads the options; ok is false after the error reply.
func trackingOptions(c *command.Ctx) (m tracking.Mode, ok bool) {
	for i := 3; i < len(c.Args); i++ {
		more := i+1 < len(c.Args)
		switch {
		case c.Is(i, "redirect") && more:
			i++
			if m.Redirect != 0 {
				c.Err(errTwoRedirects)
				return m, false
			}
			id, ok := num.ParseInt64(c.Args[i])
			if !ok {
				c.Err(command.ErrNotInt)
				return m, false
			}
			if m.Redirect = uint64(id); !c.Tracking.Has(m.Redirect) {
				c.Err(errNoRedirect)
				return m, false
			}
		case c.Is(i, "bcast"):
			m.Bcast = true
		case c.Is(i, "optin"):
			m.OptIn = true
		case c.Is(i, "optout"):
			m.OptOut = true
		case c.Is(i, "noloop"):
			m.NoLoop = true
		case c.Is(i, "prefix") && more:
			i++
			m.Prefixes = append(m.Prefixes, string(c.Args[i]))
		default:
			c.Err(command.ErrSyntax)
			return m, false
		}
	}
	return m, true
}

// refuseMode returns why the mode cannot follow the old one (nil: none), "" if it can.
func refuseMode(old, m *tracking.Mode) string {
	switch {
	case !m.Bcast && len(m.Prefixes) > 0:
		return errPrefixMode
	case old != nil && old.Bcast != m.Bcast:
		return errSwitchBcast
	case m.Bcast && (m.OptIn || m.OptOut):
		return errBcastOpt
	case m.OptIn && m.OptOut:
		return errOptBoth
	case old != nil && (m.OptIn && old.OptOut || m.OptOut && old.OptIn):
		return errSwitchOpt
	}
	return refusePrefixes(old, m.Prefixes)
}

// refusePrefixes returns the error of a prefix that begins with another of the
// client, or the other way round.
//
// COMPAT: tracking-prefixes: no such mode comes into force.
func refusePrefixes(old *tracking.Mode, prefixes []string) string {
	for i, p := range prefixes {
		if old != nil {
			for _, have := range old.Prefixes {
				if overlap(p, have) {
					return "-ERR Prefix '" + text([]byte(p)) + "' overlaps with an existing prefix '" + text([]byte(have)) + errOverlapEnd
				}
			}
		}
		for _, other := range prefixes[i+1:] {
			if overlap(p, other) {
				return "-ERR Prefix '" + text([]byte(p)) + "' overlaps with another provided prefix '" + text([]byte(other)) + errOverlapEnd
			}
		}
	}
	return ""
}

func overlap(a, b string) bool { return strings.HasPrefix(a, b) || strings.HasPrefix(b, a) }

// trackMode returns how a session tracks, nil if it does not.
func trackMode(s *command.Session) *tracking.Mode {
	if s.Track == nil {
		return nil
	}
	return s.Track.Mode()
}

// redirect returns the id of the client that gets a session's messages: 0 for itself,
// -1 if it does not track.
func redirect(s *command.Session) int64 {
	if mode := trackMode(s); mode != nil {
		return int64(mode.Redirect)
	}
	return -1
}
