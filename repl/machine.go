package repl

import (
	"strings"

	"kvorum/internal/invariants"
)

// IDLen is the length of the name of a history.
const IDLen = 40

// NoID stands for a second history when there is none.
var NoID = strings.Repeat("0", IDLen)

// Config are the values of the configuration that the rules need. Times are
// milliseconds.
type Config struct {
	Port          int    // that replicas of this server would announce
	AnnounceIP    string // likewise; empty: that of the connection
	MasterUser    string
	MasterAuth    string
	DisklessSync  bool
	DisklessDelay int64
	DisklessMax   int // replicas that end the delay, 0: none do
	PingPeriod    int64
	Timeout       int64
	BacklogTTL    int64 // 0: for ever
	MaxLag        int64 // of a replica that counts as good
	KeepOverEmpty bool  // a master that comes back empty does not empty its replica
	DisklessLoad  bool  // for the log
}

// Machine is the replication of one server.
type Machine struct {
	cfg   Config
	newID func() string
	now   int64
	view  View
	out   []Action

	// The history of the data.
	id, id2 string
	id2To   int64 // the offset wanted of id2 may be at most this; -1: none
	told    bool  // a replica has been told of id
	atRest  bool  // the server is about to end
	kept    bool  // the stream is recorded and its end kept

	master masterSide
	link   link // to a master; link.host is empty for a server that has none
	over   failover
}

// New returns the machine of a master with a fresh history. newID draws the name of
// a history, IDLen hexadecimal digits.
func New(cfg Config, newID func() string) *Machine {
	m := &Machine{cfg: cfg, newID: newID, id2: NoID, id2To: -1}
	m.id = newID()
	m.master.init()
	return m
}

// Follow makes the server a replica of the master that its configuration names, before
// the first event. It connects with the first Tick.
func (m *Machine) Follow(host string, port int) {
	m.link = link{host: host, port: port, state: LinkConnect, tried: -retryMs}
	m.do(RoleChanged{Replica: true})
}

// Restore gives the machine the history that the data had when they were saved, before
// the first event and after Follow. The stream ends at or behind the offset. A replica
// may continue that history; a master begins its own, and replicas of the old one may
// continue with it.
func (m *Machine) Restore(nowMs int64, id string, offset int64) {
	if m.IsReplica() {
		m.id = id
		m.link.cached = true
	} else {
		m.id2, m.id2To = id, offset+1
		m.master.idleSince = nowMs
	}
	m.kept = true
	m.do(KeepStream{})
}

// Step takes an event. nowMs is a monotonic time in milliseconds.
func (m *Machine) Step(nowMs int64, view View, e Event) {
	m.now, m.view = nowMs, view
	switch e := e.(type) {
	case Psync:
		m.psync(e)
	case Ack:
		m.ack(e)
	case Alive:
		m.alive(e.Peer)
	case PeerGone:
		m.peerGone(e.Peer)
	case SnapshotBegun:
		m.snapshotBegun(e)
	case SnapshotEnded:
		m.snapshotEnded(e)
	case PayloadSent:
		m.payloadSent(e.Peer)
	case PayloadStuck:
		m.payloadStuck(e)
	case AskAcks:
		m.askAcks()
	case LinkUp:
		m.linkUp()
	case LinkLine:
		m.linkLine(e.Line)
	case LinkActive:
		m.link.heard = nowMs
	case LinkDown:
		m.linkDown(e)
	case Loaded:
		m.loaded(e)
	case ReplicaOf:
		m.replicaOf(e)
	case NoOne:
		m.noOne(e.By)
	case Failover:
		m.beginFailover(e)
	case AbortFailover:
		m.abortFailover("Failover manually aborted")
	case Ending:
		m.ending(e.On)
	case Configured:
		m.cfg = e.Config
	default:
		invariants.Fail("repl: unknown event %T", e)
	}
}

// Tick does what is due. To be called ten times a second.
func (m *Machine) Tick(nowMs int64, view View) {
	m.now, m.view = nowMs, view
	m.tickLink()
	m.tickMaster()
	m.tickFailover()
}

// Ready returns the actions that wait to be carried out, in order. They are good until
// Advance.
func (m *Machine) Ready() []Action { return m.out }

// Advance says that all of them have been.
func (m *Machine) Advance() {
	clear(m.out)
	m.out = m.out[:0]
}

// ending brings the stream to rest: nothing follows what is in it. A replica hangs up,
// or those below it would be ahead of what it saves; it may call again.
func (m *Machine) ending(on bool) {
	m.atRest = on
	if on && m.IsReplica() {
		m.hangup()
		m.link.tried = -retryMs
	}
}

// Settled says that all that was Ready has happened: what is seen of the machine may tell
// of it.
func (m *Machine) Settled() { m.link.adopting = false }

// IsReplica reports whether the server has a master.
func (m *Machine) IsReplica() bool { return m.link.host != "" }

// shiftID begins a new history with the stream that there is: the old one stays good
// up to here.
func (m *Machine) shiftID() {
	m.id2, m.id2To = m.id, m.view.End+1
	m.id, m.told = m.newID(), false
	m.notice("Setting secondary replication ID to %s, valid up to offset: %d. New replication ID is %s", m.id2, m.id2To, m.id)
}

// freshID begins a history that has nothing to do with any before.
func (m *Machine) freshID() {
	m.id, m.id2, m.id2To, m.told = m.newID(), NoID, -1, false
}

// ChangeID is for DEBUG CHANGE-REPL-ID.
// COMPAT: repl-change-id: a replica has the one name, for its master and its replicas.
func (m *Machine) ChangeID() { m.freshID() }

// replicaOf makes the server a replica of a master, or of another one.
func (m *Machine) replicaOf(e ReplicaOf) {
	was := m.IsReplica()
	if was && e.Host == m.link.host && e.Port == m.link.port {
		return
	}
	m.becomeReplica(e.Host, e.Port)
	m.connect()
	if e.By != "" {
		m.notice("REPLICAOF %s:%d enabled (user request from '%s')", e.Host, e.Port, e.By)
	}
}

// becomeReplica changes the master without connecting yet.
func (m *Machine) becomeReplica(host string, port int) {
	was := m.IsReplica()
	left := m.link.state
	m.hangup()
	m.noteLeft(left)
	m.link = link{host: host, port: port, state: LinkConnect, cached: m.link.cached, downSince: m.link.downSince, downMs: m.link.downMs}
	if was {
		return
	}
	m.link.own = true
	m.do(RoleChanged{Replica: true})
	if m.kept {
		// The data are those of this server's own history at its end, so another server
		// that has continued that history can continue with this one.
		m.link.cached = true
		m.resumeID()
		m.notice("Before turning into a replica, using my own master parameters to synthesize a cached master: I may be able to synchronize with the new master with just a partial transfer.")
	}
}

// resumeID goes back to the name that the history had before the one that nobody was told
// of, if nothing has happened since: another server may know that one.
// COMPAT: repl-return: a server that was a master without doing anything asks its old
// master, or the one that took over from it, for the rest of the stream.
func (m *Machine) resumeID() {
	if !m.told && m.id2 != NoID && m.view.End < m.id2To {
		m.id, m.id2, m.id2To = m.id2, NoID, -1
	}
}

// noteLeft logs that the link has been ended, in the state that it was in.
func (m *Machine) noteLeft(was LinkState) {
	if was == LinkConnected {
		m.notice("Connection with master lost.")
		m.notice("Caching the disconnected master state.")
	}
}

// noOne makes a replica a master.
func (m *Machine) noOne(by string) {
	if !m.IsReplica() {
		return
	}
	m.becomeMaster()
	m.notice("MASTER MODE enabled (user request from '%s')", by)
}

// becomeMaster ends the link for good. Replicas come back and are told of the new
// history.
func (m *Machine) becomeMaster() {
	left := m.link.state
	m.hangup()
	m.do(RoleChanged{Replica: false})
	m.noteLeft(left)
	m.uncache()
	m.link = link{}
	m.shiftID()
	m.dropPeers()
	m.master.idleSince = m.now
}
