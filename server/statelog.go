package server

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"kvorum/command"
	"kvorum/logx"
	"kvorum/netloop"
	"kvorum/repl"
	"kvorum/resp"
)

// Lines that tell those who listen closely how the server is: what it holds, every
// five seconds, and what was wrong with a request.

// stateLogTicks is how many turns of cron lie between two reports.
const stateLogTicks = 5 * cronPerSec

// logState reports the databases at level verbose and the clients at level debug.
func (s *Server) logState() {
	if !s.log.Enabled(logx.LevelVerbose) {
		return
	}
	type figures struct{ keys, volatile, slots int64 }
	dbs := make([]figures, s.ks.DBCount())
	s.eng.Exclusive(func() {
		for i := range dbs {
			db := s.ks.DB(i)
			dbs[i].keys, dbs[i].volatile = db.Len(), db.VolatileLen()
			dbs[i].slots, _ = db.TableSlots()
		}
	})
	for i, db := range dbs {
		if db.keys > 0 {
			s.log.Verbosef("DB %d: %d keys (%d volatile) in %d slots HT.", i, db.keys, db.volatile, db.slots)
		}
	}
	if !s.log.Enabled(logx.LevelDebug) {
		return
	}
	var replicas int64
	s.repl.driver.Ask(func(m *repl.Machine) { replicas = int64(len(m.Peers())) })
	s.log.Debugf("%d clients connected (%d replicas), %d bytes in use",
		max(s.clients.Load()-replicas, 0), replicas, s.eng.UsedMemory())
}

// logAofDir tells that there is no folder of a log yet.
func (s *Server) logAofDir() {
	if !s.log.Enabled(logx.LevelDebug) {
		return
	}
	name := s.cfg.String("appenddirname")
	if _, err := os.Stat(filepath.Join(s.dir(), name)); os.IsNotExist(err) {
		s.log.Debugf("The AOF directory %s doesn't exist", name)
	}
}

// protocolErrors are the words of the log for errors whose replies have others.
var protocolErrors = map[*resp.ProtocolError]string{
	resp.ErrTooBigInline:       "too big inline request",
	resp.ErrTooBigMultibulk:    "too big mbulk count string",
	resp.ErrTooBigBulk:         "too big bulk count string",
	resp.ErrMultibulkLength:    "invalid mbulk count",
	resp.ErrBulkLength:         "invalid bulk length",
	resp.ErrUnauthMultibulkLen: "unauth mbulk count",
	resp.ErrUnauthBulkLen:      "unauth bulk length",
	resp.ErrUnbalancedQuotes:   "unbalanced quotes in inline request",
}

// protocolShown is how much of the input the line shows, half of it from the end.
const protocolShown = 128

// logProtocolError is a hook of the engine: a client sent what is no request. input
// begins where it went wrong.
func (s *Server) logProtocolError(sess *command.Session, err *resp.ProtocolError, input []byte) {
	if !s.log.Enabled(logx.LevelVerbose) {
		return
	}
	c, ok := sess.Peer.(*netloop.Conn)
	if !ok {
		return
	}
	text, known := protocolErrors[err]
	if !known {
		text = "expected $ but got something else"
	}
	s.log.Verbosef("Protocol error (%s) from client: %s. %s", text, s.describe(c.Data.(*client)), inputShown(input))
}

// inputShown describes input: what does not print is shown as a dot.
func inputShown(input []byte) string {
	var b strings.Builder
	b.WriteString("Query buffer during protocol error: '")
	show := func(part []byte) {
		for _, c := range part {
			if c < ' ' || c > '~' {
				c = '.'
			}
			b.WriteByte(c)
		}
	}
	if len(input) < protocolShown {
		show(input)
		b.WriteByte('\'')
		return b.String()
	}
	show(input[:protocolShown/2])
	b.WriteString("' (... more ")
	b.WriteString(strconv.Itoa(len(input) - protocolShown))
	b.WriteString(" bytes ...) '")
	show(input[len(input)-protocolShown/2:])
	b.WriteByte('\'')
	return b.String()
}
