package enginetest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"kvorum/resp"
)

// oracleWait bounds the wait for anything from a real server.
const oracleWait = 20 * time.Second

// oracle is a real server whose replication stream and events are watched.
type oracle struct {
	t       testing.TB
	version string
	admin   *peer
	stream  *peer
	events  *peer
	marks   int
}

// peer is one connection to the oracle.
type peer struct {
	conn net.Conn
	in   *resp.ReplyReader
}

// dialOracle connects to a server and empties it. Its configuration is left
// changed: events on, active expiry off.
func dialOracle(t testing.TB, addr string) *oracle {
	t.Helper()
	o := &oracle{t: t, admin: dialPeer(t, addr), events: dialPeer(t, addr)}
	info := o.call("INFO", "server")
	o.version = "redis " + infoField(info, "redis_version")
	if v := infoField(info, "valkey_version"); v != "" {
		o.version = "valkey " + v
	}
	o.call("FLUSHALL")
	o.call("CONFIG", "SET", "repl-diskless-sync", "no", "notify-keyspace-events", "EAmn")
	o.call("DEBUG", "SET-ACTIVE-EXPIRE", "0")
	o.events.send(t, "PSUBSCRIBE", "__keyevent@*")
	o.events.read(t)
	o.stream = dialStream(t, addr)
	return o
}

func dialPeer(t testing.TB, addr string) *peer {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(oracleWait)); err != nil {
		t.Fatal(err)
	}
	return &peer{conn, resp.NewReplyReader(conn)}
}

// dialStream becomes a replica and returns the connection behind the snapshot.
func dialStream(t testing.TB, addr string) *peer {
	t.Helper()
	p := dialPeer(t, addr)
	p.send(t, "SYNC")
	in := bufio.NewReader(p.conn)
	size := int64(0)
	for size == 0 { // empty lines keep the connection alive
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if head, ok := strings.CutPrefix(strings.TrimSpace(line), "$"); ok {
			if size, err = strconv.ParseInt(head, 10, 64); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := io.CopyN(io.Discard, in, size); err != nil {
		t.Fatal(err)
	}
	p.in = resp.NewReplyReader(in)
	return p
}

func (p *peer) send(t testing.TB, words ...string) {
	t.Helper()
	if _, err := p.conn.Write(resp.AppendCommandStrings(nil, words...)); err != nil {
		t.Fatal(err)
	}
}

func (p *peer) read(t testing.TB) resp.Value {
	t.Helper()
	if err := p.conn.SetDeadline(time.Now().Add(oracleWait)); err != nil {
		t.Fatal(err)
	}
	v, err := p.in.Read()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// call returns the string of a reply.
func (o *oracle) call(words ...string) string {
	o.t.Helper()
	o.admin.send(o.t, words...)
	return string(o.admin.read(o.t).Str)
}

func infoField(info, name string) string {
	for _, line := range strings.Split(info, "\r\n") {
		if v, ok := strings.CutPrefix(line, name+":"); ok {
			return v
		}
	}
	return ""
}

func (o *oracle) dirty() int64 {
	o.t.Helper()
	n, err := strconv.ParseInt(infoField(o.call("INFO", "persistence"), "rdb_changes_since_last_save"), 10, 64)
	if err != nil {
		o.t.Fatal(err)
	}
	return n
}

// trace runs one command and returns what it left: all that comes before what a
// write of a fresh marker leaves.
func (o *oracle) trace(words []string) []string {
	o.t.Helper()
	before := o.dirty()
	o.call(words...)
	now := time.Now().UnixMilli()
	dirty := o.dirty() - before
	o.marks++
	mark := fmt.Sprintf("marker:%d", o.marks)
	o.call("SET", mark, "1")
	var lines []string
	for {
		effect := stringsOf(o.stream.read(o.t))
		if len(effect) > 1 && effect[1] == mark {
			break
		}
		switch effect[0] {
		case "SELECT", "MULTI", "EXEC", "PING":
			continue
		}
		for i := range effect {
			effect[i] = quote([]byte(effect[i]))
		}
		lines = append(lines, "> "+relative(effect, now))
	}
	for {
		message := stringsOf(o.events.read(o.t)) // pmessage, pattern, channel, key
		_, event, _ := strings.Cut(message[2], ":")
		if message[3] == mark {
			if event == "set" {
				break
			}
			continue
		}
		lines = append(lines, "* "+event+" "+message[3])
	}
	return appendDirty(lines, dirty)
}

func stringsOf(v resp.Value) []string {
	var out []string
	for _, e := range v.Elems {
		out = append(out, string(e.Str))
	}
	return out
}
