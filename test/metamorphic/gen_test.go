package metamorphic

import (
	"math/rand/v2"
	"strconv"
	"strings"
)

// op is one request of a stream.
type op struct {
	conn int
	args []string
	mark mark
}

// mark says how much of a reply must be equal.
type mark byte

const (
	exact mark = '='
	set   mark = '%' // elements in any order
	pairs mark = ':' // pairs of elements in any order
	shape mark = '~' // type and number of elements
)

// templates are the requests: a mark, a share, and words. {x} is a word that maker x
// makes, {x+} are several, mostly few.
var templates = parseTemplates(`
= 12 RPUSH {l} {v+}
= 10 LPUSH {l} {v+}
=  2 RPUSHX {l} {v+}
=  2 LPUSHX {l} {v}
=  5 LPOP {l}
=  5 RPOP {l}
=  2 LPOP {l} {c}
=  2 RPOP {l} {c}
=  4 LSET {l} {i} {v}
=  6 LINSERT {l} BEFORE {v} {v}
=  6 LINSERT {l} AFTER {v} {v}
=  4 LREM {l} {i} {v}
=  3 LTRIM {l} {i} {i}
=  4 LRANGE {l} {i} {i}
=  2 LRANGE {l} 0 -1
=  3 LINDEX {l} {i}
=  3 LLEN {l}
=  3 LPOS {l} {v} COUNT 0
=  3 LMOVE {l} {l} {end} {end}
=  2 RPOPLPUSH {l} {l}
=  3 LMPOP 2 {l} {l} {end} COUNT {c}
=  1 BLPOP {l} {l} 0.01
=  1 BLMOVE {l} {l} {end} {end} 0.01
= 14 HSET {h} {fv+}
=  3 HSETNX {h} {f} {v}
=  5 HDEL {h} {f+}
=  4 HGET {h} {f}
=  3 HMGET {h} {f+}
:  3 HGETALL {h}
%  2 HKEYS {h}
%  2 HVALS {h}
=  2 HLEN {h}
=  2 HEXISTS {h} {f}
=  2 HSTRLEN {h} {f}
=  5 HINCRBY {h} {f} {i}
=  3 HINCRBYFLOAT {h} {f} {d}
~  2 HRANDFIELD {h} {c}
= 14 SADD {s} {m+}
=  6 SREM {s} {m+}
=  3 SISMEMBER {s} {m}
=  3 SMISMEMBER {s} {m+}
=  2 SCARD {s}
%  3 SMEMBERS {s}
=  4 SMOVE {s} {s} {m}
%  2 SINTER {s} {s}
%  2 SUNION {s} {s}
%  2 SDIFF {s} {s}
=  2 SINTERCARD 2 {s} {s}
=  4 SINTERSTORE {s} {s} {s}
=  4 SUNIONSTORE {s} {s} {s}
=  4 SDIFFSTORE {s} {s} {s}
%  1 SPOP {s} 1000000
~  2 SRANDMEMBER {s} {c}
= 16 ZADD {z} {dm+}
=  4 ZADD {z} {cond} CH {dm+}
=  4 ZINCRBY {z} {d} {m}
=  6 ZREM {z} {m+}
=  3 ZSCORE {z} {m}
=  2 ZMSCORE {z} {m+}
=  3 ZRANK {z} {m}
=  3 ZREVRANK {z} {m}
=  2 ZCARD {z}
=  3 ZCOUNT {z} {d} {d}
=  4 ZRANGE {z} {i} {i} WITHSCORES
=  3 ZRANGE {z} {d} {d} BYSCORE LIMIT {c} {c}
=  3 ZRANGE {z} {i} {i} REV
=  2 ZREVRANGEBYSCORE {z} {d} {d}
=  3 ZPOPMIN {z} {c}
=  3 ZPOPMAX {z} {c}
=  2 ZMPOP 2 {z} {z} MIN COUNT {c}
=  2 ZREMRANGEBYRANK {z} {i} {i}
=  2 ZREMRANGEBYSCORE {z} {d} {d}
=  3 ZUNIONSTORE {z} 2 {z} {z} WEIGHTS 1 2
=  3 ZINTERSTORE {z} 2 {z} {z} AGGREGATE MAX
=  3 ZDIFFSTORE {z} 2 {z} {z}
=  2 ZUNIONSTORE {z} 2 {s} {z}
=  2 ZINTERCARD 2 {z} {s}
=  2 ZRANGESTORE {z} {z} {i} {i}
~  2 ZRANDMEMBER {z} {c}
=  4 ZADD {lex} 0 {m} 0 {m} 0 {m}
=  2 ZRANGEBYLEX {lex} {b} {b}
=  1 ZREMRANGEBYLEX {lex} {b} {b}
=  2 ZLEXCOUNT {lex} {b} {b}
=  4 GEOADD {g} {lon} {lat} {m} {lon} {lat} {m}
=  2 GEOSEARCH {g} FROMLONLAT {lon} {lat} BYRADIUS 2000 km ASC
=  2 GEODIST {g} {m} {m} km
=  1 GEOSEARCHSTORE {z} {g} FROMLONLAT {lon} {lat} BYBOX 4000 4000 km ASC COUNT 5
= 14 XADD {x} {id} {fv+}
=  3 XADD {x} MAXLEN {c} {id} {fv}
=  2 XDEL {x} {id} {id}
=  2 XTRIM {x} MAXLEN {c}
=  1 XTRIM {x} MINID {id}
=  3 XRANGE {x} {id} +
=  2 XREVRANGE {x} + - COUNT {c}
=  2 XLEN {x}
=  3 XGROUP CREATE {x} {gr} 0 MKSTREAM
=  1 XGROUP DESTROY {x} {gr}
=  1 XGROUP SETID {x} {gr} {id}
=  5 XREADGROUP GROUP {gr} {co} COUNT {c} STREAMS {x} >
=  2 XREADGROUP GROUP {gr} {co} COUNT {c} STREAMS {x} 0
=  3 XACK {x} {gr} {id} {id}
=  2 XPENDING {x} {gr}
=  2 XREAD COUNT {c} STREAMS {x} {id}
=  2 XCLAIM {x} {gr} {co} 0 {id} {id} JUSTID
=  2 XAUTOCLAIM {x} {gr} {co} 0 0 COUNT {c} JUSTID
=  6 SET {k} {v}
=  3 GET {k}
=  3 APPEND {k} {v}
=  2 SETRANGE {k} {c} {v}
=  2 INCRBY {k} {i}
=  2 SETBIT {k} {c} 1
=  2 SORT {l} ALPHA LIMIT {c} {c}
~  2 SORT {l} BY nosort GET # GET {k}
=  2 SORT {s} ALPHA STORE {l}
=  2 SORT {z} BY nosort DESC STORE {l}
=  2 SORT {z} ALPHA GET #
=  2 SORT {ints} DESC LIMIT 0 {c}
=  3 SADD {ints} {i+}
=  2 SREM {ints} {i+}
=  2 DEL {any}
=  1 UNLINK {any} {any}
=  3 TYPE {any}
=  2 EXISTS {any} {any}
=  3 RENAME {any} {any}
=  2 RENAMENX {any} {any}
=  5 COPY {any} {any} REPLACE
=  1 MOVE {any} 1
=  2 PEXPIREAT {any} 50000000000000
=  1 PEXPIREAT {any} 1
=  2 PEXPIRETIME {any}
=  2 PERSIST {any}
%  1 KEYS *
=  1 DBSIZE
=  1 GET {any}
=  1 LLEN {any}
=  1 HLEN {any}
=  1 SCARD {any}
=  1 ZCARD {any}
`)

type template struct {
	mark  mark
	share int
	words []string
}

func parseTemplates(text string) (list []template) {
	for line := range strings.Lines(strings.TrimSpace(text)) {
		words := strings.Fields(line)
		share, err := strconv.Atoi(words[1])
		if err != nil {
			panic(line)
		}
		list = append(list, template{mark(words[0][0]), share, words[2:]})
	}
	return list
}

// generator makes the words of one stream.
type generator struct {
	*rand.Rand
	total  int
	nextID int
}

// connCount is the number of connections of a stream: not a multiple of the loops.
const connCount = 4

// stream makes the stream of a seed.
func stream(seed uint64, size int) []op {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 0x6d657461))}
	for _, t := range templates {
		g.total += t.share
	}
	ops := make([]op, size)
	conn := 0
	for i := range ops {
		if g.IntN(4) == 0 {
			conn = g.IntN(connCount)
		}
		t := g.pick()
		ops[i] = op{conn, g.fill(t.words), t.mark}
	}
	return ops
}

func (g *generator) pick() *template {
	n := g.IntN(g.total)
	for i := range templates {
		if n -= templates[i].share; n < 0 {
			return &templates[i]
		}
	}
	panic("no template")
}

func (g *generator) fill(words []string) (args []string) {
	for _, word := range words {
		name, found := strings.CutPrefix(word, "{")
		if !found {
			args = append(args, word)
			continue
		}
		name = strings.TrimSuffix(name, "}")
		times := 1
		if strings.HasSuffix(name, "+") {
			name, times = name[:len(name)-1], g.several()
		}
		for range times {
			args = g.word(args, name)
		}
	}
	return args
}

// several is mostly few, sometimes enough to pass the defaults of all thresholds.
func (g *generator) several() int {
	switch g.IntN(12) {
	case 0:
		return 100 + g.IntN(200)
	case 1, 2:
		return 10 + g.IntN(30)
	}
	return 1 + g.IntN(4)
}

// keys are the keys by the type that they mostly hold.
var keys = map[string][]string{
	"l": {"list0", "list1", "list2"}, "h": {"hash0", "hash1", "hash2"}, "s": {"set0", "set1", "set2"}, "z": {"zset0", "zset1", "zset2"},
	"g": {"geo0", "geo1"}, "x": {"stream0", "stream1"}, "k": {"str0", "str1", "str2"}, "ints": {"ints0", "ints1"},
	"any": {"list0", "list1", "hash0", "hash1", "set0", "set1", "zset0", "zset1", "geo0", "stream0", "str0", "ints0", "none"},
	"lex": {"lex0", "lex1"}, "gr": {"group0", "group1"}, "co": {"alice", "bob"}, "end": {"LEFT", "RIGHT"},
	"cond": {"NX", "XX", "GT", "LT"}, "b": {"-", "+", "[m1", "(m2", "[m5", "[m7", "(n"},
}

// word appends what a maker makes.
func (g *generator) word(args []string, name string) []string {
	if pool := keys[name]; pool != nil {
		return append(args, pool[g.IntN(len(pool))])
	}
	switch name {
	case "v":
		return append(args, g.value())
	case "f", "m":
		return append(args, g.member())
	case "fv":
		return append(args, g.member(), g.value())
	case "d":
		return append(args, g.score())
	case "dm":
		return append(args, g.score(), g.member())
	case "i":
		return append(args, strconv.Itoa(g.IntN(40)-12))
	case "c":
		return append(args, strconv.Itoa(g.IntN(1+g.IntN(60))))
	case "id":
		return append(args, g.id())
	case "lon":
		return append(args, strconv.Itoa(g.IntN(40)-20)+".5")
	case "lat":
		return append(args, strconv.Itoa(g.IntN(40)+20)+".25")
	}
	panic("no maker " + name)
}

// id is mostly a little above the last one, so that XADD takes it.
func (g *generator) id() string {
	if g.IntN(3) > 0 {
		g.nextID += 1 + g.IntN(3)
		return strconv.Itoa(g.nextID) + "-" + strconv.Itoa(1+g.IntN(2))
	}
	return strconv.Itoa(g.IntN(g.nextID+1)) + "-" + strconv.Itoa(g.IntN(3))
}

// member is a field or a member: one of some hundred, of all lengths at borders, and
// some integers.
func (g *generator) member() string {
	n := g.IntN(350)
	switch {
	case n < 60:
		return strconv.Itoa(n - 20)
	case n < 64:
		return "m" + strconv.Itoa(n) + strings.Repeat("x", 60+n-60)
	case n == 64:
		return ""
	case n == 65:
		return "m" + strings.Repeat("y", 300)
	}
	return "m" + strconv.Itoa(n)
}

func (g *generator) value() string {
	switch g.IntN(12) {
	case 0:
		return strings.Repeat("v", g.IntN(80))
	case 1:
		return strings.Repeat("w", g.IntN(1000))
	case 2:
		if g.IntN(20) == 0 {
			return strings.Repeat("big", 2000+g.IntN(3000))
		}
		return "b\x00\xff\r\n"
	case 3:
		return strconv.FormatInt(int64(g.Uint64())>>g.IntN(64), 10)
	case 4, 5, 6:
		return strconv.Itoa(g.IntN(20))
	}
	return "v" + strconv.Itoa(g.IntN(50))
}

// score is never a negative zero: some encodings do not keep its sign.
func (g *generator) score() string {
	switch g.IntN(10) {
	case 0:
		return strconv.FormatFloat(g.Float64()*100-50, 'g', -1, 64)
	case 1:
		return []string{"inf", "-inf", "1e300", "1e-300", "0.1"}[g.IntN(5)]
	}
	return strconv.Itoa(g.IntN(60) - 20)
}
