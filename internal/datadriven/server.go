package datadriven

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"
)

// replyTimeout bounds the wait for one reply of a server.
const replyTimeout = 10 * time.Second

// server is a running server as a target: one connection per name, and one to
// prepare and restore its state.
type server struct {
	network, addr string
	name          string // "redis", "valkey", "kvorum"
	own           string // its own version
	redisVersion  string // the Redis version it claims
	admin         *link
	links         map[string]*link
	config        map[string]string // before the script
}

// link is one connection.
type link struct {
	c   net.Conn
	buf []byte // received, not yet taken
}

// dialServer connects and prepares a fresh state: no data, no scripts, no other
// clients of ours.
func dialServer(addr string) (*server, error) {
	s := &server{network: "tcp", addr: addr, links: map[string]*link{}}
	if strings.HasPrefix(addr, "/") {
		s.network = "unix"
	}
	var err error
	if s.admin, err = s.dial(); err != nil {
		return nil, fmt.Errorf("datadriven: no server at %s: %w", addr, err)
	}
	if err := s.prepare(); err != nil {
		return nil, errors.Join(fmt.Errorf("datadriven: preparing %s: %w", addr, err), s.admin.c.Close())
	}
	return s, nil
}

func (s *server) dial() (*link, error) {
	c, err := net.DialTimeout(s.network, s.addr, replyTimeout)
	if err != nil {
		return nil, err
	}
	return &link{c: c}, nil
}

func (s *server) prepare() error {
	info, err := s.admin.call("INFO", "server")
	if err != nil {
		return err
	}
	s.identify(string(info.payload))
	if err := s.awaitAlone(); err != nil {
		return err
	}
	// Scripts and functions are absent from small servers: an error reply is fine.
	for _, words := range [][]string{{"FLUSHALL"}, {"SCRIPT", "FLUSH"}, {"FUNCTION", "FLUSH"}} {
		n, err := s.admin.call(words...)
		if err != nil {
			return err
		}
		if words[0] == "FLUSHALL" && string(n.head) != "+OK" {
			return fmt.Errorf("FLUSHALL: %s", n.head)
		}
	}
	s.config, err = s.readConfig()
	return err
}

// identify reads name and version from INFO.
func (s *server) identify(info string) {
	field := func(name string) string {
		for _, line := range strings.Split(info, "\r\n") {
			if v, ok := strings.CutPrefix(line, name+":"); ok {
				return v
			}
		}
		return ""
	}
	s.redisVersion = field("redis_version")
	s.name, s.own = "redis", s.redisVersion
	for _, name := range []string{"valkey", "kvorum"} {
		if v := field(name + "_version"); v != "" {
			s.name, s.own = name, v
		}
	}
}

// version is what a script's header says.
func (s *server) version() string { return s.name + " " + s.own }

// awaitAlone waits until the connections of the script before are gone: a server
// notices a closed client in its own time.
func (s *server) awaitAlone() error {
	deadline := time.Now().Add(replyTimeout)
	for {
		n, err := s.admin.call("CLIENT", "LIST")
		if err != nil {
			return err
		}
		if !n.hasBody || strings.Count(string(n.payload), "\n") <= 1 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("other clients stay connected:\n%s", n.payload)
		}
		time.Sleep(pollEvery)
	}
}

// readConfig returns the whole configuration; empty for a server without CONFIG.
func (s *server) readConfig() (map[string]string, error) {
	n, err := s.admin.call("CONFIG", "GET", "*")
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for i := 0; i+1 < len(n.kids); i += 2 {
		out[string(n.kids[i].payload)] = string(n.kids[i+1].payload)
	}
	return out, nil
}

// close ends the script's connections and restores the configuration it changed.
func (s *server) close() error {
	var errs []error
	for name, l := range s.links {
		if len(l.buf) > 0 {
			errs = append(errs, fmt.Errorf("datadriven: connection %q has unread replies: %s", name, escape(l.buf)))
		}
		errs = append(errs, l.c.Close())
	}
	now, err := s.readConfig()
	if err != nil {
		return errors.Join(append(errs, err, s.admin.c.Close())...)
	}
	for name, old := range s.config {
		if now[name] == old {
			continue
		}
		if n, err := s.admin.call("CONFIG", "SET", name, old); err != nil || string(n.head) != "+OK" {
			errs = append(errs, fmt.Errorf("datadriven: restoring %s: %s (%v)", name, n.head, err))
		}
	}
	return errors.Join(append(errs, s.admin.c.Close())...)
}

// do implements target.
func (s *server) do(conn string, proto int, args [][]byte, replies int) ([]byte, error) {
	l := s.links[conn]
	if l == nil {
		var err error
		if l, err = s.dial(); err != nil {
			return nil, err
		}
		s.links[conn] = l
		if proto == 3 {
			if n, err := l.call("HELLO", "3"); err != nil || n.head[0] != '%' {
				return nil, fmt.Errorf("HELLO 3: %s (%v)", n.head, err)
			}
		}
	}
	if args != nil {
		if err := l.send(args); err != nil {
			return nil, err
		}
	}
	return l.take(replies)
}

// send writes one command as a multibulk request.
func (l *link) send(args [][]byte) error {
	out := fmt.Appendf(nil, "*%d\r\n", len(args))
	for _, a := range args {
		out = fmt.Appendf(out, "$%d\r\n", len(a))
		out = append(append(out, a...), "\r\n"...)
	}
	if err := l.c.SetDeadline(time.Now().Add(replyTimeout)); err != nil {
		return err
	}
	_, err := l.c.Write(out)
	return err
}

// take returns the bytes of the next replies, waiting for them.
func (l *link) take(replies int) ([]byte, error) {
	if err := l.c.SetDeadline(time.Now().Add(replyTimeout)); err != nil {
		return nil, err
	}
	end := 0
	for replies > 0 {
		_, rest, err := decode(l.buf[end:])
		if err == nil {
			end = len(l.buf) - len(rest)
			replies--
			continue
		}
		if !errors.Is(err, errIncomplete) {
			return nil, err
		}
		chunk := make([]byte, 64<<10)
		n, err := l.c.Read(chunk)
		l.buf = append(l.buf, chunk[:n]...)
		if n == 0 && err != nil {
			return nil, fmt.Errorf("waiting for a reply after %s: %w", escape(l.buf), err)
		}
	}
	out := l.buf[:end:end]
	l.buf = l.buf[end:]
	return out, nil
}

// call sends a command and decodes its reply.
func (l *link) call(words ...string) (node, error) {
	args := make([][]byte, len(words))
	for i, w := range words {
		args[i] = []byte(w)
	}
	if err := l.send(args); err != nil {
		return node{}, err
	}
	raw, err := l.take(1)
	if err != nil {
		return node{}, err
	}
	n, _, err := decode(raw)
	return n, err
}

// older compares dotted versions; no need is never older.
func older(have, need string) bool {
	if need == "" {
		return false
	}
	h, n := strings.Split(have, "."), strings.Split(need, ".")
	for i := range n {
		if i >= len(h) {
			return true
		}
		a, errA := strconv.Atoi(h[i])
		b, errB := strconv.Atoi(n[i])
		if errA != nil || errB != nil {
			return true // a version nobody can read promises nothing
		}
		if a != b {
			return a < b
		}
	}
	return false
}
