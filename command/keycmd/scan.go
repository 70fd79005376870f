package keycmd

import (
	"kvorum/command"
	"kvorum/glob"
	"kvorum/keyspace"
	"kvorum/num"
	"kvorum/object"
	"kvorum/resp"
)

// longScan is the number of keys from which a walk is left to a worker: a loop
// may not be away from its other clients for longer than about 200 us.
const longScan = 4000

var keysSpec = &command.Spec{
	Name: "keys", Since: "1.0.0", Group: "generic",
	Complexity: "O(N) with N being the number of keys in the database, under the assumption that the key names in the database and the given pattern have limited length.",
	Summary:    "Lists all keys whose names match a pattern.",
	Arity:      2, Flags: command.ReadOnly, Categories: command.CatKeyspace | command.CatDangerous,
	Tips: []string{"request_policy:all_shards", "nondeterministic_output_order"},
	Args: []command.Arg{{Name: "pattern", Type: "pattern"}},
	Mode: command.LocksItself, Handler: keys,
}

// walk is a KEYS or SCAN on its way: all it needs without the context, which is
// gone when a worker does it.
type walk struct {
	ks      *keyspace.Keyspace
	db      *keyspace.DB
	now     int64
	pattern []byte // nil: all
	typ     string // "": all
	sampled int
	found   int
}

// visit replies the key of an entry if it is wanted.
func (s *walk) visit(w *resp.Writer, e keyspace.Entry) {
	s.sampled++
	if e.Expired(s.now) {
		return
	}
	key := object.Key(e.Rec)
	if s.pattern != nil && !glob.Match(s.pattern, key) || s.typ != "" && e.Type().Name() != s.typ {
		return
	}
	s.found++
	w.Bulk(key)
}

func keys(c *command.Ctx) {
	s := walk{ks: c.KS, db: c.DB, now: c.Now, pattern: c.Args[1]}
	if string(s.pattern) == "*" {
		s.pattern = nil
	}
	if c.DB.Len() < longScan {
		s.keys(c.W, command.NoPass{})
		return
	}
	s.pattern = append([]byte(nil), s.pattern...)
	if string(c.Args[1]) == "*" {
		s.pattern = nil
	}
	pass := c.World.Pass()
	c.Sess.Task = func(w *resp.Writer) {
		defer pass.Close()
		s.keys(w, pass)
	}
}

// keys replies all keys wanted, shard by shard: the locks of two shards are
// never held together, so others are served meanwhile.
func (s *walk) keys(w *resp.Writer, pass command.Pass) {
	count := w.DeferLen()
	for i := range keyspace.ShardCount {
		pass.Enter()
		s.ks.Lock(i)
		s.db.ScanShard(i, func(e keyspace.Entry) { s.visit(w, e) })
		s.ks.Unlock(i)
		pass.Leave()
	}
	w.SetDeferredArray(count, s.found)
}

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

// scanEffort is how many buckets SCAN looks at for each key asked for.
const scanEffort = 10

func scan(c *command.Ctx) {
	cursor, ok := num.ParseCursor(c.Args[1])
	if !ok {
		c.Err("-ERR invalid cursor")
		return
	}
	s := walk{ks: c.KS, db: c.DB, now: c.Now}
	count := int64(10)
	for i := 2; i < len(c.Args); i += 2 {
		more := i+1 < len(c.Args)
		switch {
		case more && c.Is(i, "count"):
			if count, ok = c.Int(i + 1); !ok {
				return
			}
			if count < 1 {
				c.Err(command.ErrSyntax)
				return
			}
		case more && c.Is(i, "match"):
			s.pattern = c.Args[i+1]
			if string(s.pattern) == "*" {
				s.pattern = nil
			}
		case more && c.Is(i, "type"):
			s.typ = lower(c.Args[i+1])
		default:
			c.Err(command.ErrSyntax)
			return
		}
	}
	if min(count, c.DB.Len()) < longScan {
		s.scan(c.W, command.NoPass{}, cursor, count)
		return
	}
	if s.pattern != nil {
		s.pattern = append([]byte(nil), s.pattern...)
	}
	pass := c.World.Pass()
	c.Sess.Task = func(w *resp.Writer) {
		defer pass.Close()
		s.scan(w, pass, cursor, count)
	}
}

func (s *walk) scan(w *resp.Writer, pass command.Pass, cursor uint64, count int64) {
	head := len(w.B)
	var buf [24]byte
	w.Array(2)
	// The cursor comes before the keys but is known after them: the keys are
	// moved behind it when they are all there.
	keysAt := len(w.B)
	n := w.DeferLen()
	effort := count
	if effort < 1<<40 {
		effort *= scanEffort
	}
	for ; effort > 0 && int64(s.sampled) < count; effort-- {
		pass.Enter()
		cursor, _ = s.db.Scan(cursor, false, func(e keyspace.Entry) { s.visit(w, e) })
		pass.Leave()
		if cursor == 0 {
			break
		}
	}
	w.SetDeferredArray(n, s.found)
	list := append([]byte(nil), w.B[keysAt:]...)
	w.B = w.B[:head]
	w.Array(2)
	w.Bulk(num.AppendUint(buf[:0], cursor))
	w.Raw(list)
}

func lower(b []byte) string {
	out := make([]byte, len(b))
	for i, ch := range b {
		if ch-'A' < 26 {
			ch |= 0x20
		}
		out[i] = ch
	}
	return string(out)
}

var randomkeySpec = &command.Spec{
	Name: "randomkey", Since: "1.0.0", Group: "generic", Complexity: "O(1)",
	Summary: "Draws a key of the database at random.",
	Arity:   1, Flags: command.ReadOnly, Categories: command.CatKeyspace,
	Tips: []string{"request_policy:all_shards", "nondeterministic_output"},
	Mode: command.LocksItself, Handler: randomkey,
}

// randomTries bounds the draws: in a small or nearly empty database most shards
// are empty, and the slow way is taken.
const randomTries = 100

func randomkey(c *command.Ctx) {
	for range randomTries {
		if c.DB.Len() < keyspace.ShardCount {
			break
		}
		if drawKey(c, c.Rng.Intn(keyspace.ShardCount)) {
			return
		}
	}
	if !pickKey(c) {
		c.W.Null()
	}
}

// drawKey replies a random key of a shard; false when the draw hit nothing.
func drawKey(c *command.Ctx, shard int) bool {
	c.KS.Lock(shard)
	defer c.KS.Unlock(shard)
	e, ok := c.DB.Sample(shard, c.Rng.Uint32(), c.Rng.Uint32())
	if !ok || e.Expired(c.Now) {
		return false
	}
	c.W.Bulk(object.Key(e.Rec))
	return true
}

// pickKey counts to a random number through all shards.
func pickKey(c *command.Ctx) bool {
	live := int64(0)
	chosen := append(c.Buf[:0], 0)
	any := false
	for shard := range keyspace.ShardCount {
		c.KS.Lock(shard)
		if c.DB.ShardLen(shard) > 0 {
			c.DB.ScanShard(shard, func(e keyspace.Entry) {
				if e.Expired(c.Now) {
					return
				}
				// Each key replaces the one before with probability 1/n.
				if live++; c.Rng.Intn(int(live)) == 0 {
					chosen = append(chosen[:0], object.Key(e.Rec)...)
					any = true
				}
			})
		}
		c.KS.Unlock(shard)
	}
	c.Buf = chosen
	if any {
		c.W.Bulk(chosen)
	}
	return any
}
