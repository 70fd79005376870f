package interop

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// goRedis is what a scenario of go-redis has at hand: a client with the
// library's defaults.
type goRedis struct {
	*recorder
	*redis.Client
	ctx context.Context
}

// goRedisScenarios is the everyday program.
var goRedisScenarios = []struct {
	name, needs string
	run         func(g *goRedis)
}{
	{"connect", "", (*goRedis).connect},
	{"types", "", (*goRedis).types},
	{"strings", "", (*goRedis).strings},
	{"numbers", "", (*goRedis).numbers},
	{"keys", "", (*goRedis).keys},
	{"expiry", "", (*goRedis).expiry},
	{"bitmaps", "", (*goRedis).bitmaps},
	{"hyperloglog", "", (*goRedis).hyperloglog},
	{"scan", "", (*goRedis).scan},
	{"job queue", "", (*goRedis).jobQueue},
	{"sessions", "", (*goRedis).sessions},
	{"leaderboard", "", (*goRedis).leaderboard},
	{"consumers", "", (*goRedis).consumers},
	{"transfers", "", (*goRedis).transfers},
	{"chat", "", (*goRedis).chat},
	{"pipelines", "", (*goRedis).pipelines},
	{"pool", "", (*goRedis).pool},
	{"binary", "", (*goRedis).binary},
	{"large", "", (*goRedis).large},
	{"errors", "", (*goRedis).errors},
	{"out of memory", "", (*goRedis).outOfMemory},
	{"databases", "", (*goRedis).databases},
	{"auth", "", (*goRedis).auth},
	{"config", "", (*goRedis).config},
	{"info", "", (*goRedis).info},
	{"slow log", "", (*goRedis).slowLog},
	{"introspection", "", (*goRedis).introspection},
	{"names", "", (*goRedis).names},
	{"kill", "", (*goRedis).kill},
	{"maxclients", "", (*goRedis).maxClients},
	{"resp2", "", (*goRedis).resp2},
	{"unix socket", "", (*goRedis).unix},
	{"timeout", "", (*goRedis).timeout},
	{"restart", "", (*goRedis).restart},
	{"restart under load", "", (*goRedis).busyRestart},
}

func runGoRedis(r *recorder, lacks []string) {
	redis.SetLogger(quiet{}) // of connections that scenarios break on purpose
	for _, s := range goRedisScenarios {
		if slices.Contains(lacks, s.needs) {
			continue
		}
		r.scenario = s.name
		g := &goRedis{r, redis.NewClient(&redis.Options{Addr: r.addr()}), context.Background()}
		s.run(g)
		r.ok(g.Close())
		r.must("FLUSHALL")
	}
}

type quiet struct{}

// Printf implements the logger of go-redis.
func (quiet) Printf(context.Context, string, ...any) {}

// result is a command that was executed, of any type.
type result[T any] interface {
	Args() []any
	Result() (T, error)
}

// done notes a command.
func done[T any](g *goRedis, cmd result[T]) {
	v, err := cmd.Result()
	g.note(brief(cmd.Args()), v, err)
}

// with runs f on a client with other options.
func (g *goRedis) with(change func(*redis.Options), f func(c *redis.Client)) {
	o := &redis.Options{Addr: g.addr()}
	change(o)
	c := redis.NewClient(o)
	f(c)
	g.ok(c.Close())
}

func (g *goRedis) connect() {
	done(g, g.Ping(g.ctx))
	done(g, g.Echo(g.ctx, "hello"))
	hello, err := g.Do(g.ctx, "hello").Result()
	m, _ := hello.(map[any]any)
	g.note("hello", fmt.Sprint(m["server"], m["proto"], m["mode"], m["role"], m["modules"]), err)
	info := g.ClientInfo(g.ctx).Val()
	g.check("this connection uses RESP3", info != nil && info.Resp == 3, info)
	g.library = info.LibName + " " + info.LibVer
	id := g.ClientID(g.ctx)
	g.check("it has a number", id.Err() == nil && id.Val() > 0, id)
	now, err := g.Time(g.ctx).Result()
	g.check("the server's time is ours", err == nil && time.Since(now).Abs() < time.Minute, now)
}

// Every type of a RESP3 reply that is not out of band.
func (g *goRedis) types() {
	for _, kind := range replyTypes {
		done(g, g.Do(g.ctx, "debug", "protocol", kind))
	}
}

func (g *goRedis) strings() {
	ctx := g.ctx
	done(g, g.Set(ctx, "a", "1", 0))
	done(g, g.Get(ctx, "a"))
	done(g, g.Get(ctx, "none"))
	done(g, g.SetNX(ctx, "a", "2", time.Minute))
	done(g, g.SetXX(ctx, "none", "2", 0))
	done(g, g.SetArgs(ctx, "a", "3", redis.SetArgs{Get: true, KeepTTL: true}))
	done(g, g.SetArgs(ctx, "b", "3", redis.SetArgs{Mode: "NX", Get: true}))
	done(g, g.GetSet(ctx, "a", "4"))
	done(g, g.Append(ctx, "a", "tail"))
	done(g, g.StrLen(ctx, "a"))
	done(g, g.GetRange(ctx, "a", -4, -1))
	done(g, g.SetRange(ctx, "a", 7, "far"))
	done(g, g.Get(ctx, "a"))
	done(g, g.MSet(ctx, "x", "1", "y", "2"))
	done(g, g.MSetNX(ctx, map[string]any{"x": 5}))
	done(g, g.MGet(ctx, "x", "none", "y"))
	done(g, g.GetDel(ctx, "x"))
	done(g, g.GetEx(ctx, "y", time.Minute))
	done(g, g.MSet(ctx, "l", "ohmytext", "r", "mynewtext"))
	done(g, g.LCS(ctx, &redis.LCSQuery{Key1: "l", Key2: "r"}))
	done(g, g.LCS(ctx, &redis.LCSQuery{Key1: "l", Key2: "r", Idx: true, WithMatchLen: true}))
	done(g, g.Do(ctx, "substr", "l", 0, 1))
}

func (g *goRedis) numbers() {
	ctx := g.ctx
	done(g, g.Incr(ctx, "n"))
	done(g, g.IncrBy(ctx, "n", 41))
	done(g, g.DecrBy(ctx, "n", 2))
	done(g, g.IncrByFloat(ctx, "n", 0.5))
	done(g, g.IncrByFloat(ctx, "f", 3.0e3))
	done(g, g.Set(ctx, "max", "9223372036854775807", 0))
	done(g, g.Incr(ctx, "max"))
	n, err := g.Get(ctx, "max").Int64()
	g.note("max as a number", n, err)
	_, err = g.Get(ctx, "n").Int64()
	g.check("a float is no integer", err != nil, n)
	done(g, g.Set(ctx, "flag", true, 0))
	b, err := g.Get(ctx, "flag").Bool()
	g.note("flag", b, err)
}

func (g *goRedis) keys() {
	ctx := g.ctx
	g.ok(g.MSet(ctx, "a", "1", "b", "word", "c", strings.Repeat("x", 100)).Err())
	done(g, g.Exists(ctx, "a", "a", "none"))
	done(g, g.Type(ctx, "a"))
	done(g, g.Type(ctx, "none"))
	for _, k := range []string{"a", "b", "c", "none"} {
		done(g, g.ObjectEncoding(ctx, k))
	}
	done(g, g.Rename(ctx, "a", "d"))
	done(g, g.Rename(ctx, "a", "d"))
	done(g, g.RenameNX(ctx, "b", "d"))
	done(g, g.Copy(ctx, "d", "e", 0, false))
	done(g, g.Copy(ctx, "d", "e", 0, true))
	done(g, g.Touch(ctx, "b", "none"))
	keys, err := g.Keys(ctx, "[a-e]").Result()
	slices.Sort(keys)
	g.note("keys", keys, err)
	key, err := g.RandomKey(ctx).Result()
	g.check("a key at random", err == nil && slices.Contains(keys, key), key)
	done(g, g.DBSize(ctx))
	done(g, g.Del(ctx, "b", "none"))
	done(g, g.Unlink(ctx, "d", "e"))
	done(g, g.FlushDB(ctx))
	done(g, g.RandomKey(ctx))
}

func (g *goRedis) expiry() {
	ctx := g.ctx
	done(g, g.TTL(ctx, "a"))
	done(g, g.Set(ctx, "a", "1", time.Hour))
	ttl := g.TTL(ctx, "a").Val()
	g.check("an hour to live", ttl > 59*time.Minute && ttl <= time.Hour, ttl)
	done(g, g.ExpireNX(ctx, "a", time.Minute))
	done(g, g.ExpireGT(ctx, "a", 2*time.Hour))
	done(g, g.ExpireLT(ctx, "a", 3*time.Hour))
	done(g, g.Persist(ctx, "a"))
	done(g, g.TTL(ctx, "a"))
	at := time.UnixMilli(4102444800123)
	done(g, g.PExpireAt(ctx, "a", at))
	done(g, g.PExpireTime(ctx, "a"))
	done(g, g.ExpireTime(ctx, "a"))
	done(g, g.Set(ctx, "a", "2", redis.KeepTTL))
	done(g, g.PExpireTime(ctx, "a"))
	done(g, g.PExpire(ctx, "a", 30*time.Millisecond))
	g.until("gone", func() bool { return g.Get(ctx, "a").Err() == redis.Nil })
	done(g, g.Set(ctx, "b", "1", 20*time.Millisecond))
	g.until("no keys", func() bool { return g.DBSize(ctx).Val() == 0 })
}

func (g *goRedis) bitmaps() {
	ctx := g.ctx
	done(g, g.SetBit(ctx, "a", 7, 1))
	done(g, g.SetBit(ctx, "a", 100, 1))
	done(g, g.GetBit(ctx, "a", 100))
	done(g, g.BitCount(ctx, "a", nil))
	done(g, g.BitCount(ctx, "a", &redis.BitCount{Start: 0, End: 8, Unit: "BIT"}))
	done(g, g.BitPos(ctx, "a", 1, 1))
	done(g, g.BitPosSpan(ctx, "a", 0, 7, 20, "BIT"))
	g.ok(g.Set(ctx, "b", "\xff\x0f", 0).Err())
	done(g, g.BitOpAnd(ctx, "c", "a", "b"))
	done(g, g.BitOpXor(ctx, "c", "a", "b"))
	done(g, g.BitOpNot(ctx, "c", "b"))
	done(g, g.Get(ctx, "c"))
	done(g, g.BitField(ctx, "f", "incrby", "u8", 0, 200, "overflow", "sat", "incrby", "u8", 0, 100, "overflow", "fail", "incrby", "u8", 0, 1, "get", "i4", 4))
	done(g, g.BitFieldRO(ctx, "f", "u8", 0, "u4", 2))
}

func (g *goRedis) hyperloglog() {
	ctx := g.ctx
	done(g, g.PFAdd(ctx, "h", "a", "b", "c"))
	done(g, g.PFAdd(ctx, "h", "a"))
	done(g, g.PFCount(ctx, "h"))
	for i := range 5000 {
		g.ok(g.PFAdd(ctx, "i", i).Err())
	}
	done(g, g.PFCount(ctx, "i"))
	done(g, g.PFCount(ctx, "h", "i", "none"))
	done(g, g.PFMerge(ctx, "m", "h", "i"))
	done(g, g.PFCount(ctx, "m"))
	done(g, g.Get(ctx, "m"))
	g.ok(g.Set(ctx, "s", "text", 0).Err())
	done(g, g.PFAdd(ctx, "s", "a"))
}

func (g *goRedis) scan() {
	ctx := g.ctx
	const keys = 3000
	pipe := g.Pipeline()
	for i := range keys {
		pipe.Set(ctx, fmt.Sprintf("key:%d", i), i, 0)
	}
	_, err := pipe.Exec(ctx)
	g.ok(err)
	all := func(it *redis.ScanIterator) []string {
		var out []string
		for it.Next(ctx) {
			out = append(out, it.Val())
		}
		g.ok(it.Err())
		slices.Sort(out)
		return slices.Compact(out)
	}
	g.note("scan", all(g.Scan(ctx, 0, "", 0).Iterator()), nil)
	g.note("scan match", all(g.Scan(ctx, 0, "key:1?9", 100).Iterator()), nil)
	g.note("scan type", len(all(g.ScanType(ctx, 0, "*", 500, "string").Iterator())), nil)
	g.note("scan other type", len(all(g.ScanType(ctx, 0, "*", 500, "zset").Iterator())), nil)
}
