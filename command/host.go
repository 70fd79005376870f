package command

import (
	"kvorum/config"
	"kvorum/hist"
	"kvorum/resp"
)

// RedisVersion is the version of Redis that kvorum stands for.
const RedisVersion = "7.2.4"

// Host is what the rare commands ask of the server around the engine.
//
// Its methods are called in two places, and each says in which it may be. A
// handler runs in a batch, perhaps with shards locked: what it calls returns
// soon and never waits for the gate or another loop. A Task runs alone on a
// goroutine: what it calls may wait. Tests use a small implementation of it.
type Host interface {
	ClientHost
	ConfigHost
	ReportHost
	ReplicationHost
	SaveHost

	// Table returns the table of all commands. Anywhere.
	Table() *Table
	// NowUs returns the wall time in microseconds since the epoch. Anywhere.
	NowUs() int64
	// Sleep blocks the caller for microseconds. In a Task, or in an exclusive
	// handler that means to stop the world.
	Sleep(us int64)
	// Log writes a line at the level warning. Anywhere.
	Log(text string)
	// SetActiveExpire turns the background removal of expired keys on or off.
	// Anywhere.
	SetActiveExpire(on bool)
	// Shutdown makes the server end soon; flags are bits config.Shutdown... . It
	// returns false when the server goes on, and has logged why. Outside of batches.
	Shutdown(flags int64) bool
	// AbortShutdown calls a shutdown off that waits for replicas, and reports whether
	// there was one. Anywhere.
	AbortShutdown() bool
	// RewriteAOF begins to rewrite the append-only log, or later if later is true or
	// something is in the way. It returns the reply. In a Task only, but with later
	// anywhere.
	RewriteAOF(later bool) (reply string)
	// LoadAOF replaces all data by those of the append-only log, and reports whether
	// that worked. In a Task only.
	LoadAOF() bool
	// SlowAOF makes the log wait for microseconds before each write. Anywhere.
	SlowAOF(us int64)
	// Segfault touches memory that is not there. It does not return. Anywhere.
	Segfault()
}

// ClientHost is the part of Host about clients.
type ClientHost interface {
	// PasswordSet reports whether clients have to authenticate. Anywhere.
	PasswordSet() bool
	// Login reports whether a name and a password belong together. Anywhere.
	Login(user, password []byte) bool
	// EachClient calls visit for the session of every client, each on the loop
	// that owns it, one at a time and in no order. In a Task only. Clients that
	// come or go meanwhile may be missed.
	EachClient(visit func(*Session))
	// Unblock ends the wait of a client whose request waits for keys, as if its time
	// were over or with an error, and reports whether it waited. In visit of
	// EachClient.
	Unblock(s *Session, asError bool) bool
	// CloseFlooded ends the connection of a session whose reply has become longer than
	// its output may be, size bytes so far, and reports whether it did. By the handler
	// of the session.
	CloseFlooded(s *Session, size int) bool
	// CloseClient ends the connection of another client. In visit of EachClient.
	CloseClient(s *Session)
	// BufferBytes returns the memory of a session's connection buffers. By the
	// handler of the session, or in visit of EachClient.
	BufferBytes(s *Session) int
	// PauseClients postpones the commands of clients that write, or all commands,
	// until a Unix time in ms, or longer if a pause that lasts longer or that
	// postpones more is in force. Exclusive handlers only.
	PauseClients(all bool, untilMs, nowMs int64)
	// UnpauseClients ends the pause. By handlers.
	UnpauseClients()
	// StartMonitor has all commands that are executed from now on told to a client.
	// Exclusive handlers only.
	StartMonitor(s *Session)
	// StopMonitor ends that and returns what has been told and not been sent yet.
	// By the handler of the session.
	StopMonitor(s *Session) []byte
}

// ConfigHost is the part of Host about the configuration. Its methods take a
// lock that no caller holds while it waits for the gate.
type ConfigHost interface {
	// ConfigGet returns the directives that match any pattern. Anywhere.
	ConfigGet(patterns []string) []config.Pair
	// ConfigSet changes directives, all or none, for a client. The error's text
	// is the reply. Anywhere.
	ConfigSet(pairs [][2]string, s *Session) error
	// ConfigRewrite writes the configuration file, with a line for every
	// directive if all is true. The error's text is the reply. In a Task only.
	ConfigRewrite(all bool) error
	// DebugAllowed reports whether a client may use DEBUG. Anywhere.
	DebugAllowed(s *Session) bool
}

// SaveHost is the part of Host about the data on disk.
type SaveHost interface {
	// Save writes all data to the RDB file. The error's text is the reply. In a Task
	// only.
	Save() error
	// BackgroundSave begins a save that goes on beside the commands. With schedule it
	// is put off if it cannot begin now. The error's text is the reply. While the world
	// stands still.
	BackgroundSave(schedule bool) (scheduled bool, err error)
	// CancelSave ends such a save, or one that was put off. Anywhere.
	CancelSave() (scheduled bool, err error)
	// Emptied is told that FLUSHALL has removed all data: a save in the background ends.
	// It returns what is to be done in a Task before the reply, or nil: with save points
	// all data on disk go, too. Exclusive handlers only.
	Emptied() (save func())
	// LastSave returns the Unix time of the last save that worked. Anywhere.
	LastSave() int64
	// Reload saves, empties the databases and loads the file, each if it is asked to
	// but for the last; with merge keys of the file replace those that are there. The
	// error's text is the reply. Exclusive handlers only.
	Reload(save, flush, merge bool) error
	// SkipChecksums has check sums of files and payloads not looked at. Anywhere.
	SkipChecksums(on bool)
}

// ReportHost is the part of Host about what has happened.
type ReportHost interface {
	// Info returns the text of INFO: of the sections that want accepts. In a
	// Task only.
	Info(want InfoFilter) string
	// Memory returns what the memory of the process is used for. In a Task only.
	Memory() Memory
	// PurgeMemory returns free memory to the system. In a Task only.
	PurgeMemory()
	// ResetStats zeroes what CONFIG RESETSTAT zeroes. Exclusive handlers only.
	ResetStats()
	// Latencies returns, by Spec.ID, the histogram of the durations in
	// nanoseconds of each command, nil for one that was not called. The caller
	// owns them. In a Task only.
	Latencies() []*hist.Histogram
	// Slowlog returns up to count entries of the slow log, the newest first.
	// Anywhere.
	Slowlog(count int) []SlowEntry
	// SlowlogLen returns the number of entries of the slow log. Anywhere.
	SlowlogLen() int
	// SlowlogReset empties the slow log. Anywhere.
	SlowlogReset()
	// LatencyEvents returns the history of the latency monitor by name of the
	// event. Anywhere.
	LatencyEvents() []LatencyEvent
	// LatencyReset forgets the named events, all without names, and returns how
	// many it knew. Anywhere.
	LatencyReset(events ...string) int
	// StartSec returns the Unix time at which the server started. Anywhere.
	StartSec() int64
	// ChangeReplID gives the history of the data a new replication ID. Anywhere.
	ChangeReplID()
	// PauseCron stops or goes on with the periodic work of the server. Anywhere.
	PauseCron(on bool)
}

// ReplicationHost is the part of Host about masters and replicas.
type ReplicationHost interface {
	// AskStream makes a client a replica: what it asks for is answered later, outside of
	// the order of replies. By the handler of the session.
	AskStream(s *Session, r StreamRequest)
	// ReplicaAck takes how far a replica has applied the stream, and how much of it is on
	// its disk, -1 if it did not say. By the handler of the session.
	ReplicaAck(s *Session, offset, synced int64)
	// ReplicaOf makes the server a replica, or a master when host is empty, and returns
	// the reply, without the byte that makes it a status. In a Task only.
	ReplicaOf(host string, port int, by *Session) string
	// Failover begins or ends a coordinated failover, and returns why it cannot, "" if it
	// can. In a Task only.
	Failover(r FailoverRequest) string
	// Role returns what ROLE replies. Anywhere.
	Role() Role
	// IsReplica reports whether the data are a master's. Anywhere.
	IsReplica() bool
	// LogsEffects reports whether effects go to an append only file. Anywhere.
	LogsEffects() bool
	// StreamEnd returns an offset of the stream that is not before any effect of the
	// client. By the handler of the session.
	StreamEnd(s *Session) int64
	// Acked returns how often the stream up to an offset is on this server's disk (0 or
	// 1), and on how many replicas it is, on their disks if onDisk is true. Anywhere.
	Acked(offset int64, onDisk bool) (local, replicas int64)
}

// ErrWaitsForNoLog is the error of WAITAOF when it is to wait for a log that is off.
const ErrWaitsForNoLog = "-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled."

// AckWait is what WAIT and WAITAOF wait for.
type AckWait struct {
	Offset          int64 // of the stream
	Local, Replicas int64
	OnDisk          bool // WAITAOF
}

// Reply writes what they reply.
func (a *AckWait) Reply(w *resp.Writer, local, replicas int64) {
	if a.OnDisk {
		w.Array(2)
		w.Int(local)
	}
	w.Int(replicas)
}

// StreamRequest is what SYNC and PSYNC ask for.
type StreamRequest struct {
	ID       string // of the history
	Offset   int64  // the byte wanted next
	Failover bool   // the server is to take over
	Old      bool   // SYNC
}

// FailoverRequest holds the arguments of FAILOVER.
type FailoverRequest struct {
	Host      string // "": any replica
	Port      int
	Force     bool
	Abort     bool
	TimeoutMs int64 // 0: none
}

// Role is a server's part in replication.
type Role struct {
	Replica  bool
	Offset   int64         // of the stream; of a replica that has never had any -1
	Replicas []ReplicaRole // of a master, those online
	Host     string        // of the master
	Port     int
	State    string // of the link to it
}

// ReplicaRole is a replica as its master knows it.
type ReplicaRole struct {
	IP     string
	Port   int
	Offset int64 // that it has acknowledged
}

// InfoFilter says whether INFO is to show a section: its name in lower case,
// whether INFO shows it unasked, and whether it wants to be named, so that "all"
// is not enough.
type InfoFilter func(section string, byDefault, named bool) bool

// Memory are figures of the memory of the process, in bytes.
type Memory struct {
	Used        int64 // used_memory
	Peak        int64 // its largest value so far
	Startup     int64 // its value after the start
	Clients     int64 // sessions and buffers of all clients that are no replicas
	Replicas    int64 // the same of replicas, and what waits for them of the stream
	Backlog     int64 // of replication
	ClientCount int64
	Allocated   int64 // live blocks
	Active      int64 // pages that live blocks lie in
	Resident    int64 // the same, and free pages not yet returned to the system
	AOFBuffer   int64 // of the log, waiting for the disk
	Process     int64 // resident size of the process, 0 where it is not known
}

// SlowEntry is a line of the slow log. It is never changed.
type SlowEntry struct {
	ID       int64
	UnixSec  int64
	Usec     int64 // duration
	Args     []string
	Addr     string // of the client
	ConnName string
	// WaitUsec is the time from when the event loop heard of the client to the
	// start of the command: it was busy with other clients and with earlier
	// requests of this one.
	WaitUsec int64
}

// LatencyEvent is the history of one event of the latency monitor.
type LatencyEvent struct {
	Name    string
	MaxMs   int64           // since the event was first seen or reset
	Samples []LatencySample // the oldest first, at most one for a second
}

// LatencySample is the largest latency of a second.
type LatencySample struct{ UnixSec, Ms int64 }
