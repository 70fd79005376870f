package interop

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

func (g *goRedis) pipelines() {
	ctx := g.ctx
	cmds, err := g.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.Set(ctx, "a", "text", 0)
		p.Incr(ctx, "a")
		p.Get(ctx, "none")
		p.Get(ctx, "a")
		p.Do(ctx, "nosuch", "command")
		p.StrLen(ctx, "a")
		return nil
	})
	g.note("exec", len(cmds), err)
	for _, c := range cmds {
		g.note(brief(c.Args()), nil, c.Err())
	}
	const many = 10000
	cmds, err = g.Pipelined(ctx, func(p redis.Pipeliner) error {
		for range many {
			p.Incr(ctx, "n")
		}
		return nil
	})
	g.note("exec", len(cmds), err)
	inOrder := true
	for i, c := range cmds {
		inOrder = inOrder && c.(*redis.IntCmd).Val() == int64(i+1)
	}
	g.check("replies in order", inOrder, cmds)
	keys, values := make([]string, many), make([]any, 0, 2*many)
	for i := range keys {
		keys[i] = "k" + strconv.Itoa(i)
		values = append(values, keys[i], i)
	}
	done(g, g.MSet(ctx, values...))
	done(g, g.MGet(ctx, keys...))
	done(g, g.Exists(ctx, keys...))
	done(g, g.Del(ctx, keys...))
}

func (g *goRedis) pool() {
	const workers, turns = 32, 100
	var wg sync.WaitGroup
	errs := make(chan error, workers)
	for w := range workers {
		wg.Go(func() {
			own := fmt.Sprintf("own:%d", w)
			for i := range turns {
				err := g.Incr(g.ctx, "shared").Err()
				if err == nil {
					err = g.Set(g.ctx, own, i, 0).Err()
				}
				if err == nil {
					var n int
					if n, err = g.Get(g.ctx, own).Int(); err == nil && n != i {
						err = fmt.Errorf("%s is %d, was set to %d", own, n, i)
					}
				}
				if err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		g.note("worker", nil, err)
	}
	done(g, g.Get(g.ctx, "shared"))
	stats := g.PoolStats()
	g.check("the pool has connections, none of them broken", stats.TotalConns > 0 && stats.StaleConns == 0, stats)
}

func (g *goRedis) binary() {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	key := string(every)
	done(g, g.Set(g.ctx, key, every, 0))
	b, err := g.Get(g.ctx, key).Bytes()
	g.check("the value is what was set", err == nil && bytes.Equal(b, every), b)
	done(g, g.Set(g.ctx, "", "", 0))
	done(g, g.Get(g.ctx, ""))
	done(g, g.Keys(g.ctx, "\x00*"))
	done(g, g.Set(g.ctx, "crlf\r\n$3\r\n", "*1\r\n", 0))
	done(g, g.Get(g.ctx, "crlf\r\n$3\r\n"))
}

func (g *goRedis) large() {
	for _, size := range []int{1 << 20, 20 << 20} {
		value := bytes.Repeat([]byte("0123456789abcdef"), size/16)
		done(g, g.Set(g.ctx, "big", value, 0))
		b, err := g.Get(g.ctx, "big").Bytes()
		g.check("the value is what was set", err == nil && bytes.Equal(b, value), len(b))
		done(g, g.StrLen(g.ctx, "big"))
		done(g, g.GetRange(g.ctx, "big", int64(size-4), -1))
		done(g, g.Append(g.ctx, "big", "tail"))
	}
	done(g, g.MGet(g.ctx, "big", "big"))
}

func (g *goRedis) errors() {
	ctx := g.ctx
	g.ok(g.Set(ctx, "a", "text", 0).Err())
	for _, words := range [][]any{
		{"incr", "a"}, {"get"}, {"get", "a", "b"}, {"nosuch", "a", "b"}, {"set", "a", "b", "xx", "nx"}, {"set", "a", "b", "ex", "0"},
		{"expire", "a", "soon"}, {"setrange", "a", "-1", "x"}, {"getbit", "a", "x"}, {"setbit", "a", "0", "2"}, {"bitop", "not", "c", "a", "a"},
		{"object", "nosuch", "a"}, {"object", "encoding"}, {"select", "one"}, {"config", "set", "nosuch", "1"}, {"scan", "x"},
		{"scan", "0", "count", "0"}, {"client", "nosuch"}, {"hello", "9"}, {"incrbyfloat", "a", "1"}, {"copy", "a", "a"}, {"client", "setname", "a b"},
		{"auth", "nobody", "nothing"}, {"auth", "nothing"}, {"swapdb", "0", "99"}, {"move", "a", "0"}, {"debug", "nosuch"},
	} {
		done(g, g.Do(ctx, words...))
	}
	err := g.Do(ctx, "incr", "a").Err()
	g.check("the prefix of an error is found", redis.HasErrorPrefix(err, "value is not"), err)
}

func (g *goRedis) outOfMemory() {
	ctx := g.ctx
	g.ok(g.Set(ctx, "a", "text", 0).Err())
	g.ok(g.ConfigSet(ctx, "maxmemory", "1").Err())
	done(g, g.Set(ctx, "b", "1", 0))
	done(g, g.Get(ctx, "a"))
	g.ok(g.ConfigSet(ctx, "maxmemory", "0").Err())
}

func (g *goRedis) databases() {
	ctx := g.ctx
	g.with(func(o *redis.Options) { o.DB = 3 }, func(c *redis.Client) {
		done(g, c.Set(ctx, "a", "three", 0))
		done(g, g.Get(ctx, "a"))
		done(g, c.Move(ctx, "a", 0))
		done(g, g.Get(ctx, "a"))
		done(g, g.Copy(ctx, "a", "copy", 3, false))
		done(g, c.DBSize(ctx))
		done(g, g.Do(ctx, "swapdb", 0, 3))
		done(g, c.Get(ctx, "a"))
		done(g, c.FlushDBAsync(ctx))
		done(g, g.DBSize(ctx))
	})
	g.with(func(o *redis.Options) { o.DB = 99 }, func(c *redis.Client) { done(g, c.Ping(ctx)) })
}

func (g *goRedis) auth() {
	ctx := g.ctx
	g.ok(g.ConfigSet(ctx, "requirepass", "secret").Err())
	for _, o := range []struct{ user, password string }{{"", ""}, {"", "wrong"}, {"", "secret"}, {"default", "secret"}, {"nobody", "secret"}} {
		for _, protocol := range []int{3, 2} {
			g.with(func(to *redis.Options) { to.Username, to.Password, to.Protocol = o.user, o.password, protocol }, func(c *redis.Client) {
				cmd := c.Set(ctx, "a", o.user+o.password, 0)
				g.note(fmt.Sprintf("%q %q RESP%d: set", o.user, o.password, protocol), cmd.Val(), cmd.Err())
			})
		}
	}
	// A connection that was open stays authenticated.
	done(g, g.Get(ctx, "a"))
	g.ok(g.ConfigSet(ctx, "requirepass", "").Err())
	g.with(func(*redis.Options) {}, func(c *redis.Client) { done(g, c.Ping(ctx)) })
	g.with(func(to *redis.Options) { to.Password = "needless" }, func(c *redis.Client) { done(g, c.Ping(ctx)) })
}

func (g *goRedis) config() {
	ctx := g.ctx
	done(g, g.ConfigGet(ctx, "maxmemory"))
	done(g, g.ConfigGet(ctx, "*slowlog*"))
	done(g, g.ConfigGet(ctx, "nosuch"))
	done(g, g.ConfigSet(ctx, "slowlog-max-len", "64"))
	done(g, g.ConfigGet(ctx, "slowlog-max-len"))
	done(g, g.ConfigSet(ctx, "slowlog-max-len", "many"))
	done(g, g.ConfigSet(ctx, "maxmemory", "100mb"))
	done(g, g.ConfigGet(ctx, "maxmemory"))
	done(g, g.Do(ctx, "config", "set", "maxmemory", "0", "slowlog-max-len", "128"))
	done(g, g.ConfigResetStat(ctx))
}

func (g *goRedis) info() {
	ctx := g.ctx
	g.ok(g.MSet(ctx, "a", 1, "b", 2).Err())
	g.ok(g.Set(ctx, "c", 3, time.Hour).Err())
	m, err := g.InfoMap(ctx, "server", "keyspace", "replication").Result()
	g.ok(err)
	g.note("mode", m["Server"]["redis_mode"], nil)
	g.note("port", m["Server"]["tcp_port"], nil)
	g.note("role", m["Replication"]["role"], nil)
	db0, _, _ := strings.Cut(m["Keyspace"]["db0"], ",avg_ttl")
	g.note("db0", db0, nil)
	all, err := g.Info(ctx).Result()
	g.ok(err)
	for _, field := range []string{"loading", "maxmemory_policy", "evicted_keys", "cluster_enabled", "rejected_connections", "blocked_clients", "connected_slaves"} {
		g.note(field, infoField(all, field), nil)
	}
	for _, field := range []string{"uptime_in_seconds", "connected_clients", "used_memory", "total_commands_processed", "used_cpu_user", "process_id"} {
		n, err := strconv.ParseFloat(infoField(all, field), 64)
		g.check(field+" is a number", err == nil && n >= 0, infoField(all, field))
	}
}

func (g *goRedis) slowLog() {
	ctx := g.ctx
	done(g, g.ConfigSet(ctx, "slowlog-log-slower-than", "0"))
	g.ok(g.Set(ctx, "a", strings.Repeat("x", 300), 0).Err())
	done(g, g.Get(ctx, "none"))
	done(g, g.ConfigSet(ctx, "slowlog-log-slower-than", "-1"))
	entries, err := g.SlowLogGet(ctx, 3).Result()
	g.ok(err)
	for _, e := range entries {
		g.note(brief(e.Args), e.ClientName, nil)
		g.check("when, how long, who", time.Since(e.Time).Abs() < time.Minute && e.Duration >= 0 && strings.HasPrefix(e.ClientAddr, "127.0.0.1:"), e)
	}
	done(g, g.SlowLogReset(ctx))
	done(g, g.SlowLogLen(ctx))
	done(g, g.ConfigSet(ctx, "slowlog-log-slower-than", "10000"))
}

func (g *goRedis) introspection() {
	ctx := g.ctx
	names, err := g.CommandList(ctx, &redis.FilterBy{Pattern: "bit*"}).Result()
	slices.Sort(names)
	g.note("command list", names, err)
	done(g, g.CommandGetKeys(ctx, "bitop", "and", "d", "a", "b"))
	done(g, g.CommandGetKeysAndFlags(ctx, "set", "k", "v", "get"))
	g.ok(g.Set(ctx, "a", "1", 0).Err())
	bytes, err := g.MemoryUsage(ctx, "a").Result()
	g.check("a key uses memory", err == nil && bytes > 0 && bytes < 1000, bytes)
	done(g, g.MemoryUsage(ctx, "none"))
	done(g, g.ObjectRefCount(ctx, "none"))
	idle, err := g.ObjectIdleTime(ctx, "a").Result()
	g.check("it was touched just now", err == nil && idle < time.Minute, idle)
	done(g, g.ObjectFreq(ctx, "a"))
	done(g, g.ClientPause(ctx, 30*time.Millisecond))
	done(g, g.Set(ctx, "a", "after the pause", 0))
	done(g, g.Do(ctx, "client", "pause", time.Hour.Milliseconds(), "write"))
	done(g, g.ClientUnpause(ctx))
	done(g, g.Get(ctx, "a"))
	done(g, g.ClientUnblock(ctx, 1<<40))
	_, err = g.Latency(ctx).Result()
	g.note("latency", nil, err)
	saved, err := g.LastSave(ctx).Result()
	g.check("the last save is in the past", err == nil && saved > 0 && saved <= time.Now().Unix()+1, saved)
}

func (g *goRedis) names() {
	ctx := g.ctx
	done(g, g.ClientGetName(ctx))
	g.with(func(o *redis.Options) { o.ClientName = "everyday" }, func(c *redis.Client) {
		done(g, c.ClientGetName(ctx))
		list := g.ClientList(ctx).Val()
		g.check("the name is listed", strings.Contains(list, " name=everyday "), list)
		info := c.ClientInfo(ctx).Val()
		g.note("own entry", fmt.Sprint(info.Name, info.DB, info.User, info.LastCmd, info.Resp, info.Flags), nil)
	})
}

func (g *goRedis) kill() {
	ctx := g.ctx
	id := g.ClientID(ctx).Val()
	g.with(func(*redis.Options) {}, func(c *redis.Client) {
		done(g, g.Set(ctx, "a", "1", 0))
		n, err := c.ClientKillByFilter(ctx, "ID", strconv.FormatInt(id, 10)).Result()
		g.note("client kill id", n, err)
		done(g, g.Get(ctx, "a"))
		again := g.ClientID(ctx).Val()
		g.check("it is another connection", again > id, again)
		done(g, c.ClientKill(ctx, "127.0.0.1:1"))
		addr := g.ClientInfo(ctx).Val().Addr
		v, err := c.ClientKill(ctx, addr).Result()
		g.note("client kill addr", v, err)
		done(g, g.Get(ctx, "a"))
	})
}

func (g *goRedis) maxClients() {
	ctx := g.ctx
	g.ok(g.Ping(ctx).Err())
	before := g.ConfigGet(ctx, "maxclients").Val()["maxclients"]
	done(g, g.ConfigSet(ctx, "maxclients", "1"))
	g.with(func(o *redis.Options) { o.MaxRetries = -1 }, func(c *redis.Client) {
		err := c.Ping(ctx).Err() // that of the next request: the library takes a refused HELLO for an old server
		g.check("there is no room", err != nil, err)
	})
	done(g, g.ConfigSet(ctx, "maxclients", before))
	g.with(func(*redis.Options) {}, func(c *redis.Client) { done(g, c.Ping(ctx)) })
}

func (g *goRedis) resp2() {
	ctx := g.ctx
	g.with(func(o *redis.Options) { o.Protocol = 2 }, func(c *redis.Client) {
		info := c.ClientInfo(ctx).Val()
		g.check("this connection uses RESP2", info != nil && info.Resp == 2, info)
		done(g, c.Set(ctx, "a", "1", 0))
		done(g, c.MGet(ctx, "a", "none"))
		done(g, c.ConfigGet(ctx, "maxmemory*"))
		done(g, c.LCS(ctx, &redis.LCSQuery{Key1: "a", Key2: "a", Idx: true}))
		done(g, c.Do(ctx, "command", "getkeys", "set", "k", "v"))
		commands, err := c.Command(ctx).Result()
		g.ok(err)
		get := commands["get"]
		g.note("command get", fmt.Sprint(get.Name, get.Arity, get.Flags, get.FirstKeyPos, get.LastKeyPos, get.StepCount), nil)
	})
}

func (g *goRedis) unix() {
	g.with(func(o *redis.Options) { o.Network, o.Addr = "unix", g.srv.Sock() }, func(c *redis.Client) {
		done(g, c.Set(g.ctx, "a", "over a socket", 0))
		done(g, c.Get(g.ctx, "a"))
		info := c.ClientInfo(g.ctx).Val()
		g.note("flags", fmt.Sprint(info.Flags, info.Addr), nil)
	})
}

// The server is silent for longer than the client waits; later it is there.
func (g *goRedis) timeout() {
	ctx := g.ctx
	g.with(func(o *redis.Options) { o.ReadTimeout, o.MaxRetries = 300*time.Millisecond, -1 }, func(c *redis.Client) {
		g.until("it answers", func() bool { return c.Ping(ctx).Err() == nil })
		done(g, c.Do(ctx, "debug", "sleep", "0.8"))
		g.until("it answers again", func() bool { return c.Set(ctx, "a", "1", 0).Err() == nil })
		done(g, c.Get(ctx, "a"))
	})
}

func (g *goRedis) restart() {
	ctx := g.ctx
	g.ok(g.Set(ctx, "a", "1", 0).Err())
	done(g, g.Get(ctx, "a"))
	g.ok(g.srv.Restart())
	g.until("the data are gone, the client is not", func() bool { return g.Get(ctx, "a").Err() == redis.Nil })
	done(g, g.Set(ctx, "a", "2", 0))
	done(g, g.Get(ctx, "a"))
}

// Callers that are busy while the server goes and comes back see errors of the
// connection, never somebody else's reply.
func (g *goRedis) busyRestart() {
	const workers = 16
	stop := make(chan struct{})
	wrong := make(chan string, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			own := fmt.Sprintf("own:%d", w)
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				want := fmt.Sprintf("%s:%d", own, i)
				if g.Set(g.ctx, own, want, 0).Err() != nil {
					continue
				}
				got, err := g.Get(g.ctx, own).Result()
				if err == nil && got != want {
					wrong <- fmt.Sprintf("%q instead of %q", got, want)
					return
				}
			}
		})
	}
	g.until("all work", func() bool { return g.DBSize(g.ctx).Val() == workers })
	g.ok(g.srv.Restart())
	g.until("all work again", func() bool { return g.DBSize(g.ctx).Val() == workers })
	close(stop)
	wg.Wait()
	close(wrong)
	for w := range wrong {
		g.note("wrong reply", w, nil)
	}
}
