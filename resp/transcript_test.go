package resp

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	oracle  = flag.String("oracle", "", "HOST:PORT of a real server to compare transcripts with")
	rewrite = flag.Bool("rewrite", false, "rewrite the transcripts with what the oracle replies")
)

const transcriptFile = "testdata/protocol.txt"

// TestTranscriptOfRealServer: a server made of Parser and Writer answers the
// recorded input as the real one did. A wrong text, limit or corner case shows
// as a different reply or a connection kept open.
func TestTranscriptOfRealServer(t *testing.T) {
	if *rewrite && *oracle == "" {
		t.Fatal("-rewrite needs -oracle: expectations never come from our own output")
	}
	file, err := os.ReadFile(transcriptFile)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(file), "\n"), "\n")
	cases := 0
	for i, line := range lines {
		unauth := strings.HasPrefix(line, "unauth> ")
		if !unauth && !strings.HasPrefix(line, "> ") {
			continue
		}
		cases++
		in := decodeStrings(t, strings.TrimPrefix(strings.TrimPrefix(line, "unauth"), "> "))
		want := strings.TrimPrefix(lines[i+1], "< ")
		if *oracle != "" {
			got := askOracle(t, *oracle, in, unauth)
			if *rewrite {
				lines[i+1] = "< " + got
				continue
			}
			if got != want {
				t.Errorf("%s\nrecorded %s\n  oracle %s", line, want, got)
			}
		}
		if got := answer(in, unauth); got != want {
			t.Errorf("%s\nwant %s\n got %s", line, want, got)
		}
	}
	if cases < 50 {
		t.Fatalf("only %d cases in %s", cases, transcriptFile)
	}
	if *rewrite {
		if err := os.WriteFile(transcriptFile, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// answer is the server under test: PING, ECHO and errors.
func answer(in []byte, unauth bool) string {
	var p Parser
	var req Request
	var w Writer
	lim := DefaultLimits()
	lim.Unauth = unauth
	for {
		n, ok, _, err := p.Next(in, &req, &lim)
		if err != nil {
			w.ProtocolErr(err)
			return describe(w.B, true)
		}
		in = in[n:]
		if !ok {
			return describe(w.B, false)
		}
		switch name := string(req.Args[0]); {
		case name == "PING" && len(req.Args) == 1:
			w.Simple("PONG")
		case name == "ECHO" && len(req.Args) == 2:
			w.Bulk(req.Args[1])
		case name == "ECHO":
			w.Err("ERR wrong number of arguments for 'echo' command")
		default:
			w.Err("ERR unknown command '" + name + "', with args beginning with: ")
		}
	}
}

func describe(out []byte, closed bool) string {
	s := string(AppendQuoted(nil, out))
	if closed {
		s += " closed"
	}
	return s
}

// decodeStrings reads `"text"*3 "more"`.
func decodeStrings(t *testing.T, s string) []byte {
	t.Helper()
	var out []byte
	for s != "" {
		end := 1
		for end < len(s) && s[end] != '"' {
			if s[end] == '\\' {
				end++
			}
			end++
		}
		end = min(end+1, len(s))
		words, _, ok := AppendWords(nil, nil, []byte(s[:end]))
		if !ok || len(words) != 1 {
			t.Fatalf("bad string %q in %s", s, transcriptFile)
		}
		var count string
		count, s, _ = strings.Cut(s[end:], " ")
		n := 1
		if count != "" {
			var err error
			if n, err = strconv.Atoi(count[1:]); err != nil {
				t.Fatal(err)
			}
		}
		out = append(out, bytes.Repeat(words[0], n)...)
	}
	return out
}

// oracleWait is how long a real server may take to answer or to hang up.
const oracleWait = 300 * time.Millisecond

// askOracle sends in to a real server on a new connection.
func askOracle(t *testing.T, addr string, in []byte, unauth bool) string {
	t.Helper()
	if unauth {
		admin := dial(t, addr)
		defer admin.Close()
		const password = "transcript"
		set := func(p string) {
			admin.Write(AppendCommandStrings(nil, "CONFIG", "SET", "requirepass", p))
			if v, err := NewReplyReader(admin).Read(); err != nil || v.Text() != "+OK" {
				t.Fatal(v.Text(), err)
			}
		}
		set(password)
		defer set("")
	}
	c := dial(t, addr)
	defer c.Close()
	c.Write(in) // an error shows as a hang-up below
	var out []byte
	buf := make([]byte, 64<<10)
	for {
		c.SetReadDeadline(time.Now().Add(oracleWait))
		n, err := c.Read(buf)
		out = append(out, buf[:n]...)
		if err != nil {
			return describe(out, errors.Is(err, io.EOF) || !errors.Is(err, os.ErrDeadlineExceeded))
		}
	}
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
