package interop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"kvorum/test/peer"
)

// ruei is what a scenario of rueidis has at hand: a client with the library's
// defaults but for client side caching, which needs CLIENT TRACKING.
type ruei struct {
	*recorder
	rueidis.Client
	ctx context.Context
}

// rueidisScenarios is the everyday program.
var rueidisScenarios = []struct {
	name, needs string
	run         func(u *ruei)
}{
	{"connect", "", (*ruei).connect},
	{"types", "", (*ruei).types},
	{"strings", "", (*ruei).strings},
	{"keys", "", (*ruei).keys},
	{"expiry", "", (*ruei).expiry},
	{"bitmaps", "", (*ruei).bitmaps},
	{"hyperloglog", "", (*ruei).hyperloglog},
	{"scan", "", (*ruei).scan},
	{"pipelines", "", (*ruei).pipelines},
	{"automatic pipelining", "", (*ruei).autoPipelining},
	{"helpers", "", (*ruei).helpers},
	{"dedicated", "", (*ruei).dedicated},
	{"client side caching", "tracking", (*ruei).caching},
	{"large", "", (*ruei).large},
	{"errors", "", (*ruei).errors},
	{"out of memory", "", (*ruei).outOfMemory},
	{"databases", "", (*ruei).databases},
	{"auth", "", (*ruei).auth},
	{"config and info", "", (*ruei).configInfo},
	{"names", "", (*ruei).names},
	{"kill", "", (*ruei).kill},
	{"resp2", "", (*ruei).resp2},
	{"unix socket", "", (*ruei).unix},
	{"timeout", "", (*ruei).timeout},
	{"restart", "", (*ruei).restart},
}

func runRueidis(r *recorder, lacks []string) {
	for _, s := range rueidisScenarios {
		if slices.Contains(lacks, s.needs) {
			continue
		}
		r.scenario = s.name
		c, err := rueidis.NewClient(rueidisOption(r.site))
		r.ok(err)
		u := &ruei{r, c, context.Background()}
		s.run(u)
		u.Close()
		r.must("FLUSHALL")
	}
}

func rueidisOption(s *site) rueidis.ClientOption {
	return rueidis.ClientOption{InitAddress: []string{s.addr()}, DisableCache: true}
}

// done sends commands one by one and notes them.
func (u *ruei) done(cmds ...rueidis.Completed) { u.on(u.Client, cmds...) }

// on is done for another client.
func (u *ruei) on(c interface {
	Do(context.Context, rueidis.Completed) rueidis.RedisResult
}, cmds ...rueidis.Completed,
) {
	for _, cmd := range cmds {
		call := brief(cmd.Commands()) // Do takes cmd back
		v, err := c.Do(u.ctx, cmd).ToAny()
		u.note(call, v, err)
	}
}

// words makes a command that has no builder.
func (u *ruei) words(words ...string) rueidis.Completed {
	return u.B().Arbitrary(words...).Build()
}

// with runs f on a client with other options, or notes why there is none.
func (u *ruei) with(change func(*rueidis.ClientOption), f func(c rueidis.Client)) {
	o := rueidisOption(u.site)
	change(&o)
	c, err := rueidis.NewClient(o)
	if err != nil {
		u.note("connect", nil, err)
		return
	}
	f(c)
	c.Close()
}

func (u *ruei) connect() {
	u.done(u.B().Ping().Build(), u.B().Echo().Message("hello").Build())
	hello, err := u.Do(u.ctx, u.words("HELLO")).AsMap()
	u.ok(err)
	for _, field := range []string{"server", "proto", "mode", "role", "modules"} {
		m := hello[field]
		v, err := m.ToAny()
		u.note(field, v, err)
	}
	id, err := u.Do(u.ctx, u.B().ClientId().Build()).AsInt64()
	u.check("it has a number", err == nil && id > 0, id)
	info, err := u.Do(u.ctx, u.words("CLIENT", "INFO")).ToString()
	u.ok(err)
	u.library = libraryIn(info)
	u.check("one server", u.Mode() == rueidis.ClientModeStandalone, u.Mode())
}

// Every type of a RESP3 reply that is not out of band.
func (u *ruei) types() {
	for _, kind := range replyTypes {
		u.done(u.words("DEBUG", "PROTOCOL", kind))
	}
}

func (u *ruei) strings() {
	b := u.B
	u.done(b().Set().Key("a").Value("1").Build(),
		b().Get().Key("a").Build(),
		b().Get().Key("none").Build(),
		b().Set().Key("a").Value("2").Nx().Ex(time.Minute).Build(),
		b().Set().Key("a").Value("3").Xx().Get().Keepttl().Build(),
		b().Append().Key("a").Value("tail").Build(),
		b().Strlen().Key("a").Build(),
		b().Getrange().Key("a").Start(-4).End(-1).Build(),
		b().Setrange().Key("a").Offset(7).Value("far").Build(),
		b().Mset().KeyValue().KeyValue("x", "1").KeyValue("y", "2").Build(),
		b().Msetnx().KeyValue().KeyValue("x", "5").Build(),
		b().Mget().Key("x", "none", "y").Build(),
		b().Getdel().Key("x").Build(),
		b().Getex().Key("y").Ex(time.Minute).Build(),
		b().Incr().Key("n").Build(),
		b().Incrby().Key("n").Increment(41).Build(),
		b().Incrbyfloat().Key("n").Increment(0.5).Build(),
		b().Set().Key("l").Value("ohmytext").Build(),
		b().Set().Key("r").Value("mynewtext").Build(),
		b().Lcs().Key1("l").Key2("r").Idx().Withmatchlen().Build())
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	key := rueidis.BinaryString(every)
	u.done(b().Set().Key(key).Value(key).Build(), b().Get().Key(key).Build(), b().Set().Key("").Value("").Build(), b().Get().Key("").Build())
	f, err := u.Do(u.ctx, b().Get().Key("n").Build()).AsFloat64()
	u.note("as a float", f, err)
}

func (u *ruei) keys() {
	b := u.B
	u.done(b().Mset().KeyValue().KeyValue("a", "1").KeyValue("b", "word").Build(),
		b().Exists().Key("a", "a", "none").Build(),
		b().Type().Key("a").Build(),
		b().ObjectEncoding().Key("b").Build(),
		b().ObjectEncoding().Key("none").Build(),
		b().Rename().Key("a").Newkey("c").Build(),
		b().Rename().Key("a").Newkey("c").Build(),
		b().Copy().Source("c").Destination("d").Build(),
		b().Touch().Key("b", "none").Build(),
		b().Dbsize().Build(),
		b().Del().Key("b", "none").Build(),
		b().Unlink().Key("c", "d").Build(),
		b().Randomkey().Build(),
		b().CommandGetkeys().Command("mset").Arg("a", "1", "b", "2").Build())
}

func (u *ruei) expiry() {
	b := u.B
	u.done(b().Ttl().Key("a").Build(), b().Set().Key("a").Value("1").Ex(time.Hour).Build())
	ttl, err := u.Do(u.ctx, b().Pttl().Key("a").Build()).AsInt64()
	u.check("an hour to live", err == nil && ttl > 59*60*1000 && ttl <= 3600*1000, ttl)
	u.done(b().Persist().Key("a").Build(),
		b().Pexpireat().Key("a").MillisecondsTimestamp(4102444800123).Nx().Build(),
		b().Pexpiretime().Key("a").Build(),
		b().Expire().Key("a").Seconds(5).Gt().Build(),
		b().Pexpire().Key("a").Milliseconds(30).Build())
	u.until("gone", func() bool { return rueidis.IsRedisNil(u.Do(u.ctx, b().Get().Key("a").Build()).Error()) })
}

func (u *ruei) bitmaps() {
	b := u.B
	u.done(b().Setbit().Key("a").Offset(7).Value(1).Build(),
		b().Setbit().Key("a").Offset(100).Value(1).Build(),
		b().Getbit().Key("a").Offset(100).Build(),
		b().Bitcount().Key("a").Start(0).End(8).Bit().Build(),
		b().Bitpos().Key("a").Bit(1).Start(1).Build(),
		b().Bitop().Not().Destkey("b").Key("a").Build(),
		b().Bitcount().Key("b").Build(),
		b().Bitfield().Key("f").OverflowSat().Incrby("u8", 0, 300).Get("i4", 4).Build(),
		b().BitfieldRo().Key("f").Get().Get("u8", 0).Build())
}

func (u *ruei) hyperloglog() {
	b := u.B
	u.done(b().Pfadd().Key("h").Element("a", "b", "c").Build(), b().Pfadd().Key("h").Element("a").Build(), b().Pfcount().Key("h").Build())
	cmds := make(rueidis.Commands, 0, 5000)
	for i := range cap(cmds) {
		cmds = append(cmds, b().Pfadd().Key("i").Element(strconv.Itoa(i)).Build())
	}
	for _, res := range u.DoMulti(u.ctx, cmds...) {
		u.ok(res.Error())
	}
	u.done(b().Pfcount().Key("h", "i").Build(), b().Pfmerge().Destkey("m").Sourcekey("h", "i").Build(), b().Get().Key("m").Build())
}

func (u *ruei) scan() {
	const keys = 3000
	cmds := make(rueidis.Commands, 0, keys)
	for i := range keys {
		cmds = append(cmds, u.B().Set().Key(fmt.Sprintf("key:%d", i)).Value(strconv.Itoa(i)).Build())
	}
	for _, res := range u.DoMulti(u.ctx, cmds...) {
		u.ok(res.Error())
	}
	for _, match := range []string{"*", "key:1?9", "none*"} {
		scanner := rueidis.NewScanner(func(cursor uint64) (rueidis.ScanEntry, error) {
			return u.Do(u.ctx, u.B().Scan().Cursor(cursor).Match(match).Count(200).Type("string").Build()).AsScanEntry()
		})
		all := slices.Compact(slices.Sorted(scanner.Iter()))
		u.note("scan "+match, all, scanner.Err())
	}
}

func (u *ruei) pipelines() {
	b := u.B
	cmds := rueidis.Commands{
		b().Set().Key("a").Value("text").Build(), b().Incr().Key("a").Build(), b().Get().Key("none").Build(),
		u.words("NOSUCH", "command"), b().Strlen().Key("a").Build(),
	}
	for i, res := range u.DoMulti(u.ctx, cmds...) {
		v, err := res.ToAny()
		u.note(fmt.Sprintf("reply %d", i), v, err)
	}
	const many = 10000
	cmds = make(rueidis.Commands, 0, many)
	for range many {
		cmds = append(cmds, b().Incr().Key("n").Build())
	}
	inOrder := true
	for i, res := range u.DoMulti(u.ctx, cmds...) {
		n, err := res.AsInt64()
		inOrder = inOrder && err == nil && n == int64(i+1)
	}
	u.check("replies in order", inOrder, nil)
}

// Calls of many goroutines share connections, without a word from them.
func (u *ruei) autoPipelining() {
	const workers, turns = 100, 50
	var wg sync.WaitGroup
	errs := make(chan error, workers)
	for w := range workers {
		wg.Go(func() {
			own := fmt.Sprintf("own:%d", w)
			for i := range turns {
				want := strconv.Itoa(i)
				err := u.Do(u.ctx, u.B().Incr().Key("shared").Build()).Error()
				if err == nil {
					err = u.Do(u.ctx, u.B().Set().Key(own).Value(want).Build()).Error()
				}
				if err == nil {
					var got string
					if got, err = u.Do(u.ctx, u.B().Get().Key(own).Build()).ToString(); err == nil && got != want {
						err = fmt.Errorf("%s is %s, was set to %s", own, got, want)
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
		u.note("worker", nil, err)
	}
	u.done(u.B().Get().Key("shared").Build())
	u.with(func(o *rueidis.ClientOption) { o.DisableAutoPipelining = true }, func(c rueidis.Client) {
		u.on(c, u.B().Get().Key("shared").Build())
	})
	u.with(func(o *rueidis.ClientOption) { o.AlwaysPipelining = true }, func(c rueidis.Client) {
		u.on(c, u.B().Get().Key("shared").Build())
	})
}

// Helpers of the library for many keys.
func (u *ruei) helpers() {
	const many = 5000
	kvs, keys := make(map[string]string, many), make([]string, many)
	for i := range keys {
		keys[i] = "k" + strconv.Itoa(i)
		kvs[keys[i]] = strconv.Itoa(i)
	}
	for k, err := range rueidis.MSet(u.Client, u.ctx, kvs) {
		if err != nil {
			u.note("mset "+k, nil, err)
		}
	}
	got, err := rueidis.MGet(u.Client, u.ctx, append(keys, "none"))
	u.ok(err)
	right := len(got) == many+1
	for k, want := range kvs {
		m := got[k]
		v, err := m.ToString()
		right = right && err == nil && v == want
	}
	u.check("every key has its value", right, len(got))
	for k, err := range rueidis.MDel(u.Client, u.ctx, keys) {
		if err != nil {
			u.note("del "+k, nil, err)
		}
	}
	u.done(u.B().Dbsize().Build())
}

func (u *ruei) dedicated() {
	u.ok(u.Dedicated(func(c rueidis.DedicatedClient) error {
		u.on(c, u.B().Select().Index(5).Build(), u.B().Set().Key("a").Value("five").Build(), u.B().ClientSetname().ConnectionName("own").Build(), u.B().ClientGetname().Build())
		u.on(c, u.B().Get().Key("a").Build(), u.B().Flushdb().Build(), u.B().Select().Index(0).Build())
		return nil
	}))
}

// The library's own default: what was read stays in the process until the server
// says that it has changed.
func (u *ruei) caching() {
	u.with(func(o *rueidis.ClientOption) { o.DisableCache = false }, func(c rueidis.Client) {
		get := func() rueidis.RedisResult {
			return c.DoCache(u.ctx, c.B().Get().Key("a").Cache(), time.Hour)
		}
		u.done(u.B().Set().Key("a").Value("1").Build())
		v, err := get().ToString()
		u.note("get", v, err)
		u.check("the second one is local", get().IsCacheHit(), nil)
		u.done(u.B().Set().Key("a").Value("2").Build())
		u.until("the change is seen", func() bool {
			v, err := get().ToString()
			return err == nil && v == "2"
		})
	})
}

func (u *ruei) large() {
	for _, size := range []int{1 << 20, 20 << 20} {
		value := strings.Repeat("0123456789abcdef", size/16)
		u.done(u.B().Set().Key("big").Value(value).Build(), u.B().Strlen().Key("big").Build())
		got, err := u.Do(u.ctx, u.B().Get().Key("big").Build()).ToString()
		u.check("the value is what was set", err == nil && got == value, len(got))
	}
	stream := u.DoStream(u.ctx, u.B().Get().Key("big").Build())
	n, err := stream.WriteTo(io.Discard)
	u.note("streamed", n, err)
}

func (u *ruei) errors() {
	u.done(u.B().Set().Key("a").Value("text").Build())
	for _, words := range []string{
		"INCR a", "GET", "NOSUCH a b", "SET a b XX NX", "SET a b EX 0", "EXPIRE a soon", "SETBIT a 0 2", "SELECT one", "SCAN x", "CLIENT nosuch",
		"OBJECT nosuch a", "CONFIG SET nosuch 1", "AUTH nothing", "INCRBYFLOAT a 1", "MOVE a 0", "BITFIELD a GET u64 0",
	} {
		u.done(u.words(strings.Fields(words)...))
	}
	err := u.Do(u.ctx, u.words("SET", "a")).Error()
	re, ok := rueidis.IsRedisErr(err)
	u.check("an error of the server, and no nil", ok && !re.IsNil() && !rueidis.IsParseErr(err), err)
	_, err = u.Do(u.ctx, u.B().Get().Key("a").Build()).AsInt64()
	u.check("text is no number", err != nil && !rueidis.IsRedisNil(err), err)
}

func (u *ruei) outOfMemory() {
	u.done(u.words("CONFIG", "SET", "maxmemory", "1"), u.B().Set().Key("b").Value("1").Build(), u.B().Get().Key("b").Build(), u.words("CONFIG", "SET", "maxmemory", "0"))
}

func (u *ruei) databases() {
	u.with(func(o *rueidis.ClientOption) { o.SelectDB = 3 }, func(c rueidis.Client) {
		u.on(c, u.B().Set().Key("a").Value("three").Build())
		u.done(u.B().Get().Key("a").Build())
		u.on(c, u.B().Move().Key("a").Db(0).Build())
		u.done(u.B().Get().Key("a").Build(), u.B().Swapdb().Index1(0).Index2(3).Build())
		u.on(c, u.B().Dbsize().Build())
	})
	u.with(func(o *rueidis.ClientOption) { o.SelectDB = 99 }, func(c rueidis.Client) { u.on(c, u.B().Ping().Build()) })
}

func (u *ruei) auth() {
	u.done(u.words("CONFIG", "SET", "requirepass", "secret"))
	for _, o := range []struct{ user, password string }{{"", ""}, {"", "wrong"}, {"", "secret"}, {"default", "secret"}, {"nobody", "secret"}} {
		for _, resp2 := range []bool{false, true} {
			u.note(fmt.Sprintf("%q %q", o.user, o.password), resp2, nil)
			u.with(func(to *rueidis.ClientOption) { to.Username, to.Password, to.AlwaysRESP2 = o.user, o.password, resp2 }, func(c rueidis.Client) {
				u.on(c, u.B().Set().Key("a").Value(o.user).Build())
			})
		}
	}
	u.done(u.words("CONFIG", "SET", "requirepass", ""))
}

func (u *ruei) configInfo() {
	for _, pattern := range []string{"maxmemory", "*slowlog*", "nosuch"} {
		m, err := u.Do(u.ctx, u.B().ConfigGet().Parameter(pattern).Build()).AsStrMap()
		u.note("config get "+pattern, m, err)
	}
	u.done(u.B().ConfigSet().ParameterValue().ParameterValue("slowlog-max-len", "many").Build(), u.B().ConfigResetstat().Build())
	info, err := u.Do(u.ctx, u.B().Info().Section("server", "clients").Build()).ToString()
	u.ok(err)
	u.note("mode", infoField(info, "redis_mode"), nil)
	u.note("port", infoField(info, "tcp_port"), nil)
	n, err := strconv.Atoi(infoField(info, "connected_clients"))
	u.check("clients are counted", err == nil && n > 0, n)
}

func (u *ruei) names() {
	u.with(func(o *rueidis.ClientOption) { o.ClientName = "everyday" }, func(c rueidis.Client) {
		u.on(c, u.B().ClientGetname().Build())
		list, err := u.Do(u.ctx, u.B().ClientList().Build()).ToString()
		u.check("the name is listed", err == nil && strings.Contains(list, " name=everyday "), list)
	})
	u.with(func(o *rueidis.ClientOption) { o.ClientNoEvict = true }, func(c rueidis.Client) {
		u.on(c, u.B().Ping().Build())
	})
}

func (u *ruei) kill() {
	u.done(u.B().Set().Key("a").Value("1").Build())
	id, err := u.Do(u.ctx, u.B().ClientId().Build()).AsInt64()
	u.ok(err)
	u.with(func(*rueidis.ClientOption) {}, func(c rueidis.Client) {
		n, err := c.Do(u.ctx, c.B().ClientKill().Id(id).Build()).AsInt64()
		u.note("client kill id", n, err)
	})
	u.done(u.B().Get().Key("a").Build())
	// Only commands that change nothing are sent again by the library itself.
	u.until("it is another connection", func() bool {
		again, err := u.Do(u.ctx, u.B().ClientId().Build()).AsInt64()
		return err == nil && again != id
	})
}

func (u *ruei) resp2() {
	u.with(func(o *rueidis.ClientOption) { o.AlwaysRESP2 = true }, func(c rueidis.Client) {
		u.on(c, u.B().Set().Key("a").Value("1").Build(), u.B().Mget().Key("a", "none").Build(), u.B().ConfigGet().Parameter("maxmemory").Build(),
			u.B().Lcs().Key1("a").Key2("a").Idx().Build(), u.B().CommandGetkeys().Command("set").Arg("k", "v").Build())
		list, err := c.Do(u.ctx, u.words("CLIENT", "LIST")).ToString()
		u.check("the list is text", err == nil && strings.Contains(list, " cmd=client|list "), list)
	})
}

func (u *ruei) unix() {
	u.with(func(o *rueidis.ClientOption) {
		*o = rueidis.MustParseURL("unix://" + u.srv.Sock())
		o.DisableCache = true
	}, func(c rueidis.Client) {
		u.on(c, u.B().Set().Key("a").Value("over a socket").Build(), u.B().Get().Key("a").Build())
	})
}

// The server is silent for longer than a call waits; later it is there.
func (u *ruei) timeout() {
	u.with(func(*rueidis.ClientOption) {}, func(c rueidis.Client) {
		ctx, cancel := context.WithTimeout(u.ctx, 300*time.Millisecond)
		defer cancel()
		err := c.Do(ctx, u.words("DEBUG", "SLEEP", "0.8")).Error()
		u.note("debug sleep", nil, err)
		u.check("the context says so", errors.Is(err, context.DeadlineExceeded), err)
		u.on(c, u.B().Set().Key("a").Value("1").Build(), u.B().Get().Key("a").Build())
	})
}

func (u *ruei) restart() {
	u.done(u.B().Set().Key("a").Value("1").Build())
	u.ok(u.srv.Restart())
	u.until("the data are gone, the client is not", func() bool {
		return rueidis.IsRedisNil(u.Do(u.ctx, u.B().Get().Key("a").Build()).Error())
	})
	// Each of several connections may still have to learn that it is closed.
	u.until("writes are taken", func() bool { return u.Do(u.ctx, u.B().Set().Key("a").Value("2").Build()).Error() == nil })
	u.done(u.B().Get().Key("a").Build())
}

// Until the server can track keys, rueidis with its defaults refuses to connect
// and says which option helps.
func TestRueidisDefaultsSayWhatTheyMiss(t *testing.T) {
	s := start(t, peer.StartKvorum)
	if (&recorder{TB: t, site: s}).tracksKeys() {
		t.Skip("the server tracks keys: the scenario of client side caching runs")
	}
	c, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{s.addr()}})
	if err == nil {
		c.Close()
	}
	if !errors.Is(err, rueidis.ErrNoCache) {
		t.Errorf("connecting with the defaults: %v", err)
	}
	t.Log(err)
}
