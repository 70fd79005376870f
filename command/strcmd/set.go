package strcmd

import (
	"kvorum/command"
	"kvorum/keyspace"
	"kvorum/num"
)

var setSpec = &command.Spec{
	Name: "set", Since: "1.0.0", Group: "string", Complexity: "O(1)",
	Summary: "Stores a string under a key, whatever the key held before, optionally with conditions and a time to live.",
	Arity:   -3, Flags: command.Write | command.DenyOOM, Categories: command.CatString,
	History: []command.Change{
		{Since: "2.6.12", Text: "Added the `EX`, `PX`, `NX` and `XX` options."},
		{Since: "6.0.0", Text: "Added the `KEEPTTL` option."},
		{Since: "6.2.0", Text: "Added the `GET`, `EXAT` and `PXAT` option."},
		{Since: "7.0.0", Text: "Allowed the `NX` and `GET` options to be used together."},
	},
	Keys: []command.KeySpec{{
		Flags: command.RW | command.Access | command.Update | command.VariableFlags, Index: 1, Step: 1,
		Notes: "RW and ACCESS due to the optional `GET` argument",
	}},
	Args: []command.Arg{
		{Name: "key", Type: "key", Key: 1},
		{Name: "value", Type: "string"},
		{Name: "condition", Type: "oneof", Since: "2.6.12", Optional: true, Args: []command.Arg{
			{Name: "nx", Type: "pure-token", Token: "NX"},
			{Name: "xx", Type: "pure-token", Token: "XX"},
		}},
		{Name: "get", Type: "pure-token", Token: "GET", Since: "6.2.0", Optional: true},
		{Name: "expiration", Type: "oneof", Optional: true, Args: []command.Arg{
			{Name: "seconds", Type: "integer", Token: "EX", Since: "2.6.12"},
			{Name: "milliseconds", Type: "integer", Token: "PX", Since: "2.6.12"},
			{Name: "unix-time-seconds", Type: "unix-time", Token: "EXAT", Since: "6.2.0"},
			{Name: "unix-time-milliseconds", Type: "unix-time", Token: "PXAT", Since: "6.2.0"},
			{Name: "keepttl", Type: "pure-token", Token: "KEEPTTL", Since: "6.0.0"},
		}},
	},
	Handler: set,
}

// setFlags are the options of SET and GETEX.
type setFlags uint8

const (
	setNX setFlags = 1 << iota
	setXX
	setGet
	setKeepTTL
	setPersist
	setExpire // some form of due time was given
)

// setOptions is what the options of a SET or GETEX say.
type setOptions struct {
	flags setFlags
	at    int  // argument number of the time
	secs  bool // the time is in seconds
	abs   bool // the time is absolute
}

// parse reads the options from argument from on. allowed are those that the
// command has. ok is false after the error reply.
func (o *setOptions) parse(c *command.Ctx, from int, allowed setFlags) bool {
	const ttl = setKeepTTL | setPersist | setExpire
	for i := from; i < len(c.Args); i++ {
		more := i+1 < len(c.Args)
		flag := setFlags(0)
		switch {
		case c.Is(i, "nx") && o.flags&setXX == 0:
			flag = setNX
		case c.Is(i, "xx") && o.flags&setNX == 0:
			flag = setXX
		case c.Is(i, "get"):
			flag = setGet
		case c.Is(i, "keepttl") && o.flags&(ttl&^setKeepTTL) == 0:
			flag = setKeepTTL
		case c.Is(i, "persist") && o.flags&(ttl&^setPersist) == 0:
			flag = setPersist
		case more && o.flags&ttl == 0 && o.timeOption(c, i):
			flag = setExpire
			i++
			o.at = i
		}
		if flag&allowed == 0 {
			c.Err(command.ErrSyntax)
			return false
		}
		o.flags |= flag
	}
	return true
}

// timeOption recognises EX, PX, EXAT and PXAT.
func (o *setOptions) timeOption(c *command.Ctx, i int) bool {
	switch {
	case c.Is(i, "ex"):
		o.secs, o.abs = true, false
	case c.Is(i, "px"):
		o.secs, o.abs = false, false
	case c.Is(i, "exat"):
		o.secs, o.abs = true, true
	case c.Is(i, "pxat"):
		o.secs, o.abs = false, true
	default:
		return false
	}
	return true
}

// dueTime turns the time given as argument at into Unix milliseconds; ok is
// false after the error reply.
func dueTime(c *command.Ctx, at int, secs, abs bool) (due int64, ok bool) {
	due, ok = c.Int(at)
	if !ok {
		return 0, false
	}
	const limit = 1<<63 - 1
	if due <= 0 || secs && due > limit/1000 {
		c.Err(invalidExpire(c))
		return 0, false
	}
	if secs {
		due *= 1000
	}
	if !abs {
		if due > limit-c.Now {
			c.Err(invalidExpire(c))
			return 0, false
		}
		due += c.Now
	}
	return due, true
}

func invalidExpire(c *command.Ctx) string {
	return "-ERR invalid expire time in '" + c.Spec.FullName() + "' command"
}

func set(c *command.Ctx) {
	var o setOptions
	if !o.parse(c, 3, setNX|setXX|setGet|setKeepTTL|setExpire) {
		return
	}
	store(c, c.Args[2], &o)
}

// store is the body of SET, SETEX, PSETEX and SETNX, but for SETNX's reply.
func store(c *command.Ctx, value []byte, o *setOptions) {
	ttl := keyspace.NoTTL
	if o.flags&setExpire != 0 {
		due, ok := dueTime(c, o.at, o.secs, o.abs)
		if !ok {
			return
		}
		ttl = keyspace.TTL(due)
	}
	k := c.Keys[0]
	var e keyspace.Entry
	if o.flags&setGet != 0 {
		if e = c.Read(0); !isString(c, e) {
			return
		}
		replyOld(c, e)
	} else {
		e = c.Write(0)
	}
	if o.flags&setNX != 0 && e.OK() || o.flags&setXX != 0 && !e.OK() {
		if o.flags&setGet == 0 {
			c.W.Null()
		}
		return
	}
	if o.flags&setKeepTTL != 0 {
		ttl = keyspace.KeepTTL
	}
	existed := e.OK()
	c.DB.SetString(k, e, value, ttl, c.Access)
	c.Dirty++
	c.Notify(command.NotifyString, "set", k.Bytes)
	if ttl >= 0 {
		c.Notify(command.NotifyGeneric, "expire", k.Bytes)
	}
	if !existed {
		c.Notify(command.NotifyNew, "new", k.Bytes)
	}
	setEffect(c, value, ttl, o)
	if o.flags&setGet == 0 {
		c.W.OK()
	}
}

func replyOld(c *command.Ctx, e keyspace.Entry) {
	if !e.OK() {
		c.W.Null()
		return
	}
	c.W.Bulk(c.StringOf(e))
}

var (
	setName  = []byte("SET")
	pxatName = []byte("PXAT")
)

// setEffect feeds a SET with an absolute time in place of relative ones, and
// without the conditions, which have been met.
func setEffect(c *command.Ctx, value []byte, ttl keyspace.TTL, o *setOptions) {
	if c.Feed == nil {
		return
	}
	switch {
	case ttl >= 0:
		var buf [24]byte
		c.Effect(setName, c.Args[1], value, pxatName, num.AppendInt(buf[:0], int64(ttl)))
	case o.flags&setGet != 0:
		keep := [][]byte{setName, c.Args[1], value}
		if o.flags&setKeepTTL != 0 {
			keep = append(keep, []byte("KEEPTTL"))
		}
		c.Effect(keep...)
	}
}
