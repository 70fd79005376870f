package streamcmd

import (
	"kvorum/command"
	"kvorum/keyspace"
	"kvorum/object/stream"
)

var xgroupSpec = &command.Spec{
	Name: "xgroup", Since: "5.0.0", Group: "stream",
	Complexity: "Depends on subcommand.",
	Summary:    "A container for commands that manage groups of consumers.",
	Arity:      -2,
	Subs: []*command.Spec{
		xgroupcreateSpec, xgroupcreateconsumerSpec, xgroupdelconsumerSpec, xgroupdestroySpec, xgrouphelpSpec, xgroupsetidSpec,
	},
}

// argSelector tells from which entry on a group is given entries.
var argSelector = command.Arg{Name: "id-selector", Type: "oneof", Args: []command.Arg{
	{Name: "id", Type: "string"},
	{Name: "new-id", Type: "pure-token", Token: "$"},
}}

var xgroupcreateSpec = &command.Spec{
	Name: "create", Since: "5.0.0", Group: "stream",
	Complexity: "O(1)",
	Summary:    "Creates a group of consumers.",
	Arity:      -5, Flags: command.Write | command.DenyOOM, Categories: command.CatStream,
	History: []command.Change{
		{Since: "7.0.0", Text: "Added the `entries_read` named argument."},
	},
	Keys: []command.KeySpec{{Flags: command.RW | command.Insert, Index: 2, Step: 1}},
	Args: []command.Arg{
		argKey,
		argGroup,
		argSelector,
		{Name: "mkstream", Type: "pure-token", Token: "MKSTREAM", Optional: true},
		{Name: "entries-read", Type: "integer", Token: "ENTRIESREAD", Optional: true},
	},
	Handler: xgroupCreate,
}

var xgroupcreateconsumerSpec = &command.Spec{
	Name: "createconsumer", Since: "6.2.0", Group: "stream",
	Complexity: "O(1)",
	Summary:    "Creates a consumer in a group.",
	Arity:      5, Flags: command.Write | command.DenyOOM, Categories: command.CatStream,
	Keys:    []command.KeySpec{{Flags: command.RW | command.Insert, Index: 2, Step: 1}},
	Args:    []command.Arg{argKey, argGroup, argConsumer},
	Handler: xgroupCreateConsumer,
}

var xgroupdelconsumerSpec = &command.Spec{
	Name: "delconsumer", Since: "5.0.0", Group: "stream",
	Complexity: "O(1)",
	Summary:    "Removes a consumer from a group, with what is pending with it.",
	Arity:      5, Flags: command.Write, Categories: command.CatStream,
	Keys:    []command.KeySpec{{Flags: command.RW | command.Delete, Index: 2, Step: 1}},
	Args:    []command.Arg{argKey, argGroup, argConsumer},
	Handler: xgroupDelConsumer,
}

var xgroupdestroySpec = &command.Spec{
	Name: "destroy", Since: "5.0.0", Group: "stream",
	Complexity: "O(N) where N is the number of entries in the group's pending entries list (PEL).",
	Summary:    "Removes a group of consumers with all that it knows.",
	Arity:      4, Flags: command.Write, Categories: command.CatStream,
	Keys:    []command.KeySpec{{Flags: command.RW | command.Delete, Index: 2, Step: 1}},
	Args:    []command.Arg{argKey, argGroup},
	Handler: xgroupDestroy,
}

var xgroupsetidSpec = &command.Spec{
	Name: "setid", Since: "5.0.0", Group: "stream",
	Complexity: "O(1)",
	Summary:    "Sets the id of the entry that a group was last given.",
	Arity:      -5, Flags: command.Write, Categories: command.CatStream,
	History: []command.Change{
		{Since: "7.0.0", Text: "Added the optional `entries_read` argument."},
	},
	Keys: []command.KeySpec{{Flags: command.RW | command.Update, Index: 2, Step: 1}},
	Args: []command.Arg{
		argKey,
		argGroup,
		argSelector,
		{Name: "entriesread", Type: "integer", Display: "entries-read", Token: "ENTRIESREAD", Optional: true},
	},
	Handler: xgroupSetID,
}

var xgrouphelpSpec = &command.Spec{
	Name: "help", Since: "5.0.0", Group: "stream",
	Complexity: "O(1)",
	Summary:    "Tells about the subcommands.",
	Arity:      2, Flags: command.Loading | command.Stale, Categories: command.CatStream,
	Handler: command.HelpOfRows,
}

const (
	errNoKey        = "-ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically."
	errBusyGroup    = "-BUSYGROUP Consumer Group name already exists"
	errReadNegative = "-ERR value for ENTRIESREAD must be positive or -1"
)

// xgroupOptions reads the options of CREATE and SETID; ok is false after the error
// reply.
func xgroupOptions(c *command.Ctx, creates bool) (create bool, read int64, ok bool) {
	read = stream.ReadUnknown
	for i := 5; i < len(c.Args); i++ {
		switch {
		case creates && c.Is(i, "mkstream"):
			create = true
		case i+1 < len(c.Args) && c.Is(i, "entriesread"):
			i++
			if read, ok = c.Int(i); !ok {
				return false, 0, false
			}
			if read < 0 && read != stream.ReadUnknown {
				c.Err(errReadNegative)
				return false, 0, false
			}
		default:
			unknownForm(c)
			return false, 0, false
		}
	}
	return create, read, true
}

// xgroupKey looks the key up, which must be there; ok is false after the error
// reply.
func xgroupKey(c *command.Ctx, s *stream.Stream) (ok bool) {
	e := c.Write(0)
	switch {
	case !isStream(c, e):
		return false
	case !e.OK():
		c.Err(errNoKey)
		return false
	}
	s.Open(e.Rec, &c.Buf)
	return true
}

// xgroupOf is xgroupKey with the group, which must be there too.
func xgroupOf(c *command.Ctx, s *stream.Stream) (g stream.Group, ok bool) {
	if !xgroupKey(c, s) {
		return g, false
	}
	if g, ok = s.Group(c.Args[3]); !ok {
		noGroupOfKey(c, c.Args[2], c.Args[3])
	}
	return g, ok
}

// createWordsMax bounds the arguments of XGROUP CREATE: all options once.
const createWordsMax = 8

func xgroupCreate(c *command.Ctx) {
	mkstream, read, ok := xgroupOptions(c, true)
	if !ok {
		return
	}
	var s stream.Stream
	var e keyspace.Entry
	if mkstream {
		if e = c.Write(0); !isStream(c, e) {
			return
		}
		if e.OK() {
			s.Open(e.Rec, &c.Buf)
		}
	} else if !xgroupKey(c, &s) {
		return
	}
	if len(c.Args) > createWordsMax {
		unknownForm(c)
		return
	}
	absent := mkstream && !e.OK()
	var last stream.ID
	switch {
	case string(cut(c.Args[4])) != "$":
		if last, ok = argID(c, 4); !ok {
			return
		}
	case !absent:
		last = s.LastID()
	}
	key := c.Keys[0]
	if absent {
		e = create(c, key)
		s.Open(e.Rec, &c.Buf)
	}
	if _, ok = s.CreateGroup(c.Args[3], last, read); !ok {
		c.Err(errBusyGroup)
		return
	}
	c.Dirty++
	c.Notify(command.NotifyStream, "xgroup-create", key.Bytes)
	c.W.OK()
}

// setidWords and setidWordsMax are the numbers of arguments of XGROUP SETID.
const (
	setidWords    = 5
	setidWordsMax = 7
)

func xgroupSetID(c *command.Ctx) {
	_, read, ok := xgroupOptions(c, false)
	if !ok {
		return
	}
	var s stream.Stream
	g, ok := xgroupOf(c, &s)
	if !ok {
		return
	}
	if n := len(c.Args); n != setidWords && n != setidWordsMax {
		unknownForm(c)
		return
	}
	last := s.LastID()
	if string(cut(c.Args[4])) != "$" {
		if last, ok = parseEnd(c.Args[4], 0); !ok {
			c.Err(errID)
			return
		}
	}
	g.SetLast(last, read)
	c.Dirty++
	c.Notify(command.NotifyStream, "xgroup-setid", c.Keys[0].Bytes)
	c.W.OK()
}

func xgroupDestroy(c *command.Ctx) {
	var s stream.Stream
	if !xgroupKey(c, &s) {
		return
	}
	rest := s.DestroyGroup(c.Args[3])
	if rest == 0 {
		c.W.Int(0)
		return
	}
	c.KS.Discard(rest)
	c.Dirty++
	c.Notify(command.NotifyStream, "xgroup-destroy", c.Keys[0].Bytes)
	c.DB.Signal(c.Keys[0]) // who waits as one of the group learns that it is gone
	c.W.Int(1)
}

func xgroupCreateConsumer(c *command.Ctx) {
	var s stream.Stream
	g, ok := xgroupOf(c, &s)
	if !ok {
		return
	}
	if _, ok = g.CreateConsumer(c.Args[4], c.Now); !ok {
		c.W.Int(0)
		return
	}
	c.Dirty++
	c.Notify(command.NotifyStream, "xgroup-createconsumer", c.Keys[0].Bytes)
	c.W.Int(1)
}

func xgroupDelConsumer(c *command.Ctx) {
	var s stream.Stream
	g, ok := xgroupOf(c, &s)
	if !ok {
		return
	}
	pending, ok := g.DeleteConsumer(c.Args[4])
	if ok {
		c.Dirty++
		c.Notify(command.NotifyStream, "xgroup-delconsumer", c.Keys[0].Bytes)
	}
	c.W.Int(int64(pending))
}
