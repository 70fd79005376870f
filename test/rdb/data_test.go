package rdb

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"kvorum/resp"
	"kvorum/test/peer"
)

func TestMain(m *testing.M) { peer.Main(m) }

// client is a connection whose commands have to work.
type client struct {
	t testing.TB
	c *peer.Conn
	s *peer.Server
}

func dial(t testing.TB, s *peer.Server) *client {
	t.Helper()
	c, err := s.Dial()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return &client{t, c, s}
}

func (c *client) do(words ...string) resp.Value {
	c.t.Helper()
	v, err := c.c.Must(words...)
	if err != nil {
		c.t.Fatalf("%s: %v\n%s", c.s, err, c.s.Log())
	}
	return v
}

func (c *client) try(words ...string) resp.Value {
	c.t.Helper()
	v, err := c.c.Do(words...)
	if err != nil {
		c.t.Fatalf("%s: %v\n%s", c.s, err, c.s.Log())
	}
	return v
}

func (c *client) text(words ...string) string {
	c.t.Helper()
	return string(c.do(words...).Str)
}

// values makes keys of every type and encoding, and the corners of each. The keys of
// a database are written by its number: 0 has all, 3 and 15 a few.
func (c *client) values(seed uint64) {
	r := rand.New(rand.NewPCG(seed, 1))
	text := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte('a' + r.IntN(26))
		}
		return string(b)
	}
	noise := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return string(b)
	}
	for i, v := range []string{"", "0", "-1", "127", "128", "-128", "-129", "32767", "32768", "2147483647", "2147483648",
		"-2147483648", "-2147483649", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "007", "+1", "1.5",
		"a", text(44), text(45), strings.Repeat("a", 21), strings.Repeat("ab", 5000), noise(30), noise(5000), noise(70000)} {
		c.do("SET", fmt.Sprintf("string:%d", i), v)
	}
	c.do("SET", text(300), "long key")
	c.do("SET", noise(20), "binary key")
	c.do("SET", "", "empty key")
	c.do("SET", "ttl", "x", "PXAT", "33177117420123")
	c.do("RPUSH", "list:ttl", "a")
	c.do("PEXPIREAT", "list:ttl", "33177117420000")
	for _, n := range []int{1, 5, 60, 127, 128, 129, 511, 512, 513, 3000} {
		k := strconv.Itoa(n)
		all := map[string][]string{}
		add := func(cmd, key string, words ...string) { all[cmd+" "+key] = append(all[cmd+" "+key], words...) }
		for i := range n {
			small := strconv.Itoa(r.IntN(1 << 20))
			add("HSET", "hash:"+k, "f"+strconv.Itoa(i), small)
			add("SADD", "set:"+k, "m"+strconv.Itoa(i))
			add("SADD", "ints:"+k, strconv.FormatInt(r.Int64()>>r.IntN(64), 10))
			add("ZADD", "zset:"+k, strconv.FormatFloat(r.NormFloat64(), 'g', -1, 64), "m"+strconv.Itoa(i))
			add("ZADD", "zints:"+k, strconv.Itoa(i-5), strconv.Itoa(i))
			add("RPUSH", "list:"+k, small, text(r.IntN(40)))
			if n <= 513 {
				c.do("XADD", "stream:"+k, fmt.Sprintf("%d-%d", 5+i/3, i), "field", small, "other", text(r.IntN(20)))
			}
		}
		for cmd, words := range all {
			c.do(append(strings.Fields(cmd), words...)...)
		}
	}
	c.do("HSET", "hash:long", "f", text(65))
	c.do("HSET", "hash:blob", "f", noise(3000), text(2000), "v", "", "", "12", "-13")
	c.do("SADD", "set:long", text(65), "1", "2")
	c.do("SADD", "set:mixed", "1", "2", "a")
	c.do("ZADD", "zset:long", "1", text(65))
	c.do("ZADD", "zset:ends", "inf", "a", "-inf", "b", "0", "c", "-0", "d", "1e300", "e", "3", "f", "0.1", "g")
	c.do("RPUSH", "list:long", text(9000), noise(5000), "1", "")
	for i := range 40 {
		c.do("RPUSH", "list:wide", text(200+i), noise(200))
	}
	c.streams()
	for _, db := range []string{"3", "15"} {
		c.do("SELECT", db)
		c.do("SET", "here", db)
		c.do("SADD", "s", "1", "2", db)
	}
	c.do("SELECT", "0")
}

// streams makes streams with holes and groups.
func (c *client) streams() {
	for i := range 300 {
		c.do("XADD", "stream:holes", fmt.Sprintf("%d-1", i+1), "a", strconv.Itoa(i))
	}
	for i := 3; i < 300; i += 4 {
		c.do("XDEL", "stream:holes", fmt.Sprintf("%d-1", i))
	}
	c.do("XTRIM", "stream:holes", "MINID", "20")
	c.do("XADD", "stream:empty", "7-7", "a", "b")
	c.do("XDEL", "stream:empty", "7-7")
	c.do("XGROUP", "CREATE", "stream:empty", "g", "$")
	c.do("XGROUP", "CREATE", "stream:made", "g", "$", "MKSTREAM")
	c.do("XGROUP", "CREATE", "stream:holes", "first", "0")
	c.do("XGROUP", "CREATE", "stream:holes", "last", "$")
	c.do("XGROUP", "CREATE", "stream:holes", "mid", "100-1")
	c.do("XREADGROUP", "GROUP", "first", "alice", "COUNT", "50", "STREAMS", "stream:holes", ">")
	c.do("XREADGROUP", "GROUP", "first", "bob", "COUNT", "30", "STREAMS", "stream:holes", ">")
	c.do("XGROUP", "CREATECONSUMER", "stream:holes", "first", "carol")
	c.do("XACK", "stream:holes", "first", "21-1", "22-1")
	c.do("XSETID", "stream:holes", "1000-1", "ENTRIESADDED", "400", "MAXDELETEDID", "299-1")
}

// keys returns the names of all keys of a database.
func (c *client) keys() (names []string) {
	for _, v := range c.do("KEYS", "*").Elems {
		names = append(names, string(v.Str))
	}
	return names
}

// describe tells all about a key that has to outlive a file. Encodings may differ:
// 7.2 has more of them.
func (c *client) describe(key string) string {
	out := c.text("TYPE", key) + " " + strconv.FormatInt(c.do("PEXPIRETIME", key).Int, 10)
	switch {
	case strings.HasPrefix(out, "zset"): // 7.0 digests scores by another of their texts
		for i, v := range c.do("ZRANGE", key, "0", "-1", "WITHSCORES").Elems {
			word := string(v.Str)
			if score, err := strconv.ParseFloat(word, 64); err == nil && i%2 == 1 {
				word = strconv.FormatFloat(score, 'g', -1, 64)
			}
			out += " " + word
		}
		return out
	case strings.HasPrefix(out, "stream"):
		out += " " + flat(c.do("XINFO", "STREAM", key, "FULL", "COUNT", "0"))
	}
	return out + " " + flat(c.do("DEBUG", "DIGEST-VALUE", key))
}

// flat prints a reply but for what depends on time or on the version.
func flat(v resp.Value) string {
	if v.Elems == nil {
		return fmt.Sprintf("%s%d", v.Str, v.Int)
	}
	var parts []string
	for i := 0; i < len(v.Elems); i++ {
		switch string(v.Elems[i].Str) {
		case "seen-time", "active-time", "radix-tree-keys", "radix-tree-nodes":
			i++
			continue
		}
		parts = append(parts, flat(v.Elems[i]))
	}
	return "[" + strings.Join(parts, " ") + "]"
}
