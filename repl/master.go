package repl

import "slices"

// PeerState is how far a replica of this server is.
type PeerState uint8

// The states, in the order in which a replica passes them.
const (
	PeerWaiting PeerState = iota // for a snapshot to be cut
	PeerTaking                   // it is being given one
	PeerLoading                  // it has all of it, and is to say so before the stream follows
	PeerOnline                   // it gets the stream
)

// String returns the state as INFO names it.
func (s PeerState) String() string {
	switch s {
	case PeerWaiting:
		return "wait_bgsave"
	case PeerTaking, PeerLoading:
		return "send_bulk"
	}
	return "online"
}

// keepaliveMs is the time between empty lines to replicas that wait.
const keepaliveMs = 1000

// Peer is a replica of this server.
type Peer struct {
	ID    PeerID
	Info  PeerInfo
	State PeerState
	// Ack is the offset that it has applied, Synced that on its disk, -1 if unknown.
	Ack, Synced int64
	AckMs       int64 // monotonic time of its last sign of life
	Old         bool  // it came by SYNC and acknowledges nothing

	since    int64 // when it began to wait
	snapshot uint64
	from     int64 // offset of its snapshot
	given    bool  // the snapshot is on its way
	eof      bool
}

// snapshot is one that replicas are given.
type snapshot struct {
	number uint64
	begun  bool
	offset int64
	filter string
}

// masterSide is the side of the machine towards replicas.
type masterSide struct {
	peers    []*Peer // in the order in which they came
	snap     *snapshot
	number   uint64 // of the last snapshot
	failedAt int64  // when the last one failed
	pinged   int64
	blank    int64 // when the last empty lines were sent
	// idleSince is when the last replica left, -1 while there is one or none ever was.
	idleSince int64

	fullSyncs, partialSyncs, partialErrs int64
}

func (s *masterSide) init() { s.idleSince = -1 }

func (s *masterSide) find(id PeerID) *Peer {
	for _, p := range s.peers {
		if p.ID == id {
			return p
		}
	}
	return nil
}

// Errors in reply to PSYNC.
const (
	errFailoverToMaster = "-ERR PSYNC FAILOVER can't be sent to a master."
	errFailoverID       = "-ERR PSYNC FAILOVER replid must match my replid."
	errFailingOver      = "-NOMASTERLINK Can't SYNC while failing over"
	errNoMasterLink     = "-NOMASTERLINK Can't SYNC while not connected with my master"
	errSnapshot         = "-ERR BGSAVE failed, replication can't continue"
)

// psync answers a replica that wants the stream.
func (m *Machine) psync(e Psync) {
	if m.master.find(e.Peer) != nil {
		return
	}
	refuse := func(text string) { m.do(Refuse{e.Peer, text + "\r\n"}) }
	if e.Failover {
		switch {
		case !m.IsReplica():
			refuse(errFailoverToMaster)
			return
		case e.ID != m.id:
			refuse(errFailoverID)
			return
		}
		m.notice("Failover request received for replid %s.", e.ID)
		m.becomeMaster()
		m.notice("MASTER MODE enabled (failover request from '%s')", e.Info.Client)
	}
	switch {
	case m.over.state == FailoverInProgress:
		refuse(errFailingOver)
		return
	case m.IsReplica() && m.link.state != LinkConnected:
		refuse(errNoMasterLink)
		return
	}
	p := &Peer{ID: e.Peer, Info: e.Info, Synced: -1, AckMs: m.now, Old: e.Old, since: m.now}
	m.notice("Replica %s asks for synchronization", p.Name())
	if !e.Old && m.partial(p, e) {
		return
	}
	m.full(p)
}

// partial continues the stream of a replica where it ends, if its history allows.
func (m *Machine) partial(p *Peer, e Psync) bool {
	if !m.inHistory(p, e) || !m.inReach(p, e) {
		if e.ID != "?" {
			m.master.partialErrs++
		}
		return false
	}
	m.master.partialSyncs++
	from := e.Offset - 1
	if p.Info.PSYNC2 {
		m.do(Reply{p.ID, "+CONTINUE " + m.id + "\r\n"})
	} else {
		m.do(Reply{p.ID, "+CONTINUE\r\n"})
	}
	m.notice("Partial resynchronization request from %s accepted. Sending %d bytes of backlog starting from offset %d.",
		p.Name(), m.view.End-from, e.Offset)
	m.add(p)
	m.online(p, from)
	return true
}

// inHistory reports whether a replica's stream is the beginning of this one.
func (m *Machine) inHistory(p *Peer, e Psync) bool {
	if e.ID == m.id || e.ID == m.id2 && e.Offset <= m.id2To {
		return true
	}
	switch {
	case e.ID == "?":
		m.notice("Full resync requested by replica %s", p.Name())
	case e.ID != m.id2:
		m.notice("Partial resynchronization not accepted: Replication ID mismatch (Replica asked for '%s', my replication IDs are '%s' and '%s')", e.ID, m.id, m.id2)
	default:
		m.notice("Partial resynchronization not accepted: Requested offset for second ID was %d, but I can reply up to %d", e.Offset, m.id2To)
	}
	return false
}

// inReach reports whether the rest of a replica's stream is there.
func (m *Machine) inReach(p *Peer, e Psync) bool {
	from := e.Offset - 1
	if m.kept && from >= m.view.Start && from <= m.view.End {
		return true
	}
	m.notice("Unable to partial resync with replica %s for lack of backlog (Replica request was: %d).", p.Name(), e.Offset)
	if from > m.view.End {
		m.warn("Warning: replica %s tried to PSYNC with an offset that is greater than the master replication offset.", p.Name())
	}
	return false
}

// full gives a replica everything.
func (m *Machine) full(p *Peer) {
	m.master.fullSyncs++
	p.eof = p.Info.EOF && m.cfg.DisklessSync
	p.State = PeerWaiting
	if len(m.master.peers) == 0 && !m.kept {
		m.freshID()
		m.notice("Replication backlog created, my new replication IDs are '%s' and '%s'", m.id, m.id2)
	}
	m.keep()
	m.add(p)
	switch s := m.master.snap; {
	case s == nil:
		if m.mayWait() {
			m.notice("Delay next BGSAVE for diskless SYNC")
			return
		}
		m.takeSnapshot()
	case s.filter != p.Info.Filter:
		m.notice("Can't attach the replica to the current BGSAVE. Waiting for next BGSAVE for SYNC")
	case s.begun:
		m.giveSnapshot(p)
	}
}

// add counts a replica.
func (m *Machine) add(p *Peer) {
	m.master.peers = append(m.master.peers, p)
	m.told = true
	m.master.idleSince = -1
}

// keep begins to record the stream.
func (m *Machine) keep() {
	if !m.kept {
		m.kept = true
		m.do(KeepStream{})
	}
}

// mayWait reports whether the next snapshot waits for more replicas.
func (m *Machine) mayWait() bool {
	if !m.cfg.DisklessSync || m.cfg.DisklessDelay == 0 {
		return false
	}
	waiting, oldest := 0, m.now
	for _, p := range m.master.peers {
		if p.State != PeerWaiting {
			continue
		}
		if !p.eof {
			return false
		}
		waiting++
		oldest = min(oldest, p.since)
	}
	return m.now-oldest < m.cfg.DisklessDelay && (m.cfg.DisklessMax == 0 || waiting < m.cfg.DisklessMax)
}

// takeSnapshot begins one for the replica that waits longest, and all that want the
// same.
func (m *Machine) takeSnapshot() {
	target := "disk"
	filter := ""
	for _, p := range m.master.peers {
		if p.State == PeerWaiting {
			filter = p.Info.Filter
			if p.eof {
				target = "replicas sockets"
			}
			break
		}
	}
	m.notice("Starting BGSAVE for SYNC with target: %s", target)
	m.master.number++
	m.master.snap = &snapshot{number: m.master.number, filter: filter}
	m.do(TakeSnapshot{m.master.number, filter})
}

func (m *Machine) snapshotBegun(e SnapshotBegun) {
	s := m.master.snap
	if s == nil || s.number != e.Snapshot {
		return
	}
	s.begun, s.offset = true, e.Offset
	for _, p := range m.master.peers {
		if p.State == PeerWaiting && p.Info.Filter == s.filter {
			m.giveSnapshot(p)
		}
	}
}

// giveSnapshot starts to send the snapshot to a replica. Only now its offset is known.
func (m *Machine) giveSnapshot(p *Peer) {
	s := m.master.snap
	p.State, p.snapshot, p.from = PeerTaking, s.number, s.offset
	if !p.Old {
		m.do(Reply{p.ID, fullResyncLine(m.id, s.offset)})
	}
	if p.eof {
		m.send(p)
	}
}

// send lets the snapshot go out. Without a mark its length comes first, so that it must
// be there as a whole.
func (m *Machine) send(p *Peer) {
	p.given = true
	m.do(GiveSnapshot{p.ID, p.snapshot, p.eof})
}

func (m *Machine) snapshotEnded(e SnapshotEnded) {
	s := m.master.snap
	if s == nil || s.number != e.Snapshot {
		return
	}
	if e.OK {
		for _, p := range m.master.peers {
			if p.State == PeerTaking && p.snapshot == s.number && !p.given {
				m.send(p)
			}
		}
		// Replicas that come later get another one, with less stream behind it.
		m.master.snap = nil
		m.do(FreeSnapshot{s.number})
		return
	}
	m.master.snap = nil
	m.do(FreeSnapshot{s.number})
	m.master.failedAt = m.now
	m.warn("SYNC failed. BGSAVE child returned an error")
	for _, p := range slices.Clone(m.master.peers) {
		if p.State == PeerTaking && p.snapshot == s.number || p.State == PeerWaiting && !s.begun && p.Info.Filter == s.filter {
			if p.State == PeerWaiting {
				m.do(Reply{p.ID, errSnapshot + "\r\n"})
			}
			m.drop(p)
		}
	}
}

func (m *Machine) payloadSent(id PeerID) {
	p := m.master.find(id)
	if p == nil || p.State != PeerTaking {
		return
	}
	p.AckMs = m.now
	switch {
	case p.Info.RDBOnly:
		m.notice("RDB transfer completed, rdb only replica (%s) should be disconnected asap", p.Name())
		p.State = PeerLoading
	case p.eof:
		m.notice("Streamed RDB transfer with replica %s succeeded (socket). Waiting for REPLCONF ACK from replica to enable streaming", p.Name())
		p.State = PeerLoading
	default:
		m.online(p, p.from)
		m.notice("Synchronization with replica %s succeeded", p.Name())
	}
}

// payloadStuck drops a replica that has stopped to take its snapshot.
func (m *Machine) payloadStuck(e PayloadStuck) {
	if p := m.master.find(e.Peer); p != nil && p.State == PeerTaking && m.now-e.SinceMs > m.cfg.Timeout {
		m.warn("Disconnecting timedout replica (full sync): %s", p.Name())
		m.drop(p)
	}
}

// online gives a replica the stream from an offset on.
func (m *Machine) online(p *Peer, from int64) {
	p.State = PeerOnline
	p.AckMs = m.now
	m.do(Stream{p.ID, from})
}

func (m *Machine) ack(e Ack) {
	p := m.master.find(e.Peer)
	if p == nil {
		return
	}
	p.AckMs = m.now
	p.Ack = max(p.Ack, e.Offset)
	p.Synced = max(p.Synced, e.Synced)
	m.do(AcksChanged{})
	if p.State == PeerLoading && !p.Info.RDBOnly {
		m.online(p, p.from)
		m.notice("Synchronization with replica %s succeeded", p.Name())
	}
	m.tickFailover()
}

func (m *Machine) alive(id PeerID) {
	if p := m.master.find(id); p != nil {
		p.AckMs = m.now
	}
}

func (m *Machine) peerGone(id PeerID) {
	p := m.master.find(id)
	if p == nil {
		return
	}
	m.notice("Connection with replica %s lost.", p.Name())
	m.forget(p)
}

// drop closes a replica's connection.
func (m *Machine) drop(p *Peer) {
	m.do(Drop{p.ID})
	m.notice("Connection with replica %s lost.", p.Name())
	m.forget(p)
}

// forget takes a replica off the list, and ends a snapshot that was only for it.
func (m *Machine) forget(p *Peer) {
	side := &m.master
	side.peers = slices.DeleteFunc(side.peers, func(other *Peer) bool { return other == p })
	if len(side.peers) == 0 {
		side.idleSince = m.now
	}
	if s := side.snap; s != nil && !m.wanted(s) {
		side.snap = nil
		m.do(StopSnapshot{s.number})
	}
}

// wanted reports whether a replica takes the snapshot, or waits for it.
func (m *Machine) wanted(s *snapshot) bool {
	for _, p := range m.master.peers {
		if p.State == PeerTaking && p.snapshot == s.number || p.State == PeerWaiting && p.Info.Filter == s.filter {
			return true
		}
	}
	return false
}

// dropPeers makes all replicas come back and ask again.
func (m *Machine) dropPeers() {
	side := &m.master
	for len(side.peers) > 0 {
		m.drop(side.peers[0])
	}
}

// askAcks asks replicas to acknowledge at once.
func (m *Machine) askAcks() {
	if !m.IsReplica() && len(m.master.peers) > 0 && m.over.state == FailoverNone && !m.atRest {
		m.do(Control{[]string{"REPLCONF", "GETACK", "*"}})
	}
}

// tickMaster does what is due for replicas.
func (m *Machine) tickMaster() {
	side := &m.master
	if m.now-side.pinged >= m.cfg.PingPeriod {
		side.pinged = m.now
		if !m.IsReplica() && len(side.peers) > 0 && m.over.state == FailoverNone && !m.atRest {
			m.do(Control{[]string{"ping"}})
		}
	}
	if m.now-side.blank >= keepaliveMs {
		side.blank = m.now
		for _, p := range side.peers {
			if p.State == PeerWaiting || p.State == PeerTaking && !p.given {
				m.do(Reply{p.ID, "\n"})
			}
		}
	}
	m.dropSilent()
	m.tickSnapshot()
	m.tickBacklog()
}

// dropSilent closes replicas that have not been heard of for too long.
func (m *Machine) dropSilent() {
	for _, p := range slices.Clone(m.master.peers) {
		if p.Old || m.now-p.AckMs <= m.cfg.Timeout {
			continue
		}
		switch {
		case p.State == PeerOnline:
			m.warn("Disconnecting timedout replica (streaming sync): %s", p.Name())
		case p.State == PeerLoading:
			m.warn("Disconnecting timedout replica (full sync): %s", p.Name())
		default:
			continue
		}
		m.drop(p)
	}
}

// tickSnapshot begins the snapshot that replicas wait for.
func (m *Machine) tickSnapshot() {
	side := &m.master
	if side.snap != nil || side.failedAt > 0 && m.now-side.failedAt < retryMs {
		return
	}
	for _, p := range side.peers {
		if p.State == PeerWaiting {
			if !m.mayWait() {
				m.takeSnapshot()
			}
			return
		}
	}
}

// tickBacklog ends the recording of the stream when no replica has been there for
// long. What is written from then on is in no stream, so the history ends, too.
func (m *Machine) tickBacklog() {
	side := &m.master
	if m.IsReplica() || !m.kept || side.idleSince < 0 || m.cfg.BacklogTTL == 0 || m.now-side.idleSince < m.cfg.BacklogTTL {
		return
	}
	m.freshID()
	m.kept = false
	m.do(ForgetStream{})
	m.notice("Replication backlog freed after %d seconds without connected replicas.", m.cfg.BacklogTTL/1000)
}
