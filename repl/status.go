package repl

import (
	"fmt"
	"strconv"
	"strings"
)

// What INFO, ROLE and WAIT are told. None of it changes the machine.

// History returns the names of the data's history: the one in force, the one before
// (NoID if there is none) and the offset up to which that is good (-1).
func (m *Machine) History() (id, id2 string, id2To int64) { return m.id, m.id2, m.id2To }

// Saved returns the history of which the data are a state at the end of the stream, ""
// if they are not known to be.
func (m *Machine) Saved() string {
	if !m.kept || m.IsReplica() && !m.link.cached {
		return ""
	}
	return m.id
}

// Kept reports whether the stream is recorded for replicas.
func (m *Machine) Kept() bool { return m.kept }

// Peers returns the replicas, in the order in which they came. They are borrowed until
// the next call that changes the machine.
func (m *Machine) Peers() []*Peer { return m.master.peers }

// Syncs returns how often replicas were given everything, the rest of the stream, and
// were refused the latter.
func (m *Machine) Syncs() (full, partial, refused int64) {
	return m.master.fullSyncs, m.master.partialSyncs, m.master.partialErrs
}

// ResetSyncs counts them anew.
func (m *Machine) ResetSyncs() {
	m.master.fullSyncs, m.master.partialSyncs, m.master.partialErrs = 0, 0, 0
}

// Link is the state of the link to the master.
type Link struct {
	Host      string
	Port      int
	State     LinkState
	HeardMs   int64  // monotonic time of the last sign of life
	DownSince int64  // monotonic time since which it is down, 0 if it never was up
	Reason    string // of the last failure
	Offset    int64  // of the payload that is being received
	Known     bool   // the data are a state of a history
	upSince   int64  // monotonic time
	downMs    int64  // before DownSince
	Attempts  int    // to get it up, since it was last lost
	Dialed    int    // attempts since there is this master
}

// Link returns the state of the link to the master.
func (m *Machine) Link() Link {
	l := &m.link
	state := l.state
	if l.adopting {
		state = LinkTransfer
	}
	return Link{
		Host: l.host, Port: l.port, State: state, HeardMs: l.heard, DownSince: l.downSince, Reason: l.reason, Offset: l.offset,
		Known: l.own || l.cached || l.state == LinkConnected, upSince: l.upSince, downMs: l.downMs, Attempts: l.attempts, Dialed: l.dialed,
	}
}

// UpMs returns for how long the link has been up.
func (l *Link) UpMs(nowMs int64) int64 {
	if l.State != LinkConnected {
		return 0
	}
	return max(nowMs-l.upSince, 0)
}

// DownMs returns for how long it was down in all, after it had been up.
func (l *Link) DownMs(nowMs int64) int64 {
	if l.State == LinkConnected || l.DownSince == 0 {
		return l.downMs
	}
	return l.downMs + max(nowMs-l.DownSince, 0)
}

// Good returns the number of replicas that are online and were heard of lately.
func (m *Machine) Good(nowMs int64) (n int) {
	for _, p := range m.master.peers {
		if p.State == PeerOnline && nowMs-p.AckMs <= m.cfg.MaxLag {
			n++
		}
	}
	return n
}

// Acked returns how many replicas have applied the stream up to an offset, and how many
// have that on their disk.
func (m *Machine) Acked(offset int64) (applied, synced int) {
	for _, p := range m.master.peers {
		if p.State != PeerOnline {
			continue
		}
		if p.Ack >= offset {
			applied++
		}
		if p.Synced >= offset {
			synced++
		}
	}
	return applied, synced
}

// Address returns where a replica is reached, as far as it is known: the address that it
// announced, or that of its connection.
func (p *Peer) Address() (ip string, port int) {
	if p.Info.IP != "" {
		return p.Info.IP, p.Info.Port
	}
	ip = p.Info.Addr
	if colon := strings.LastIndexByte(ip, ':'); colon >= 0 {
		ip = strings.Trim(ip[:colon], "[]")
	}
	return ip, p.Info.Port
}

// Name is how log lines call a replica.
func (p *Peer) Name() string {
	ip, port := p.Address()
	if port == 0 {
		return ip + ":<unknown-replica-port>"
	}
	return ip + ":" + strconv.Itoa(port)
}

func fullResyncLine(id string, offset int64) string {
	return fmt.Sprintf("+FULLRESYNC %s %d\r\n", id, offset)
}
