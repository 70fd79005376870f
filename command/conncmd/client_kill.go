package conncmd

import (
	"kvorum/command"
	"kvorum/num"
	"kvorum/resp"
)

var clientKillSpec = &command.Spec{
	Name: "kill", Since: "2.4.0", Group: "connection", Complexity: "O(N) where N is the number of client connections",
	Summary: "Closes the connection of an address, or all connections that pass filters.",
	Arity:   -3, Flags: command.Admin | command.NoScript | command.Loading | command.Stale, Categories: command.CatConnection,
	History: []command.Change{
		{Since: "2.8.12", Text: "Added new filter format."},
		{Since: "2.8.12", Text: "`ID` option."},
		{Since: "3.2.0", Text: "Added `master` type in for `TYPE` option."},
		{Since: "5.0.0", Text: "Replaced `slave` `TYPE` with `replica`. `slave` still supported for backward compatibility."},
		{Since: "6.2.0", Text: "`LADDR` option."},
	},
	Args: []command.Arg{
		{Name: "filter", Type: "oneof", Args: []command.Arg{
			{Name: "old-format", Type: "string", Display: "ip:port", DeprecatedSince: "2.8.12"},
			{Name: "new-format", Type: "oneof", Multiple: true, Args: []command.Arg{
				{Name: "client-id", Type: "integer", Token: "ID", Since: "2.8.12", Optional: true},
				{Name: "client-type", Type: "oneof", Token: "TYPE", Since: "2.8.12", Optional: true, Args: []command.Arg{
					{Name: "normal", Type: "pure-token", Token: "NORMAL"},
					{Name: "master", Type: "pure-token", Token: "MASTER", Since: "3.2.0"},
					{Name: "slave", Type: "pure-token", Token: "SLAVE"},
					{Name: "replica", Type: "pure-token", Token: "REPLICA", Since: "5.0.0"},
					{Name: "pubsub", Type: "pure-token", Token: "PUBSUB"},
				}},
				{Name: "username", Type: "string", Token: "USER", Optional: true},
				{Name: "addr", Type: "string", Display: "ip:port", Token: "ADDR", Optional: true},
				{Name: "laddr", Type: "string", Display: "ip:port", Token: "LADDR", Since: "6.2.0", Optional: true},
				{Name: "skipme", Type: "oneof", Token: "SKIPME", Optional: true, Args: []command.Arg{
					{Name: "yes", Type: "pure-token", Token: "YES"},
					{Name: "no", Type: "pure-token", Token: "NO"},
				}},
			}},
		}},
	},
	Handler: clientKill,
}

// killFilter says which connections CLIENT KILL closes.
type killFilter struct {
	id          uint64 // 0: any
	typ         clientType
	addr, laddr string // "": any
	hasAddr     bool
	hasLaddr    bool
	user        string
	skipMe      bool
	old         bool // the form with one address
}

func clientKill(c *command.Ctx) {
	f := killFilter{skipMe: true}
	if len(c.Args) == 3 {
		f.addr, f.hasAddr, f.skipMe, f.old = string(c.Args[2]), true, false, true
	} else if !f.parse(c) {
		return
	}
	host, me := c.Host, c.Sess
	c.Sess.Task = func(w *resp.Writer) {
		killed := 0
		host.EachClient(func(s *command.Session) {
			if !f.matches(s) || s == me && f.skipMe {
				return
			}
			killed++
			if s == me {
				s.Flags |= command.CloseAfterReply // after the reply to come
				return
			}
			host.CloseClient(s)
		})
		switch {
		case !f.old:
			w.Int(int64(killed))
		case killed == 0:
			w.Err("-ERR No such client")
		default:
			w.OK()
		}
	}
}

// parse reads pairs of option and value; it returns false after the error reply.
func (f *killFilter) parse(c *command.Ctx) bool {
	for i := 2; i < len(c.Args); i += 2 {
		if i+1 == len(c.Args) {
			c.Err(command.ErrSyntax)
			return false
		}
		if !f.option(c, i) {
			return false
		}
	}
	return true
}

// option reads the pair at argument i.
func (f *killFilter) option(c *command.Ctx, i int) bool {
	value := c.Args[i+1]
	switch {
	case c.Is(i, "id"):
		id, ok := num.ParseInt64(value)
		if !ok || id < 1 {
			c.Err("-ERR client-id should be greater than 0")
			return false
		}
		f.id = uint64(id)
	case c.Is(i, "type"):
		t, ok := parseType(c, i+1)
		f.typ = t
		return ok
	case c.Is(i, "addr"):
		f.addr, f.hasAddr = string(value), true
	case c.Is(i, "laddr"):
		f.laddr, f.hasLaddr = string(value), true
	case c.Is(i, "user"):
		if string(value) != string(defaultUser) {
			c.Err("-ERR No such user '" + text(value) + "'")
			return false
		}
		f.user = string(value)
	case c.Is(i, "skipme") && c.Is(i+1, "yes"):
		f.skipMe = true
	case c.Is(i, "skipme") && c.Is(i+1, "no"):
		f.skipMe = false
	default:
		c.Err(command.ErrSyntax)
		return false
	}
	return true
}

func (f *killFilter) matches(s *command.Session) bool {
	switch {
	case f.hasAddr && (s.Peer == nil || s.Peer.RemoteAddr() != f.addr):
	case f.hasLaddr && (s.Peer == nil || s.Peer.LocalAddr() != f.laddr):
	case f.id != 0 && s.ID != f.id:
	case f.user != "" && s.User != f.user:
	default:
		return f.typ.has(s)
	}
	return false
}
