package repl

import (
	"fmt"

	"kvorum/logx"
)

// Action is something for the driver to do. The types below are all there are.
type Action interface{ isAction() }

// Actions of a master.
type (
	// Reply writes text to a replica, at once and before anything else for it.
	Reply struct {
		Peer PeerID
		Text string
	}
	// Refuse writes an error to a connection that has asked for the stream: it is no
	// replica's, and PeerGone does not follow.
	Refuse struct {
		Peer PeerID
		Text string
	}
	// Stream gives a replica the stream from an offset on, until it is gone.
	Stream struct {
		Peer PeerID
		From int64
	}
	// Drop closes a replica's connection after what is on its way; PeerGone does not
	// follow.
	Drop struct{ Peer PeerID }
	// TakeSnapshot makes a snapshot for replicas; SnapshotBegun follows with its offset,
	// and SnapshotEnded, or only the latter if it fails. The stream from that offset on
	// stays in reach as long as a replica takes the snapshot.
	TakeSnapshot struct {
		Snapshot uint64
		Filter   string
	}
	// GiveSnapshot sends it to a replica, also while it is being made; with EOF framed
	// by a mark, else with its length in front. PayloadSent follows.
	GiveSnapshot struct {
		Peer     PeerID
		Snapshot uint64
		EOF      bool
	}
	// StopSnapshot ends one that nobody wants any more.
	StopSnapshot struct{ Snapshot uint64 }
	// FreeSnapshot says that no further replica will take one that has ended.
	FreeSnapshot struct{ Snapshot uint64 }
	// Control adds a command to the stream that concerns no data.
	Control struct{ Command []string }
	// AcksChanged says that a replica has acknowledged more of the stream, or is gone.
	AcksChanged struct{}
	// KeepStream begins to record the stream, with its end kept in memory.
	KeepStream struct{}
	// ForgetStream ends that.
	ForgetStream struct{}
)

// Actions of a replica.
type (
	// Dial connects to the master; LinkUp or LinkDown follows.
	Dial struct {
		Host string
		Port int
	}
	// Send writes a request to the master, inline if it has a single word SYNC.
	Send struct{ Args []string }
	// Hangup closes the connection; LinkDown does not follow. What was received and not
	// loaded is thrown away.
	Hangup struct{}
	// Receive takes a payload: Size bytes, or up to Mark if that is not empty. Loaded
	// follows.
	Receive struct {
		Size int64
		Mark string
	}
	// Adopt brings the loaded data into use, as the state of the history at an offset:
	// the stream in reach begins there.
	Adopt struct{ Offset int64 }
	// Discard throws the loaded data away.
	Discard struct{}
	// Apply applies the stream from its end on as it comes, until Hangup or LinkDown.
	Apply struct{}
)

// Actions of both.
type (
	// Log writes a line to the log.
	Log struct {
		Level logx.Level
		Text  string
	}
	// PauseWrites keeps clients from changing data, and keys from expiring.
	PauseWrites struct{}
	// ResumeWrites ends that.
	ResumeWrites struct{}
	// RoleChanged says which role the server has from now on, and that blocked clients
	// cannot go on waiting when it is a replica now.
	RoleChanged struct{ Replica bool }
)

func (Reply) isAction()        {}
func (Refuse) isAction()       {}
func (Stream) isAction()       {}
func (Drop) isAction()         {}
func (TakeSnapshot) isAction() {}
func (GiveSnapshot) isAction() {}
func (StopSnapshot) isAction() {}
func (FreeSnapshot) isAction() {}
func (Control) isAction()      {}
func (AcksChanged) isAction()  {}
func (KeepStream) isAction()   {}
func (ForgetStream) isAction() {}
func (Dial) isAction()         {}
func (Send) isAction()         {}
func (Hangup) isAction()       {}
func (Receive) isAction()      {}
func (Adopt) isAction()        {}
func (Discard) isAction()      {}
func (Apply) isAction()        {}
func (Log) isAction()          {}
func (PauseWrites) isAction()  {}
func (ResumeWrites) isAction() {}
func (RoleChanged) isAction()  {}

func (m *Machine) do(a Action) { m.out = append(m.out, a) }

func (m *Machine) notice(format string, args ...any) {
	m.do(Log{logx.LevelNotice, fmt.Sprintf(format, args...)})
}

func (m *Machine) warn(format string, args ...any) {
	m.do(Log{logx.LevelWarning, fmt.Sprintf(format, args...)})
}
