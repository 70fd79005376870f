package replcmd

import (
	"fmt"
	"strings"

	"kvorum/command"
	"kvorum/config"
	"kvorum/num"
)

var replconfSpec = &command.Spec{
	Name: "replconf", Since: "3.0.0", Group: "server", Complexity: "O(1)",
	Summary: "Tells a master about a replica, before it asks for the stream and with it.",
	Arity:   -1, Flags: command.Admin | command.NoScript | command.Loading | command.Stale | command.AllowBusy,
	SysCmd: true, Categories: command.CatAdmin,
	Handler: replconf,
}

// ipMost is the longest address that a replica may announce, and one more.
const ipMost = 256

// replconf takes pairs of an option and its value. Some end the request, without a
// reply: they come along with the stream.
func replconf(c *command.Ctx) {
	if len(c.Args)%2 == 0 {
		c.Err(command.ErrSyntax)
		return
	}
	r := &c.Sess.Replica
	for i := 1; i < len(c.Args); i += 2 {
		value := c.Args[i+1]
		switch {
		case c.Is(i, "listening-port"):
			port, ok := c.Int(i + 1)
			if !ok {
				return
			}
			r.Port = int(port)
		case c.Is(i, "ip-address"):
			if len(value) >= ipMost {
				c.Err(fmt.Sprintf("-ERR REPLCONF ip-address provided by replica instance is too long: %d bytes", len(value)))
				return
			}
			r.IP = string(value)
		case c.Is(i, "capa"):
			r.EOF = r.EOF || strings.EqualFold(string(value), "eof")
			r.PSYNC2 = r.PSYNC2 || strings.EqualFold(string(value), "psync2")
		case c.Is(i, "ack"):
			acknowledge(c, i)
			return
		case c.Is(i, "getack"):
			if c.Sess.Flags&command.MasterLink != 0 {
				c.Sess.Flags |= command.AckAsked
			}
			return
		case c.Is(i, "rdb-only"):
			on, ok := c.Int(i + 1)
			if !ok {
				return
			}
			if on < 0 || on > 1 {
				c.Err(errLocalRange)
				return
			}
			r.RDBOnly = on == 1
		case c.Is(i, "rdb-filter-only"):
			if !filter(c, string(value)) {
				return
			}
		default:
			c.Err("-ERR Unrecognized REPLCONF option: " + string(c.Args[i]))
			return
		}
	}
	c.W.OK()
}

// acknowledge takes how far a replica is. Values that are no numbers are ignored, and
// there is never a reply.
func acknowledge(c *command.Ctx, i int) {
	if c.Sess.Flags&command.Replica == 0 {
		return
	}
	offset, ok := num.ParseInt64(c.Args[i+1])
	if !ok {
		return
	}
	synced := int64(-1)
	if i+3 < len(c.Args) && c.Is(i+2, "fack") {
		if n, ok := num.ParseInt64(c.Args[i+3]); ok {
			synced = n
		}
	}
	c.Host.ReplicaAck(c.Sess, offset, synced)
}

// filter reads which parts of a snapshot a replica wants.
func filter(c *command.Ctx, list string) bool {
	r := &c.Sess.Replica
	r.Filtered, r.Functions = true, false
	words, ok := config.SplitArgs(list)
	if !ok {
		c.Err("-ERR Missing rdb-filter-only values")
		return false
	}
	for _, word := range words {
		if !strings.EqualFold(word, "functions") {
			c.Err("-ERR Unsupported rdb-filter-only option: " + word)
			return false
		}
		r.Functions = true
	}
	return true
}
