package keycmd

import (
	"kvorum/command"
	"kvorum/glob"
	"kvorum/keyspace"
	"kvorum/object"
	"kvorum/resp"
)

var keysSpec = &command.Spec{
	Name: "keys", Since: "1.0.0", Group: "generic",
	Complexity: "O(N) with N being the number of keys in the database, under the assumption that the key names in the database and the given pattern have limited length.",
	Summary:    "Lists all keys whose names match a pattern.",
	Arity:      2, Flags: command.ReadOnly, Categories: command.CatKeyspace | command.CatDangerous,
	Tips: []string{"request_policy:all_shards", "nondeterministic_output_order"},
	Args: []command.Arg{{Name: "pattern", Type: "pattern"}},
	Mode: command.LocksItself, Handler: keys,
}

// lister is a KEYS on its way: all that it needs when the context is gone.
type lister struct {
	ks      *keyspace.Keyspace
	db      *keyspace.DB
	now     int64
	pattern []byte // nil: all
	w       *resp.Writer
	found   int
}

func keys(c *command.Ctx) {
	l := lister{ks: c.KS, db: c.DB, now: c.Now, pattern: patternOf(c.Args[1])}
	if c.DB.Len() < longWalk {
		l.w = c.W
		l.list(command.NoPass{})
		return
	}
	l.pattern = kept(l.pattern)
	pass := c.World.Pass()
	c.Sess.Task = func(w *resp.Writer) {
		defer pass.Close()
		l.w = w
		l.list(pass)
	}
}

// list replies the keys wanted. Each shard is listed at its own moment: others
// are served between two.
//
// COMPAT: keys-moment: a large database may change while KEYS walks over it.
func (l *lister) list(pass command.Pass) {
	count := l.w.DeferLen()
	for shard := range keyspace.ShardCount {
		pass.Enter()
		l.ks.Lock(shard)
		if l.db.ShardLen(shard) > 0 {
			l.db.ScanShard(shard, l.visit)
		}
		l.ks.Unlock(shard)
		pass.Leave()
	}
	l.w.SetDeferredArray(count, l.found)
}

func (l *lister) visit(e keyspace.Entry) {
	key := object.Key(e.Rec)
	if e.Expired(l.now) || l.pattern != nil && !glob.Match(l.pattern, key) {
		return
	}
	l.found++
	l.w.Bulk(key)
}

// patternOf returns a pattern, nil for the one that matches everything.
func patternOf(arg []byte) []byte {
	if string(arg) == "*" {
		return nil
	}
	return arg
}

// kept returns a pattern that outlives the request. nil stays nil, and the empty
// pattern, which matches the empty key, does not become it.
func kept(pattern []byte) []byte {
	if pattern == nil {
		return nil
	}
	return append([]byte{}, pattern...)
}
