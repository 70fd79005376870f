package interop

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"kvorum/test/peer"
)

// tap is a replica that only looks at what its master sends.
type tap struct {
	t  *testing.T
	n  *server
	in *bufio.Reader
}

func newTap(t *testing.T, n *server) *tap {
	conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(n.port)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(2 * syncTimeout))
	p := &tap{t, n, bufio.NewReader(conn)}
	// Without EOF framing the stream follows the payload without an acknowledgement.
	fmt.Fprint(conn, "PSYNC ? -1\r\n")
	for {
		if size, ok := strings.CutPrefix(p.line(), "$"); ok {
			n, err := strconv.ParseInt(size, 10, 64)
			if err == nil {
				_, err = io.CopyN(io.Discard, p.in, n)
			}
			if err != nil {
				t.Fatal(size, err)
			}
			return p
		}
	}
}

func (p *tap) line() string {
	text, err := p.in.ReadString('\n')
	if err != nil {
		p.t.Fatalf("%s: %v\n%s", p.n, err, p.n.Log())
	}
	return strings.TrimRight(text, "\r\n")
}

// command returns the next command of the stream.
func (p *tap) command() (words []string) {
	head := p.line()
	n, err := strconv.Atoi(strings.TrimPrefix(head, "*"))
	if err != nil {
		p.t.Fatalf("%s sends %q", p.n, head)
	}
	for range n {
		size, err := strconv.Atoi(strings.TrimPrefix(p.line(), "$"))
		b := make([]byte, size+2)
		if err == nil {
			_, err = io.ReadFull(p.in, b)
		}
		if err != nil {
			p.t.Fatal(err)
		}
		words = append(words, string(b[:size]))
	}
	return words
}

// times are Unix times in milliseconds, of this century.
var times = regexp.MustCompile(`\b1[6-9]\d{11}\b`)

// until returns what the stream has before a mark, one command in a line.
func (p *tap) until(mark string) string {
	var list []string
	for {
		words := p.command()
		switch {
		case len(words) > 1 && words[1] == mark:
			return times.ReplaceAllString(strings.Join(list, "\n"), "TIME")
		case strings.EqualFold(words[0], "ping"):
		default:
			list = append(list, strings.Join(words, " "))
		}
	}
}

// TestStreamIsTheSame runs the requests of testdata/stream.txt, those of a case in one
// line, on a master of each kind, and compares what they send to their replicas: an effect
// that differs makes replicas that differ.
func TestStreamIsTheSame(t *testing.T) {
	cases, err := os.ReadFile("testdata/stream.txt")
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := startNode(t, peer.StartKvorum), startNode(t, peer.StartOracle)
	taps := []*tap{newTap(t, ours), newTap(t, theirs)}
	for i, requests := range strings.Split(strings.TrimSpace(string(cases)), "\n") {
		mark := fmt.Sprint("mark:", i)
		var streams []string
		for _, p := range taps {
			for request := range strings.SplitSeq(requests, "|") {
				if _, err := p.n.admin.Do(strings.Fields(request)...); err != nil {
					t.Fatal(request, err)
				}
			}
			p.n.do(t, "SET", mark, "1")
			streams = append(streams, p.until(mark))
		}
		if streams[0] != streams[1] {
			t.Errorf("%s\nour stream:\n%s\ntheirs:\n%s", requests, streams[0], streams[1])
		}
	}
}
