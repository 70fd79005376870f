package strcmd

import (
	"bytes"

	"math"

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
		argKey,
		argValue,
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
	VaryFlags: setKeyFlags,
	Handler:   set,
}

// setKeyFlags tells what a SET does with its key: it reads it for GET only.
func setKeyFlags(args [][]byte, refs []command.KeyRef) {
	flags := command.OW | command.Update
	for _, arg := range args[3:] {
		if bytes.EqualFold(arg, getOption) {
			flags = command.RW | command.Access | command.Update
		}
	}
	for i := range refs {
		refs[i].Flags = flags
	}
}

var getOption = []byte("get")

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

// timeUnit is the form in which a due time was given.
type timeUnit uint8

const (
	unitNone timeUnit = iota
	unitEX
	unitPX
	unitEXAT
	unitPXAT
)

func (u timeUnit) seconds() bool { return u == unitEX || u == unitEXAT }

func (u timeUnit) absolute() bool { return u >= unitEXAT }

// setOptions is what the options of a SET or GETEX say.
type setOptions struct {
	flags setFlags
	unit  timeUnit
	at    int // argument number of the time
}

// parse reads the options from argument from on. allowed are those that the
// command has. ok is false after the error reply. An option may be repeated, the
// last time counts; options that contradict each other may not meet.
func (o *setOptions) parse(c *command.Ctx, from int, allowed setFlags) (ok bool) {
	const ttl = setKeepTTL | setPersist | setExpire
	for i := from; i < len(c.Args); i++ {
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
		case i+1 < len(c.Args) && o.flags&(ttl&^setExpire) == 0 && o.timeOption(c, i):
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

// timeOption recognises EX, PX, EXAT and PXAT, unless another of them was given
// before.
func (o *setOptions) timeOption(c *command.Ctx, i int) bool {
	u := unitNone
	switch {
	case c.Is(i, "ex"):
		u = unitEX
	case c.Is(i, "px"):
		u = unitPX
	case c.Is(i, "exat"):
		u = unitEXAT
	case c.Is(i, "pxat"):
		u = unitPXAT
	}
	if u == unitNone || o.unit != unitNone && o.unit != u {
		return false
	}
	o.unit = u
	return true
}

// due returns the due time in Unix milliseconds; ok is false after the error
// reply.
func (o *setOptions) due(c *command.Ctx) (due int64, ok bool) {
	due, ok = c.Int(o.at)
	if !ok {
		return 0, false
	}
	invalid := due <= 0
	if o.unit.seconds() {
		invalid = invalid || due > math.MaxInt64/msPerSecond
		due *= msPerSecond
	}
	if !o.unit.absolute() {
		invalid = invalid || due > math.MaxInt64-c.Now
		due += c.Now
	}
	if invalid {
		c.Err("-ERR invalid expire time in '" + c.Spec.FullName() + "' command")
		return 0, false
	}
	return due, true
}

const msPerSecond = 1000

func set(c *command.Ctx) {
	var o setOptions
	if !o.parse(c, 3, setNX|setXX|setGet|setKeepTTL|setExpire) {
		return
	}
	result := store(c, c.Args[2], &o)
	if o.flags&setGet != 0 {
		return // the old value was the reply
	}
	switch result {
	case setDone:
		c.W.OK()
	case setUnmet:
		c.W.Null()
	}
}

// setResult says how a store ended.
type setResult uint8

const (
	setFailed setResult = iota // the error was replied
	setUnmet                   // NX or XX did not hold
	setDone
)

// store is the body of SET, SETEX, PSETEX and SETNX. It replies errors and, for
// option GET, the old value; the rest is the caller's.
func store(c *command.Ctx, value []byte, o *setOptions) setResult {
	ttl := keyspace.NoTTL
	if o.flags&setKeepTTL != 0 {
		ttl = keyspace.KeepTTL
	}
	if o.flags&setExpire != 0 {
		due, ok := o.due(c)
		if !ok {
			return setFailed
		}
		ttl = keyspace.TTL(due)
	}
	var e keyspace.Entry
	if o.flags&setGet != 0 {
		if e = readWrite(c); !isString(c, e) {
			return setFailed
		}
		replyString(c, e)
	} else {
		e = c.Write(0)
	}
	existed := e.OK()
	if o.flags&setNX != 0 && existed || o.flags&setXX != 0 && !existed {
		return setUnmet
	}
	c.DB.SetString(c.Keys[0], e, value, ttl, c.Access)
	written(c, existed, "set")
	if o.flags&setExpire != 0 {
		c.Notify(command.NotifyGeneric, "expire", c.Keys[0].Bytes)
	}
	if o.flags&(setExpire|setGet) != 0 && c.Feed != nil {
		o.effect(c, value, int64(ttl))
	}
	return setDone
}

// effect feeds a SET with an absolute time in place of another form of it, and
// without GET. Conditions may stay: they have been met and will be again.
func (o *setOptions) effect(c *command.Ctx, value []byte, due int64) {
	switch {
	case o.unit == unitPXAT:
	case o.unit != unitNone:
		c.Effect(setName, c.Args[1], value, pxatName, num.AppendInt(c.Scratch[:0], due))
	default:
		kept := make([][]byte, 0, 8)
		for i, arg := range c.Args {
			if i < 3 || !c.Is(i, "get") {
				kept = append(kept, arg)
			}
		}
		c.Effect(kept...)
	}
}
