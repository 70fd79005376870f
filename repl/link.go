package repl

import (
	"strconv"
	"strings"
)

// LinkState is how far a replica is with its master.
type LinkState uint8

// The states, in the order in which a link passes them.
const (
	LinkNone       LinkState = iota // a master of its own
	LinkConnect                     // to be connected
	LinkConnecting                  // Dial is under way
	LinkPing                        // the reply to PING is due
	LinkHandshake                   // those to AUTH and REPLCONF are
	LinkPsync                       // that to PSYNC is
	LinkPayload                     // the head of the payload is
	LinkTransfer                    // the payload is being received or loaded
	LinkConnected                   // the stream is applied
)

// String returns the state as ROLE names it.
func (s LinkState) String() string {
	switch s {
	case LinkNone:
		return "none"
	case LinkConnect:
		return "connect"
	case LinkConnecting:
		return "connecting"
	case LinkPing, LinkHandshake, LinkPsync:
		return "handshake"
	case LinkPayload, LinkTransfer:
		return "sync"
	case LinkConnected:
		return "connected"
	}
	return "unknown"
}

const (
	// retryMs is the time between attempts to reach the master.
	// COMPAT: repl-retry: whatever made the last one fail.
	retryMs = 1000
	// ackMs is the time between acknowledgements.
	ackMs = 1000
)

// step is one request of the handshake whose reply is due.
type step uint8

const (
	stepAuth step = iota
	stepPort
	stepIP
	stepCapa
)

// link is the replica's side.
type link struct {
	host  string
	port  int
	state LinkState
	steps []step // replies due in LinkHandshake, in order

	// cached: the data are a state of history id at the end of the stream, so that a
	// master may continue with it.
	cached bool
	// own: the data are this server's own, from when it was a master.
	own bool
	// synced: this master has given data or stream before.
	synced bool
	old    bool // the master knows no PSYNC
	id     string
	offset int64 // of the payload
	eof    bool

	// adopting: the data that were loaded are being brought into use.
	adopting bool

	heard     int64 // when the master was last heard of
	acked     int64 // when the last acknowledgement was sent
	tried     int64 // when the last attempt to connect began
	downSince int64
	upSince   int64
	downMs    int64  // how long the link was down before downSince
	attempts  int    // to get it up, since it was last lost
	dialed    int    // attempts since there is this master
	reason    string // of the last failure
}

// connect begins an attempt.
func (m *Machine) connect() {
	m.notice("Connecting to MASTER %s:%d", m.link.host, m.link.port)
	m.dial()
}

// reconnect begins one at once, because the link is gone.
func (m *Machine) reconnect() {
	m.notice("Reconnecting to MASTER %s:%d", m.link.host, m.link.port)
	m.dial()
}

func (m *Machine) dial() {
	l := &m.link
	m.notice("MASTER <-> REPLICA sync started")
	l.state = LinkConnecting
	l.attempts++
	l.dialed++
	l.heard, l.tried = m.now, m.now
	m.do(Dial{l.host, l.port})
}

// hangup ends the connection if there is one, or an attempt.
func (m *Machine) hangup() {
	if m.link.state > LinkConnect {
		m.do(Hangup{})
	}
	if m.link.state == LinkConnected {
		m.link.lost(m.now)
	}
	if m.link.state != LinkNone {
		m.link.state = LinkConnect
	}
	m.link.steps = nil
}

// lost notes that the link is no longer up.
func (l *link) lost(nowMs int64) { l.downSince, l.attempts = nowMs, 0 }

// fail ends an attempt; the next one follows later.
func (m *Machine) fail(reason string) {
	m.hangup()
	m.link.reason = reason
	m.link.tried = m.now
}

func (m *Machine) linkUp() {
	if m.link.state != LinkConnecting {
		return
	}
	m.notice("Non blocking connect for SYNC fired the event.")
	m.link.state = LinkPing
	m.link.heard = m.now
	m.do(Send{[]string{"PING"}})
}

func (m *Machine) linkLine(line string) {
	m.link.heard = m.now
	switch m.link.state {
	case LinkPing:
		m.pinged(line)
	case LinkHandshake:
		m.shaken(line)
	case LinkPsync:
		m.psyncReply(line)
	case LinkPayload:
		m.payloadHead(line)
	}
}

// pinged looks at the reply to PING, which only shows that a server is there.
func (m *Machine) pinged(line string) {
	if !strings.HasPrefix(line, "+") && !strings.HasPrefix(line, "-NOAUTH") && !strings.HasPrefix(line, "-NOPERM") &&
		!strings.HasPrefix(line, "-ERR operation not permitted") {
		m.warn("Error reply to PING from master: '%s'", line)
		m.fail("PING: " + line)
		return
	}
	m.notice("Master replied to PING, replication can continue...")
	m.link.state = LinkHandshake
	m.link.steps = m.link.steps[:0]
	c := &m.cfg
	if c.MasterAuth != "" {
		auth := []string{"AUTH", c.MasterAuth}
		if c.MasterUser != "" {
			auth = []string{"AUTH", c.MasterUser, c.MasterAuth}
		}
		m.handshake(stepAuth, auth...)
	}
	m.handshake(stepPort, "REPLCONF", "listening-port", strconv.Itoa(c.Port))
	if c.AnnounceIP != "" {
		m.handshake(stepIP, "REPLCONF", "ip-address", c.AnnounceIP)
	}
	m.handshake(stepCapa, "REPLCONF", "capa", "eof", "capa", "psync2")
}

func (m *Machine) handshake(s step, args ...string) {
	m.link.steps = append(m.link.steps, s)
	m.do(Send{args})
}

// shaken looks at a reply of the handshake. Only AUTH must succeed: an old master does
// not know the rest.
func (m *Machine) shaken(line string) {
	s := m.link.steps[0]
	m.link.steps = m.link.steps[1:]
	if strings.HasPrefix(line, "-") {
		switch s {
		case stepAuth:
			m.warn("Unable to AUTH to MASTER: %s", line)
			m.fail("AUTH: " + line)
			return
		case stepPort:
			m.notice("(Non critical) Master does not understand REPLCONF listening-port: %s", line)
		case stepIP:
			m.notice("(Non critical) Master does not understand REPLCONF ip-address: %s", line)
		case stepCapa:
			m.notice("(Non critical) Master does not understand REPLCONF capa: %s", line)
		}
	}
	if len(m.link.steps) == 0 {
		m.askStream()
	}
}

// askStream asks for the rest of the stream, or for everything.
func (m *Machine) askStream() {
	id, offset := "?", int64(-1)
	if m.link.cached {
		id, offset = m.id, m.view.End+1
		m.notice("Trying a partial resynchronization (request %s:%d).", id, offset)
	} else {
		m.notice("Partial resynchronization not possible (no cached master)")
	}
	args := []string{"PSYNC", id, strconv.FormatInt(offset, 10)}
	if m.over.state == FailoverInProgress {
		args = append(args, "FAILOVER")
	}
	m.link.state = LinkPsync
	m.do(Send{args})
}

func (m *Machine) psyncReply(line string) {
	switch {
	case line == "": // the master shows that it works on it
	case m.over.state == FailoverInProgress && strings.HasPrefix(line, "-"):
		m.failoverRefused(line)
	case strings.HasPrefix(line, "+FULLRESYNC"):
		m.endFailover()
		m.fullResync(line)
	case strings.HasPrefix(line, "+CONTINUE"):
		m.endFailover()
		m.partialResync(line)
	case strings.HasPrefix(line, "-NOMASTERLINK"), strings.HasPrefix(line, "-LOADING"):
		m.notice("Master is currently unable to PSYNC but should be in the future: %s", line)
		m.fail(line)
	default:
		m.noPsync(line)
	}
}

// fullResync: everything is to be thrown away for a payload.
func (m *Machine) fullResync(line string) {
	l := &m.link
	fields := strings.Fields(line)
	l.id, l.offset = "", 0
	if len(fields) >= 3 && len(fields[1]) == IDLen {
		l.id = fields[1]
		l.offset, _ = strconv.ParseInt(fields[2], 10, 64)
		m.notice("Full resync from master: %s:%d", l.id, l.offset)
	} else {
		m.warn("Master replied with wrong +FULLRESYNC syntax.")
	}
	l.state = LinkPayload
}

// partialResync: the master continues where this server's stream ends.
func (m *Machine) partialResync(line string) {
	m.notice("Successful partial resynchronization with master.")
	if f := strings.Fields(line); len(f) > 1 && len(f[1]) == IDLen && f[1] != m.id {
		m.id2, m.id2To = m.id, m.view.End+1
		m.id = f[1]
		m.notice("Master replication ID changed to %s", m.id)
		m.dropPeers()
	}
	m.keep()
	m.notice("MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization.")
	m.connected()
	m.do(Apply{})
}

// noPsync: the master does not know PSYNC, or is in no state to answer it.
func (m *Machine) noPsync(line string) {
	if !strings.HasPrefix(line, "-ERR") {
		m.warn("Unexpected reply to PSYNC from master: %s", line)
	} else {
		m.notice("Master does not support PSYNC or is in error state (reply: %s)", line)
	}
	m.notice("Retrying with SYNC...")
	l := &m.link
	l.id, l.offset = "", 0
	l.state = LinkPayload
	m.do(Send{[]string{"SYNC"}})
}

// uncache forgets that the data are a known state of a history.
func (m *Machine) uncache() {
	if m.link.cached {
		m.notice("Discarding previously cached master state.")
		m.link.cached = false
	}
}

// payloadHead looks at the line before the payload.
func (m *Machine) payloadHead(line string) {
	where := "to disk"
	if m.cfg.DisklessLoad {
		where = "to parser"
	}
	switch {
	case line == "": // still being made
		return
	case strings.HasPrefix(line, "-"):
		m.warn("MASTER aborted replication with an error: %s", line[1:])
		m.fail(line)
		return
	case !strings.HasPrefix(line, "$"):
		m.warn("Bad protocol from MASTER, the first byte is not '$' (we received '%s'), are you sure the host and port are right?", line)
		m.fail("bad payload")
		return
	}
	m.link.state = LinkTransfer
	if mark, ok := strings.CutPrefix(line, "$EOF:"); ok && len(mark) >= IDLen {
		m.link.eof = true
		m.notice("MASTER <-> REPLICA sync: receiving streamed RDB from master with EOF %s", where)
		m.do(Receive{Mark: mark[:IDLen]})
		return
	}
	size, err := strconv.ParseInt(line[1:], 10, 64)
	if err != nil || size < 0 {
		m.warn("Bad protocol from MASTER, the first byte is not '$' (we received '%s'), are you sure the host and port are right?", line)
		m.fail("bad payload")
		return
	}
	m.link.eof = false
	m.notice("MASTER <-> REPLICA sync: receiving %d bytes from master %s", size, where)
	m.do(Receive{Size: size})
}

// loaded: the payload is ready to be used.
func (m *Machine) loaded(e Loaded) {
	l := &m.link
	if l.state != LinkTransfer {
		m.do(Discard{})
		return
	}
	if !e.OK {
		m.fail(e.Reason) // the data are what they were
		return
	}
	if m.refusesEmpty(e) {
		m.warn("The master %s:%d has come back without any data, with another replication ID. "+
			"The %d keys of this replica are kept: REPLICAOF accepts the empty data, REPLICAOF NO ONE makes this server the master.", l.host, l.port, e.Kept)
		m.do(Discard{})
		m.fail("the master is empty")
		return
	}
	m.id, m.id2, m.id2To = l.id, NoID, -1
	if l.id == "" {
		m.id = m.newID() // of a master without PSYNC: nobody can continue it
	}
	m.uncache()
	m.dropPeers()
	m.kept = true
	l.adopting = true
	m.notice("MASTER <-> REPLICA sync: Flushing old data")
	m.do(Adopt{l.offset})
	m.do(KeepStream{})
	m.notice("MASTER <-> REPLICA sync: Finished with success")
	m.connected()
	l.cached = l.id != ""
	m.view.End = l.offset
	m.do(Apply{})
	if l.eof {
		m.sendAck()
	}
}

// refusesEmpty reports whether the payload must not replace what this replica holds: it
// has none of the data that the same master gave before.
// COMPAT: repl-empty-master: a master that lost its disk must not empty its replicas.
func (m *Machine) refusesEmpty(e Loaded) bool {
	return m.cfg.KeepOverEmpty && m.link.synced && e.Keys == 0 && e.Kept > 0 && m.link.id != m.id
}

// connected: the stream is in step with the master's from here on.
func (m *Machine) connected() {
	l := &m.link
	l.state = LinkConnected
	l.cached, l.synced = true, true
	l.heard, l.acked = m.now, m.now
	l.upSince = m.now
	if l.downSince > 0 {
		l.downMs += m.now - l.downSince
	}
}

func (m *Machine) sendAck() {
	m.link.acked = m.now
	args := []string{"REPLCONF", "ACK", strconv.FormatInt(m.view.End, 10)}
	if m.view.Synced >= 0 {
		args = append(args, "FACK", strconv.FormatInt(m.view.Synced, 10))
	}
	m.do(Send{args})
}

// AckNow answers a REPLCONF GETACK of the master.
// COMPAT: repl-ack: when it has been applied, so with its bytes.
func (m *Machine) AckNow(nowMs int64, view View) {
	m.now, m.view = nowMs, view
	if m.link.state == LinkConnected {
		m.sendAck()
	}
}

// linkDown: a connection, or an attempt, has failed.
func (m *Machine) linkDown(e LinkDown) {
	l := &m.link
	was := l.state
	if was <= LinkConnect {
		return
	}
	l.state, l.steps, l.reason = LinkConnect, nil, e.Reason
	l.tried = m.now
	if was != LinkConnected {
		m.warn("%s", lostText(was, e.Reason))
		return
	}
	l.lost(m.now)
	m.notice("Connection with master lost.")
	if e.Corrupt {
		m.uncache()
	} else {
		m.notice("Caching the disconnected master state.")
	}
	m.reconnect()
}

// lostText words the loss of a connection on which no stream flows yet.
// COMPAT: repl-log: with the reason.
func lostText(state LinkState, reason string) string {
	switch state {
	case LinkPing, LinkHandshake:
		return "Master did not respond to command during SYNC handshake: " + reason
	case LinkPsync:
		return "Master did not reply to PSYNC, will try later: " + reason
	case LinkPayload, LinkTransfer:
		return "I/O error trying to sync with MASTER: " + reason
	}
	return "Error condition on socket for SYNC: " + reason
}

// tickLink watches over the link.
func (m *Machine) tickLink() {
	l := &m.link
	silent := m.now-l.heard > m.cfg.Timeout
	switch {
	case l.state == LinkNone, l.state == LinkConnect && m.atRest:
	case l.state == LinkConnect:
		if m.now-l.tried >= retryMs {
			m.connect()
		}
	case l.state < LinkTransfer && silent:
		m.warn("Timeout connecting to the MASTER...")
		m.fail("timeout")
	case l.state == LinkTransfer && silent:
		m.warn("Timeout receiving bulk data from MASTER... If the problem persists try to set the 'repl-timeout' parameter in redis.conf to a larger value.")
		m.fail("timeout")
	case l.state == LinkConnected && silent:
		m.warn("MASTER timeout: no data nor PING received...")
		m.hangup()
		l.reason = "timeout"
		m.notice("Connection with master lost.")
		m.notice("Caching the disconnected master state.")
		m.reconnect()
	case l.state == LinkConnected && m.now-l.acked >= ackMs:
		m.sendAck()
	}
}
