package conncmd

import (
	"kvorum/command"
	"kvorum/num"
)

var helloSpec = &command.Spec{
	Name: "hello", Since: "6.0.0", Group: "connection", Complexity: "O(1)",
	Summary: "Agrees on the protocol version and, with options, authenticates and names the connection.",
	Arity:   -1, Flags: command.NoScript | command.Loading | command.Stale | command.Fast | command.NoAuth | command.AllowBusy, Categories: command.CatConnection,
	History: []command.Change{
		{Since: "6.2.0", Text: "`protover` made optional; when called without arguments the command reports the current connection's context."},
	},
	Args: []command.Arg{
		{Name: "arguments", Type: "block", Optional: true, Args: []command.Arg{
			{Name: "protover", Type: "integer"},
			{Name: "auth", Type: "block", Token: "AUTH", Optional: true, Args: []command.Arg{
				{Name: "username", Type: "string"},
				{Name: "password", Type: "string"},
			}},
			{Name: "clientname", Type: "string", Token: "SETNAME", Optional: true},
		}},
	},
	Handler: hello,
}

const (
	errProtoNotInt  = "-ERR Protocol version is not an integer or out of range"
	errNoProto      = "-NOPROTO unsupported protocol version"
	errHelloOption  = "-ERR Syntax error in HELLO option '"
	errHelloNoAuth  = "-NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time"
	errClientName   = "-ERR Client names cannot contain spaces, newlines or special characters."
	serverNameHello = "redis" // client libraries look at it
)

// helloOptions is what a HELLO asks for, all of it checked before any of it
// happens.
type helloOptions struct {
	proto          uint8 // 0: as it is
	user, password []byte
	login          bool
	name           []byte
	named          bool
}

func hello(c *command.Ctx) {
	var o helloOptions
	if !o.parse(c) {
		return
	}
	if o.login && !login(c, o.user, o.password) {
		return
	}
	if c.Sess.Flags&command.Authenticated == 0 && c.Host.PasswordSet() {
		c.Err(errHelloNoAuth)
		return
	}
	if o.named {
		c.Sess.Name = string(o.name)
	}
	if o.proto != 0 {
		speak(c, o.proto)
	}
	helloReply(c)
}

// speak changes the version of the protocol. Messages that have come before stand in
// front of the reply, in the old one.
func speak(c *command.Ctx, proto uint8) {
	s := c.Sess
	if s.Proto != proto {
		s.Track.SetProto(proto)
		if s.Sub != nil {
			c.Bus.SetProto(s.Sub, proto)
		} else if s.Inbox != nil {
			s.Inbox.Flush()
		}
		if s.Flags&command.InExec == 0 {
			c.W.Raw(s.TakePushes())
		}
	}
	s.Proto, c.W.Proto = proto, proto
}

// parse reads the arguments; it returns false after an error reply.
func (o *helloOptions) parse(c *command.Ctx) bool {
	if len(c.Args) == 1 {
		return true
	}
	n, ok := num.ParseInt64(c.Args[1])
	switch {
	case !ok:
		c.Err(errProtoNotInt)
		return false
	case n != 2 && n != 3:
		c.Err(errNoProto)
		return false
	}
	o.proto = uint8(n)
	for i := 2; i < len(c.Args); i++ {
		more := len(c.Args) - 1 - i
		switch {
		case c.Is(i, "auth") && more >= 2:
			o.user, o.password, o.login = c.Args[i+1], c.Args[i+2], true
			i += 2
		case c.Is(i, "setname") && more >= 1:
			o.name, o.named = c.Args[i+1], true
			if !printable(o.name) {
				c.Err(errClientName)
				return false
			}
			i++
		default:
			c.Err(errHelloOption + text(c.Args[i]) + "'")
			return false
		}
	}
	return true
}

func helloReply(c *command.Ctx) {
	w := c.W
	w.Map(7)
	w.BulkString("server")
	w.BulkString(serverNameHello)
	w.BulkString("version")
	w.BulkString(command.RedisVersion)
	w.BulkString("proto")
	w.Int(int64(c.Sess.Proto))
	w.BulkString("id")
	w.Int(int64(c.Sess.ID))
	w.BulkString("mode")
	w.BulkString("standalone")
	w.BulkString("role")
	w.BulkString("master")
	w.BulkString("modules")
	w.Array(0)
}
