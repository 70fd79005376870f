package keycmd

import (
	"kvorum/command"
	"kvorum/keyspace"
	"kvorum/object"
	"kvorum/resp"
	"kvorum/rng"
)

var randomkeySpec = &command.Spec{
	Name: "randomkey", Since: "1.0.0", Group: "generic", Complexity: "O(1)",
	Summary: "Draws a key of the database at random.",
	Arity:   1, Flags: command.ReadOnly, Categories: command.CatKeyspace,
	Tips: []string{"request_policy:all_shards", "response_policy:special", "nondeterministic_output"},
	Mode: command.LocksItself, Handler: randomkey,
}

// drawsMax bounds the draws of a RANDOMKEY on the loop. Only in a database whose
// keys have nearly all expired are so many of no use.
const drawsMax = 100

func randomkey(c *command.Ctx) {
	for range drawsMax {
		n := c.DB.Len()
		if n == 0 {
			c.W.Null()
			return
		}
		shard := c.DB.ShardAt(int64(c.Rng.Uint64n(uint64(n))))
		if shard >= 0 && draw(c, shard) {
			return
		}
	}
	s := survivor{ks: c.KS, db: c.DB, now: c.Now, rng: *rng.New(c.Rng.Uint64())}
	pass := c.World.Pass()
	c.Sess.Task = func(w *resp.Writer) {
		defer pass.Close()
		s.pick(pass)
		s.reply(w)
	}
}

// draw replies a key of a shard, each with the same probability. It returns
// false when the shard has become empty, or the key drawn had expired: that one
// is removed.
func draw(c *command.Ctx, shard int) bool {
	c.LockShard(shard)
	live := false
	if c.DB.ShardLen(shard) > 0 {
		e, ok := c.DB.Sample(shard, c.Rng.Uint32(), c.Rng.Uint32())
		for !ok {
			e, ok = c.DB.Sample(shard, c.Rng.Uint32(), c.Rng.Uint32())
		}
		key := object.Key(e.Rec)
		if live = !e.Expired(c.Now); live {
			c.W.Bulk(key)
		} else {
			c.Expire(c.DB, c.KS.Key(key), e)
		}
	}
	c.UnlockShard(shard)
	return live
}

// survivor looks through a whole database for keys that have not expired, and
// chooses one at random.
type survivor struct {
	ks     *keyspace.Keyspace
	db     *keyspace.DB
	now    int64
	rng    rng.Rand
	live   int
	chosen []byte
}

func (s *survivor) pick(pass command.Pass) {
	for shard := range keyspace.ShardCount {
		pass.Enter()
		s.ks.Lock(shard)
		s.db.ScanShard(shard, s.visit)
		s.ks.Unlock(shard)
		pass.Leave()
	}
}

// visit lets the n-th live key take the place of the one chosen before with a
// probability of 1/n, so that all are chosen alike.
func (s *survivor) visit(e keyspace.Entry) {
	if e.Expired(s.now) {
		return
	}
	if s.live++; s.rng.Intn(s.live) == 0 {
		s.chosen = append(s.chosen[:0], object.Key(e.Rec)...)
	}
}

func (s *survivor) reply(w *resp.Writer) {
	if s.live == 0 {
		w.Null()
		return
	}
	w.Bulk(s.chosen)
}
