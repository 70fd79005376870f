package conformance

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"kvorum/resp"
	"kvorum/test/peer"
)

// Streams with clients that cache: each of the connections tracks in some mode, two
// more take the messages that others redirect. After each request all of them are
// asked for a sign of life; what each connection has got before and behind its reply
// must be the same on both servers, to the byte and in the same order.

// listeners are the connections that messages are redirected to; the first speaks
// RESP2.
const listeners = 2

// watchers is the connections of a stream with clients that cache.
type watchers struct {
	side  *side
	conns []*peer.Conn // those of the stream, then the listeners
	ids   [listeners]string
}

// newWatchers connects the listeners.
func newWatchers(s *side) (*watchers, error) {
	w := &watchers{side: s, conns: append([]*peer.Conn(nil), s.conns[:]...)}
	for i := range listeners {
		c, err := s.srv.Dial()
		if err != nil {
			return nil, err
		}
		id, err := c.Must("CLIENT", "ID")
		if err != nil {
			return nil, err
		}
		w.ids[i] = fmt.Sprint(id.Int)
		words := []string{"SUBSCRIBE", "__redis__:invalidate"}
		if i > 0 {
			words = []string{"HELLO", "3"}
		}
		if _, err := c.Must(words...); err != nil {
			return nil, err
		}
		w.conns = append(w.conns, c)
	}
	return w, nil
}

func (w *watchers) close() {
	for _, c := range w.conns[len(w.side.conns):] {
		c.Close()
	}
}

// isMessage tells messages from replies.
func isMessage(b []byte) bool {
	return b[0] == '>' || bytes.HasPrefix(b, []byte("*3\r\n$7\r\nmessage\r\n"))
}

// step sends a request, and a PING to everybody, and returns what came: a line for each
// connection that got messages, with "reply" and "ping" in their places.
func (w *watchers) step(conn int, args []string) (string, error) {
	wire := resp.AppendCommandStrings(nil, w.own(args)...)
	if err := w.conns[conn].Send(wire); err != nil {
		return "", err
	}
	got := make([]string, len(w.conns))
	if err := w.take(conn, &got[conn], "reply"); err != nil {
		return "", err
	}
	for i := range w.conns {
		if err := w.conns[i].Send(resp.AppendCommandStrings(nil, "PING")); err != nil {
			return "", err
		}
		if err := w.take(i, &got[i], "ping"); err != nil {
			return "", err
		}
	}
	var out strings.Builder
	for i, text := range got {
		if strings.Contains(text, "message") {
			fmt.Fprintf(&out, "connection %d:%s\n", i, text)
		}
	}
	return out.String(), nil
}

// take reads up to the next reply.
func (w *watchers) take(conn int, got *string, name string) error {
	for {
		b, err := w.conns[conn].Reply()
		if err != nil {
			return fmt.Errorf("%s, connection %d: %w", w.side.srv, conn, err)
		}
		if !isMessage(b) {
			*got += " " + name
			return nil
		}
		*got += fmt.Sprintf(" message %q", b)
	}
}

// own puts the ids of the server's own listeners in.
func (w *watchers) own(args []string) []string {
	out := append([]string(nil), args...)
	for i, arg := range out {
		switch arg {
		case "@0":
			out[i] = w.ids[0]
		case "@1":
			out[i] = w.ids[1]
		}
	}
	return out
}

// tracking draws a request about tracking.
func (w *words) tracking() []string {
	if w.chance(3) {
		return []string{"CLIENT", "CACHING", w.from([]string{"yes", "no"})}
	}
	if w.chance(6) {
		return []string{"CLIENT", "TRACKING", "off"}
	}
	args := []string{"CLIENT", "TRACKING", "on"}
	switch w.IntN(4) {
	case 0:
		args = append(args, "BCAST")
		for _, p := range [][]string{nil, {"k"}, {"h", "s"}, {"{tag}", "k1", "k2"}}[w.IntN(4)] {
			args = append(args, "PREFIX", p)
		}
	case 1:
		args = append(args, "OPTIN")
	case 2:
		args = append(args, "OPTOUT")
	}
	if w.chance(3) {
		args = append(args, "NOLOOP")
	}
	if w.chance(3) {
		args = append(args, "REDIRECT", w.from([]string{"@0", "@1"}))
	}
	return args
}

// trackingOps makes a stream of requests with such ones among them.
func trackingOps(g *generator, seed uint64, size int) []op {
	w := newWords(seed)
	var ops []op
	for conn := range connCount {
		ops = append(ops, op{conn: conn, args: []string{"HELLO", w.from([]string{"2", "3", "3"})}}, op{conn: conn, args: w.tracking()})
	}
	for _, o := range g.stream(seed, size) {
		switch name := strings.ToLower(o.args[0]); {
		case isQuit(o.args), isWholeScan(o.args), name == "client",
			name == "swapdb", name == "pfdebug": // Redis does not tell of what they change
			continue
		}
		if w.chance(12) {
			ops = append(ops, op{conn: o.conn, args: []string{"CLIENT", "TRACKING", "off"}})
			ops = append(ops, op{conn: o.conn, args: w.tracking()})
		}
		if w.chance(8) {
			ops = append(ops, op{conn: o.conn, args: w.tracking()})
		}
		if w.chance(2) { // many requests of streams fail; these change and read what others do
			ops = append(ops, op{conn: w.IntN(connCount), args: []string{w.from([]string{"SET", "APPEND", "LPUSH"}), w.key(), "v"}})
			ops = append(ops, op{conn: w.IntN(connCount), args: []string{"MGET", w.key(), w.key(), w.key()}})
		}
		ops = append(ops, o)
	}
	return ops
}

// TestTrackingOnOneLoop and TestTrackingOnLoops: clients are told of changes as by the
// other server, whatever they and others do.
func TestTrackingOnOneLoop(t *testing.T) { testTracking(t, share(t, 0.12), "--io-threads", "1") }

func TestTrackingOnLoops(t *testing.T) { testTracking(t, share(t, 0.12), "--io-threads", "3") }

func testTracking(t *testing.T, limit time.Duration, args ...string) {
	theirs, err := newSide(peer.StartOracle(t))
	if err != nil {
		t.Fatal(err)
	}
	ours, err := newSide(peer.StartKvorum(t, args...))
	if err != nil {
		t.Fatal(err)
	}
	p := &pair{ours: ours, theirs: theirs}
	g, err := newGenerator(theirs.srv)
	if err != nil {
		t.Fatal(err)
	}
	seed, streams, messages := firstSeed(t), 0, 0
	for end := time.Now().Add(limit); streams == 0 || time.Now().Before(end); streams++ {
		n, err := p.runTracking(trackingOps(g, seed, *flagSize/4))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		messages += n
		seed++
	}
	if messages == 0 {
		t.Error("no messages at all")
	}
	t.Logf("%s and %s: %d streams, %d steps with messages, last seed %d", ours.srv, theirs.srv, streams, messages, seed-1)
}

// runTracking sends a stream to both servers and returns the number of steps after
// which there were messages.
func (p *pair) runTracking(ops []op) (messages int, err error) {
	if err := p.reset(); err != nil {
		return 0, err
	}
	var w [2]*watchers
	for i, s := range []*side{p.ours, p.theirs} {
		if w[i], err = newWatchers(s); err != nil {
			return 0, err
		}
		defer w[i].close()
	}
	for i, o := range ops {
		var got [2]string
		for n := range w {
			if got[n], err = w[n].step(o.conn, o.args); err != nil {
				return 0, fmt.Errorf("%w after\n%s", err, lastOps(ops[:i+1]))
			}
		}
		if got[0] != got[1] {
			return 0, fmt.Errorf("messages differ after\n%sours:\n%stheirs:\n%s", lastOps(ops[:i+1]), got[0], got[1])
		}
		if got[0] != "" {
			messages++
		}
	}
	return messages, nil
}

// lastOps shows the end of a stream, and all that was said about tracking.
func lastOps(ops []op) string {
	const shown = 25
	var out strings.Builder
	for i, o := range ops {
		if i >= len(ops)-shown || strings.EqualFold(o.args[0], "client") || strings.EqualFold(o.args[0], "hello") || strings.EqualFold(o.args[0], "reset") {
			fmt.Fprintf(&out, "  %d: %.300q\n", o.conn, o.args)
		}
	}
	return out.String()
}
