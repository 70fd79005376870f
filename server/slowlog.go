package server

import (
	"fmt"
	"sync"

	"kvorum/command"
	"kvorum/config"
	"kvorum/engine"
	"kvorum/netloop"
)

// An entry of the slow log keeps the request in short: this many arguments, this
// many bytes of each.
const (
	slowArgsMax  = 32
	slowBytesMax = 128
)

const redacted = "(redacted)"

// slowlog is the log of slow commands: a queue of at most max entries. Any
// goroutine may use it.
type slowlog struct {
	mu     sync.Mutex
	list   []command.SlowEntry // oldest first
	max    int
	on     bool // slow commands are being recorded
	nextID int64
}

// recordSlow adds an entry. It is a hook of the engine: the session and the
// arguments are borrowed. A command that changed the threshold is judged by the
// new one.
func (s *Server) recordSlow(slow engine.Slow) {
	if limit := s.eng.Settings().SlowlogUsec; limit < 0 || slow.Duration < limit {
		return
	}
	s.slow.record(slow)
}

func (l *slowlog) record(slow engine.Slow) {
	s := slow.Session
	e := command.SlowEntry{
		UnixSec: slow.UnixMs / 1000, Usec: slow.Duration, Args: clipArgs(slow.Args, secrets(s.LastCmd, slow.Args)), ConnName: s.Name,
	}
	if s.Peer != nil {
		e.Addr = s.Peer.RemoteAddr()
	}
	if c, ok := s.Peer.(*netloop.Conn); ok {
		e.WaitUsec = waitUsec(c, slow.Duration)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	e.ID = l.nextID
	l.nextID++
	l.list = append(l.list, e)
	l.trimLocked()
}

func (l *slowlog) trimLocked() {
	if over := len(l.list) - l.max; over > 0 && l.on {
		clear(l.list[:over]) // append copies the rest to a new array some day; free these now
		l.list = l.list[over:]
	}
}

// waitUsec returns how long the command that has just ended after tookUs waited
// from when its loop heard of the client. That of a long command was noted when it
// left the loop.
func waitUsec(c *netloop.Conn, tookUs int64) int64 {
	if cl, ok := c.Data.(*client); ok && cl.waitUsec >= 0 {
		return cl.waitUsec
	}
	loop := c.Loop()
	return max((loop.Server().Mono()-loop.Now)/nsPerUs-tookUs, 0)
}

// setMax changes the limit.
func (l *slowlog) setMax(n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.max = int(n)
	l.trimLocked()
}

// setOn says whether slow commands are being recorded: if not, entries over the
// limit stay, as in Redis.
func (l *slowlog) setOn(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.on = on
	l.trimLocked()
}

// clipArgs copies the arguments in short. Those in hidden are not shown.
func clipArgs(args [][]byte, hidden map[int]bool) []string {
	n := len(args)
	shown := n
	if n > slowArgsMax {
		shown = slowArgsMax - 1
	}
	list := make([]string, 0, min(n, slowArgsMax))
	for i, arg := range args[:shown] {
		switch {
		case hidden[i]:
			list = append(list, redacted)
		case len(arg) > slowBytesMax:
			list = append(list, fmt.Sprintf("%s... (%d more bytes)", arg[:slowBytesMax], len(arg)-slowBytesMax))
		default:
			list = append(list, string(arg))
		}
	}
	if shown < n {
		list = append(list, fmt.Sprintf("... (%d more arguments)", n-shown))
	}
	return list
}

// secrets returns which arguments hold passwords.
func secrets(spec *command.Spec, args [][]byte) map[int]bool {
	hidden := map[int]bool{}
	switch spec.FullName() {
	case "auth":
		for i := 1; i < len(args); i++ {
			hidden[i] = true
		}
	case "hello":
		for i := 2; i+2 < len(args); i++ {
			if len(args[i]) == len("AUTH") && (args[i][0]|0x20) == 'a' && (args[i][1]|0x20) == 'u' {
				hidden[i+1], hidden[i+2] = true, true
				i += 2
			}
		}
	case "config|set":
		for i := 2; i+1 < len(args); i += 2 {
			if config.Redact(string(args[i])) {
				hidden[i+1] = true
			}
		}
	}
	return hidden
}

// Slowlog implements command.Host.
func (s *Server) Slowlog(count int) []command.SlowEntry {
	l := &s.slow
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(count, len(l.list))
	list := make([]command.SlowEntry, n)
	for i := range list {
		list[i] = l.list[len(l.list)-1-i]
	}
	return list
}

// SlowlogLen implements command.Host.
func (s *Server) SlowlogLen() int {
	s.slow.mu.Lock()
	defer s.slow.mu.Unlock()
	return len(s.slow.list)
}

// SlowlogReset implements command.Host. Numbers go on.
func (s *Server) SlowlogReset() {
	s.slow.mu.Lock()
	defer s.slow.mu.Unlock()
	s.slow.list = nil
}
