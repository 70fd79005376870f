package repl

// A coordinated failover: writes pause until a replica has the whole stream, then the
// two change places.

// FailoverState is how far one is.
type FailoverState uint8

// The states.
const (
	FailoverNone       FailoverState = iota
	FailoverWaiting                  // for a replica to have the whole stream
	FailoverInProgress               // the replica is asked to take over
)

// String returns the state as INFO names it.
func (s FailoverState) String() string {
	switch s {
	case FailoverWaiting:
		return "waiting-for-sync"
	case FailoverInProgress:
		return "failover-in-progress"
	}
	return "no-failover"
}

type failover struct {
	state    FailoverState
	host     string // empty: any replica
	port     int
	force    bool
	deadline int64 // monotonic ms, 0: none
}

// FailoverState returns how far a failover is.
func (m *Machine) FailoverState() FailoverState { return m.over.state }

// CheckFailover returns why FAILOVER cannot begin, "" if it can. It is the text of the
// reply, behind "-ERR ".
func (m *Machine) CheckFailover(f Failover) string {
	switch {
	case m.over.state != FailoverNone:
		return "FAILOVER already in progress."
	case m.IsReplica():
		return "FAILOVER is not valid when server is a replica."
	case len(m.master.peers) == 0:
		return "FAILOVER requires connected replicas."
	case f.Force && (f.TimeoutMs == 0 || f.Host == ""):
		return "FAILOVER with force option requires both a timeout and target HOST and IP."
	case f.Host == "":
		return ""
	}
	p := m.at(f.Host, f.Port)
	switch {
	case p == nil:
		return "FAILOVER target HOST and PORT is not a replica."
	case p.State != PeerOnline:
		return "FAILOVER target replica is not online."
	}
	return ""
}

// at returns the replica at an address.
func (m *Machine) at(host string, port int) *Peer {
	for _, p := range m.master.peers {
		if ip, at := p.Address(); ip == host && at == port {
			return p
		}
	}
	return nil
}

func (m *Machine) beginFailover(f Failover) {
	if f.Host != "" {
		m.notice("FAILOVER requested to %s:%d.", f.Host, f.Port)
	} else {
		m.notice("FAILOVER requested.")
	}
	m.over = failover{state: FailoverWaiting, host: f.Host, port: f.Port, force: f.Force}
	if f.TimeoutMs > 0 {
		m.over.deadline = m.now + f.TimeoutMs
	}
	m.do(PauseWrites{})
	m.do(Control{[]string{"REPLCONF", "GETACK", "*"}})
}

// tickFailover looks whether the replicas are ready, or the time is over.
func (m *Machine) tickFailover() {
	o := &m.over
	if o.state != FailoverWaiting {
		return
	}
	if o.deadline > 0 && m.now >= o.deadline {
		if !o.force {
			m.abortFailover("Replica never caught up before timeout")
			return
		}
		m.notice("Failover to %s:%d time out exceeded, failing over.", o.host, o.port)
		m.handOver(o.host, o.port)
		return
	}
	for _, p := range m.master.peers {
		ip, port := p.Address()
		if p.State == PeerOnline && p.Ack >= m.view.End && (o.host == "" || ip == o.host && port == o.port) {
			m.notice("Failover target %s:%d is synced, failing over.", ip, port)
			m.handOver(ip, port)
			return
		}
	}
}

// handOver makes this server the replica of the one that is to take over.
func (m *Machine) handOver(host string, port int) {
	m.over.state = FailoverInProgress
	m.over.host, m.over.port = host, port
	m.becomeReplica(host, port)
	m.connect()
}

// endFailover: the other one has taken over.
func (m *Machine) endFailover() {
	if m.over.state == FailoverNone {
		return
	}
	m.over = failover{}
	m.do(ResumeWrites{})
}

// failoverRefused: it has not.
func (m *Machine) failoverRefused(line string) {
	m.warn("Failover target rejected psync request: %s", line)
	m.revert()
}

// AbortError returns why FAILOVER ABORT has nothing to end, "" if it has.
func (m *Machine) AbortError() string {
	if m.over.state == FailoverNone {
		return "No failover in progress."
	}
	return ""
}

func (m *Machine) abortFailover(why string) {
	if m.over.state == FailoverNone {
		return
	}
	if m.over.host != "" {
		m.notice("FAILOVER to %s:%d aborted: %s", m.over.host, m.over.port, why)
	} else {
		m.notice("FAILOVER aborted: %s", why)
	}
	m.revert()
}

// revert makes this server the master that it was.
func (m *Machine) revert() {
	was := m.over.state
	m.over = failover{}
	if was == FailoverInProgress {
		m.hangup()
		m.link = link{}
		m.do(RoleChanged{Replica: false})
	}
	m.do(ResumeWrites{})
}
