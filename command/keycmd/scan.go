package keycmd

import (
	"strings"

	"kvorum/command"
	"kvorum/glob"
	"kvorum/keyspace"
	"kvorum/num"
	"kvorum/object"
	"kvorum/resp"
)

var scanSpec = &command.Spec{
	Name: "scan", Since: "2.8.0", Group: "generic",
	Complexity: "O(1) for every call. O(N) for a complete iteration, including enough command calls for the cursor to return back to 0. N is the number of elements inside the collection.",
	Summary:    "Walks over the keys of a database, some at each call.",
	Arity:      -2, Flags: command.ReadOnly, Categories: command.CatKeyspace,
	History: []command.Change{{Since: "6.0.0", Text: "Added the `TYPE` subcommand."}},
	Tips:    []string{"nondeterministic_output", "request_policy:special", "response_policy:special"},
	Args: []command.Arg{
		{Name: "cursor", Type: "integer"},
		{Name: "pattern", Type: "pattern", Token: "MATCH", Optional: true},
		{Name: "count", Type: "integer", Token: "COUNT", Optional: true},
		{Name: "type", Type: "string", Token: "TYPE", Since: "6.0.0", Optional: true},
	},
	Mode: command.LocksItself, Handler: scan,
}

const (
	scanCount = 10 // keys asked for unless COUNT says otherwise
	// scanEffort is how many buckets are looked at for each key asked for, so
	// that a call ends soon in a database of empty buckets.
	scanEffort    = 10
	scanEffortMax = 1 << 40 // far from where products overflow
)

// scanner is a SCAN on its way: all that it needs when the context is gone.
type scanner struct {
	db      *keyspace.DB
	now     int64
	cursor  uint64
	count   int64
	pattern []byte // nil: all
	byType  bool
	typ     string // wanted if byType; lower case

	keys    resp.Writer // found so far
	found   int
	visited int64
	removes bool     // expired keys are removed; off the loop they are left to the background
	expired [][]byte // met in the last step, if removes
}

func scan(c *command.Ctx) {
	s := scanner{db: c.DB, now: c.Now, count: scanCount}
	if !s.parse(c) {
		return
	}
	if min(s.count, c.DB.Len()) >= longWalk {
		s.runOff(c)
		return
	}
	s.keys.B = c.Buf[:0]
	s.removes = true
	s.walk(command.NoPass{}, c)
	s.reply(c.W)
	c.Buf = s.keys.B
}

// runOff lets a copy of the scanner go on off the loop.
func (s scanner) runOff(c *command.Ctx) {
	s.pattern = kept(s.pattern)
	pass := c.World.Pass()
	c.Sess.Task = func(w *resp.Writer) {
		defer pass.Close()
		s.walk(pass, nil)
		s.reply(w)
	}
}

// parse reads the arguments and reports whether they are good; if not it has
// replied.
func (s *scanner) parse(c *command.Ctx) (ok bool) {
	if s.cursor, ok = num.ParseCursor(c.Args[1]); !ok {
		c.Err("-ERR invalid cursor")
		return false
	}
	for i := 2; i < len(c.Args); i += 2 {
		more := i+1 < len(c.Args)
		switch {
		case more && c.Is(i, "count"):
			if s.count, ok = c.Int(i + 1); !ok {
				return false
			}
			if s.count < 1 {
				c.Err(command.ErrSyntax)
				return false
			}
		case more && c.Is(i, "match"):
			s.pattern = patternOf(c.Args[i+1])
		case more && c.Is(i, "type"):
			s.byType, s.typ = true, strings.ToLower(string(c.Args[i+1]))
		default:
			c.Err(command.ErrSyntax)
			return false
		}
	}
	return true
}

// walk goes on from the cursor until enough keys were looked at. With a context
// it removes expired keys as it goes; without, that is left to the background.
func (s *scanner) walk(pass command.Pass, c *command.Ctx) {
	effort := min(s.count, scanEffortMax) * scanEffort
	for more := true; more && effort > 0 && s.visited < s.count; effort-- {
		pass.Enter()
		s.cursor, _ = s.db.Scan(s.cursor, false, s.visit)
		pass.Leave()
		if len(s.expired) > 0 {
			s.expire(c)
		}
		more = s.cursor != 0
	}
}

func (s *scanner) visit(e keyspace.Entry) {
	s.visited++
	key := object.Key(e.Rec)
	if s.pattern != nil && !glob.Match(s.pattern, key) {
		return
	}
	if e.Expired(s.now) {
		if s.removes {
			s.expired = append(s.expired, append([]byte(nil), key...))
		}
		return
	}
	if s.byType && e.Type().Name() != s.typ {
		return
	}
	s.found++
	s.keys.Bulk(key)
}

// expire removes the expired keys of the last step, each looked up again: its
// shard was unlocked since.
func (s *scanner) expire(c *command.Ctx) {
	for _, key := range s.expired {
		k := c.KS.Key(key)
		shard := keyspace.ShardOf(k.Hash)
		c.LockShard(shard)
		c.FindIn(s.db, k)
		c.UnlockShard(shard)
	}
	s.expired = s.expired[:0]
}

func (s *scanner) reply(w *resp.Writer) {
	var buf [24]byte
	w.Array(2)
	w.Bulk(num.AppendUint(buf[:0], s.cursor))
	w.Array(s.found)
	w.Raw(s.keys.B)
}
