package interop

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// What programs do with collections, in the words of go-redis.

// Workers take jobs from a queue into a list of what is being done, and out of that
// when it is done; what a worker left there when it died is queued again.
func (g *goRedis) jobQueue() {
	ctx := g.ctx
	const jobs, workers = 60, 3
	var mu sync.Mutex
	var finished []string
	var running sync.WaitGroup
	for w := range workers {
		running.Go(func() {
			doing := "doing:" + strconv.Itoa(w)
			for {
				job, err := g.BLMove(ctx, "jobs", doing, "RIGHT", "LEFT", patience).Result()
				if err != nil || job == "stop" {
					g.LRem(ctx, doing, 1, job)
					return
				}
				g.LRem(ctx, doing, 1, job)
				mu.Lock()
				finished = append(finished, job)
				mu.Unlock()
			}
		})
	}
	for i := range jobs {
		g.ok(g.LPush(ctx, "jobs", fmt.Sprintf("job %02d", i)).Err())
	}
	g.until("all jobs are done", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(finished) == jobs
	})
	g.ok(g.LPush(ctx, "jobs", "stop", "stop", "stop").Err())
	running.Wait()
	slices.Sort(finished)
	g.note("each once", slices.Compact(finished), nil)
	done(g, g.Exists(ctx, "jobs", "doing:0", "doing:1", "doing:2"))

	done(g, g.RPush(ctx, "doing:dead", "a", "b"))
	done(g, g.LMove(ctx, "doing:dead", "jobs", "LEFT", "RIGHT"))
	done(g, g.RPopLPush(ctx, "doing:dead", "jobs"))
	done(g, g.LMove(ctx, "doing:dead", "jobs", "LEFT", "RIGHT"))
	done(g, g.LRange(ctx, "jobs", 0, -1))
	key, taken, err := g.LMPop(ctx, "right", 2, "none", "jobs").Result()
	g.note("lmpop", fmt.Sprint(key, taken), err)
	done(g, g.RPush(ctx, "jobs", "c", "d", "e"))
	done(g, g.BLPop(ctx, time.Second, "none", "jobs"))
	key, taken, err = g.BLMPop(ctx, time.Second, "left", 2, "none", "jobs").Result()
	g.note("blmpop", fmt.Sprint(key, taken), err)
	done(g, g.Do(ctx, "blmove", "none", "jobs", "left", "right", "0.01"))
}

// Sessions are hashes that live as long as they are used.
func (g *goRedis) sessions() {
	ctx := g.ctx
	type session struct {
		User   string `redis:"user"`
		Visits int    `redis:"visits"`
		Theme  string `redis:"theme"`
	}
	for _, user := range []string{"ann", "bob"} {
		cmds, err := g.TxPipelined(ctx, func(p redis.Pipeliner) error {
			p.HSet(ctx, "session:"+user, session{User: user, Theme: "dark"})
			p.Expire(ctx, "session:"+user, time.Hour)
			p.SAdd(ctx, "online", user)
			return nil
		})
		g.note("begin "+user, len(cmds), err)
		for _, c := range cmds {
			g.note(brief(c.Args()), nil, c.Err())
		}
	}
	for range 3 {
		done(g, g.HIncrBy(ctx, "session:ann", "visits", 1))
	}
	var s session
	err := g.HGetAll(ctx, "session:ann").Scan(&s)
	g.note("scan", fmt.Sprintf("%+v", s), err)
	done(g, g.HSetNX(ctx, "session:ann", "theme", "light"))
	done(g, g.HMGet(ctx, "session:ann", "theme", "none", "visits"))
	done(g, g.HExists(ctx, "session:none", "user"))
	done(g, g.HGetAll(ctx, "session:none"))
	done(g, g.HDel(ctx, "session:ann", "theme", "none"))
	ttl := g.TTL(ctx, "session:ann").Val()
	g.check("an hour to live", ttl > 59*time.Minute && ttl <= time.Hour, ttl)
	done(g, g.PExpire(ctx, "session:ann", 20*time.Millisecond))
	g.until("ann's session is over", func() bool { return g.Exists(ctx, "session:ann").Val() == 0 })
	done(g, g.HIncrBy(ctx, "session:ann", "visits", 1))
	done(g, g.TTL(ctx, "session:ann"))
	done(g, g.SMove(ctx, "online", "offline", "ann"))
	done(g, g.SMIsMember(ctx, "online", "ann", "bob"))
	done(g, g.SInterCard(ctx, 0, "online", "offline"))
	done(g, g.Set(ctx, "session:bob", "text", redis.KeepTTL))
	done(g, g.HGet(ctx, "session:bob", "user"))
}

// A leaderboard with the players around one, and boards of days made one of a week.
func (g *goRedis) leaderboard() {
	ctx := g.ctx
	for i := range 200 {
		g.ok(g.ZAdd(ctx, "monday", redis.Z{Score: float64(i * 37 % 101), Member: fmt.Sprintf("player%03d", i)}).Err())
	}
	done(g, g.ZRevRangeWithScores(ctx, "monday", 0, 4))
	done(g, g.ZIncrBy(ctx, "monday", 75.5, "player007"))
	done(g, g.ZRevRank(ctx, "monday", "player007"))
	done(g, g.ZRank(ctx, "monday", "player008"))
	done(g, g.ZScore(ctx, "monday", "player008"))
	done(g, g.ZRevRank(ctx, "monday", "nobody"))
	rank := g.ZRevRank(ctx, "monday", "player100").Val()
	done(g, g.ZRangeArgsWithScores(ctx, redis.ZRangeArgs{Key: "monday", Start: rank - 2, Stop: rank + 2, Rev: true}))
	done(g, g.ZCount(ctx, "monday", "(50", "+inf"))
	done(g, g.ZRangeByScore(ctx, "monday", &redis.ZRangeBy{Min: "99", Max: "+inf", Offset: 1, Count: 3}))
	done(g, g.ZAddArgs(ctx, "monday", redis.ZAddArgs{GT: true, Ch: true, Members: []redis.Z{{Score: 1, Member: "player007"}, {Score: 500, Member: "player008"}}}))
	done(g, g.ZAddNX(ctx, "monday", redis.Z{Score: 9, Member: "player008"}, redis.Z{Score: 9, Member: "new"}))
	done(g, g.ZAddArgsIncr(ctx, "monday", redis.ZAddArgs{XX: true, Members: []redis.Z{{Score: 1, Member: "nobody"}}}))
	done(g, g.ZMScore(ctx, "monday", "player007", "nobody"))
	done(g, g.ZAdd(ctx, "tuesday", redis.Z{Score: 10, Member: "player007"}, redis.Z{Score: 20, Member: "late"}))
	done(g, g.ZUnionStore(ctx, "week", &redis.ZStore{Keys: []string{"monday", "tuesday"}, Weights: []float64{1, 2}}))
	done(g, g.ZRevRangeWithScores(ctx, "week", 0, 2))
	done(g, g.ZInterWithScores(ctx, &redis.ZStore{Keys: []string{"monday", "tuesday"}, Aggregate: "MAX"}))
	done(g, g.ZDiff(ctx, "tuesday", "monday"))
	done(g, g.ZPopMax(ctx, "week", 2))
	done(g, g.BZPopMin(ctx, time.Second, "none", "tuesday"))
	key, best, err := g.ZMPop(ctx, "max", 3, "tuesday", "week").Result()
	g.note("zmpop", fmt.Sprint(key, best), err)
	done(g, g.ZRemRangeByRank(ctx, "week", 0, -4))
	done(g, g.ZRangeWithScores(ctx, "week", 0, -1))
	seen := 0
	for it := g.ZScan(ctx, "monday", 0, "player*", 50).Iterator(); it.Next(ctx); {
		seen++
	}
	g.check("a scan finds all", seen >= 2*200, seen)
	done(g, g.SetArgs(ctx, "weight_new", "1", redis.SetArgs{}))
	done(g, g.Sort(ctx, "week", &redis.Sort{By: "weight_*", Get: []string{"#", "weight_*"}, Order: "DESC"}))
	done(g, g.Sort(ctx, "week", &redis.Sort{}))
	done(g, g.SortStore(ctx, "week", "sorted", &redis.Sort{Alpha: true}))
	done(g, g.LRange(ctx, "sorted", 0, -1))
}

// Consumers of a group share the entries of a stream; one takes over what another
// has left.
func (g *goRedis) consumers() {
	ctx := g.ctx
	done(g, g.XGroupCreate(ctx, "orders", "billing", "0"))
	done(g, g.XGroupCreateMkStream(ctx, "orders", "billing", "0"))
	done(g, g.XGroupCreateMkStream(ctx, "orders", "billing", "0"))
	for i := 1; i <= 6; i++ {
		done(g, g.XAdd(ctx, &redis.XAddArgs{Stream: "orders", ID: fmt.Sprintf("%d-0", i), Values: []any{"item", i, "price", i * 10}}))
	}
	done(g, g.XAdd(ctx, &redis.XAddArgs{Stream: "orders", ID: "6-0", Values: []any{"too", "late"}}))
	read := func(consumer, id string, count int64) []redis.XMessage {
		cmd := g.XReadGroup(ctx, &redis.XReadGroupArgs{Group: "billing", Consumer: consumer, Streams: []string{"orders", id}, Count: count, Block: 10 * time.Millisecond})
		done(g, cmd)
		if v := cmd.Val(); len(v) > 0 {
			return v[0].Messages
		}
		return nil
	}
	for _, m := range read("one", ">", 2) {
		done(g, g.XAck(ctx, "orders", "billing", m.ID))
	}
	read("two", ">", 3)
	read("two", "0", 10)
	pending := g.XPending(ctx, "orders", "billing")
	done(g, pending)
	done(g, g.XAck(ctx, "orders", "billing", "3-0", "99-0"))
	claimed, start, err := g.XAutoClaim(ctx, &redis.XAutoClaimArgs{Stream: "orders", Group: "billing", Consumer: "one", Start: "0", Count: 1}).Result()
	g.note("claim", fmt.Sprint(claimed, start), err)
	done(g, g.XClaimJustID(ctx, &redis.XClaimArgs{Stream: "orders", Group: "billing", Consumer: "one", Messages: []string{"5-0", "6-0"}}))
	details := g.XPendingExt(ctx, &redis.XPendingExtArgs{Stream: "orders", Group: "billing", Start: "-", End: "+", Count: 10})
	for _, p := range details.Val() {
		g.note("pending", fmt.Sprint(p.ID, " ", p.Consumer, " ", p.RetryCount), nil)
	}
	read("two", ">", 10)
	read("two", ">", 10) // nothing comes
	var got []redis.XStream
	var waiting sync.WaitGroup
	waiting.Go(func() {
		got, err = g.XReadGroup(ctx, &redis.XReadGroupArgs{Group: "billing", Consumer: "two", Streams: []string{"orders", ">"}, Block: patience}).Result()
	})
	g.until("a consumer waits", func() bool { return g.blocked() == 1 })
	done(g, g.XAdd(ctx, &redis.XAddArgs{Stream: "orders", ID: "7-0", MaxLen: 4, Values: []any{"item", 7}}))
	waiting.Wait()
	g.note("what it got", fmt.Sprint(got), err)
	done(g, g.XRange(ctx, "orders", "-", "+"))
	done(g, g.XRevRangeN(ctx, "orders", "+", "-", 1))
	done(g, g.XInfoGroups(ctx, "orders"))
	done(g, g.XLen(ctx, "orders"))
	done(g, g.XGroupDelConsumer(ctx, "orders", "billing", "two"))
	done(g, g.XTrimMinID(ctx, "orders", "7"))
	done(g, g.XDel(ctx, "orders", "7-0"))
	done(g, g.XGroupDestroy(ctx, "orders", "billing"))
	done(g, g.XReadStreams(ctx, "orders", "0"))
}

// blocked returns how many clients wait.
func (g *goRedis) blocked() int {
	n, _ := strconv.Atoi(infoField(g.Info(g.ctx, "clients").Val(), "blocked_clients"))
	return n
}

// Money goes from account to account, several clients at it at a time; those who are
// overtaken try again.
func (g *goRedis) transfers() {
	ctx := g.ctx
	done(g, g.MSet(ctx, "ann", 100, "bob", 100))
	move := func(from, to string, amount int) error {
		return g.Watch(ctx, func(tx *redis.Tx) error {
			have, err := tx.Get(ctx, from).Int()
			if err != nil {
				return err
			}
			if have < amount {
				return errors.New("not enough")
			}
			_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
				p.DecrBy(ctx, from, int64(amount))
				p.IncrBy(ctx, to, int64(amount))
				return nil
			})
			return err
		}, from, to)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 10 {
				for {
					if err := move("ann", "bob", 2); !errors.Is(err, redis.TxFailedErr) {
						break
					}
				}
			}
		})
	}
	all.Wait()
	done(g, g.MGet(ctx, "ann", "bob"))
	g.note("more than there is", nil, ignoreType(move("ann", "bob", 1000)))
	overtaken := g.Watch(ctx, func(tx *redis.Tx) error {
		g.ok(g.Incr(ctx, "ann").Err())
		_, err := tx.TxPipelined(ctx, func(p redis.Pipeliner) error { p.Set(ctx, "ann", 0, 0); return nil })
		return err
	}, "ann")
	g.note("overtaken", overtaken == redis.TxFailedErr, nil)
	cmds, err := g.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.Incr(ctx, "ann")
		p.LPush(ctx, "ann", "x")
		p.Get(ctx, "ann")
		return nil
	})
	g.note("errors within", len(cmds), err)
	for _, c := range cmds {
		g.note(brief(c.Args()), nil, c.Err())
	}
}

// ignoreType keeps the text of an error of the program's own.
func ignoreType(err error) error { return fmt.Errorf("%w", err) }
