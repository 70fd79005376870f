package repl

// View is what the driver knows of the stream when it calls the machine.
type View struct {
	// Start and End bound the stream in reach: bytes Start+1 to End.
	Start, End int64
	// Synced is the offset up to which the stream is on this server's disk, -1 without
	// an append only file.
	Synced int64
}

// PeerID names a connection on which a replica has asked for the stream.
type PeerID uint64

// PeerInfo is what a replica said of itself before it asked, by REPLCONF.
type PeerInfo struct {
	Addr    string // of its end of the connection: "ip:port"
	Client  string // the connection as CLIENT LIST tells it, for the log
	IP      string // where it is reached, the address of the connection if it did not say
	Port    int    // likewise, 0 if it did not say
	EOF     bool   // it can take a payload of unknown length
	PSYNC2  bool   // it knows that +CONTINUE may name another history
	RDBOnly bool   // it wants the snapshot and nothing else
	Filter  string // what of the snapshot it wants; snapshots of unlike filters differ
}

// Event is something that has happened. The types below are all there are.
type Event interface{ isEvent() }

// Events of a master.
type (
	// Psync: a connection asks for the stream. Old: by SYNC.
	Psync struct {
		Peer     PeerID
		Info     PeerInfo
		ID       string
		Offset   int64 // the byte wanted next, -1 without a history
		Failover bool
		Old      bool
	}
	// Ack: a replica tells how far it is. Synced is -1 if it did not say.
	Ack struct {
		Peer           PeerID
		Offset, Synced int64
	}
	// Alive: a replica shows by an empty line that it is there.
	Alive struct{ Peer PeerID }
	// PeerGone: its connection has ended.
	PeerGone struct{ Peer PeerID }
	// SnapshotBegun: the cut of a snapshot is made, at an offset.
	SnapshotBegun struct {
		Snapshot uint64
		Offset   int64
	}
	// SnapshotEnded: all of it is there for the replicas to take, or it failed.
	SnapshotEnded struct {
		Snapshot uint64
		OK       bool
	}
	// PayloadSent: a replica has been given all of its snapshot.
	PayloadSent struct{ Peer PeerID }
	// PayloadStuck: a replica has taken nothing of its snapshot since a monotonic time,
	// though there is more of it.
	PayloadStuck struct {
		Peer    PeerID
		SinceMs int64
	}
	// AskAcks: somebody waits for acknowledgements. At most once a turn.
	AskAcks struct{}
)

// Events of a replica.
type (
	// LinkUp: the connection to the master stands.
	LinkUp struct{}
	// LinkLine: a line has come from the master, without its end.
	LinkLine struct{ Line string }
	// LinkActive: bytes of the payload or of the stream have come.
	LinkActive struct{}
	// LinkDown: the connection is gone, or could not be made. Corrupt: what came on it
	// made no sense, so its offset cannot be trusted.
	LinkDown struct {
		Reason  string
		Corrupt bool
	}
	// Loaded: the payload has been loaded, or not. Kept counts the keys that were there
	// before it. When OK the new data are not in use yet.
	Loaded struct {
		OK         bool
		Reason     string
		Keys, Kept int64
	}
)

// Events from operators.
type (
	// ReplicaOf: REPLICAOF, or the configuration at the start (By is empty).
	ReplicaOf struct {
		Host string
		Port int
		By   string // describes the client
	}
	// NoOne: REPLICAOF NO ONE.
	NoOne struct{ By string }
	// Failover: FAILOVER, whose arguments CheckFailover has accepted. Port 0: to whichever
	// replica is first.
	Failover struct {
		Host      string
		Port      int
		Force     bool
		TimeoutMs int64 // 0: none
	}
	// AbortFailover: FAILOVER ABORT.
	AbortFailover struct{}
	// Ending: the server is about to end, or goes on after all. On: the stream comes to
	// rest, that of the master too.
	Ending struct{ On bool }
	// Configured: the configuration has changed.
	Configured struct{ Config Config }
)

func (Psync) isEvent()         {}
func (Ack) isEvent()           {}
func (Alive) isEvent()         {}
func (PeerGone) isEvent()      {}
func (SnapshotBegun) isEvent() {}
func (SnapshotEnded) isEvent() {}
func (PayloadSent) isEvent()   {}
func (PayloadStuck) isEvent()  {}
func (AskAcks) isEvent()       {}
func (LinkUp) isEvent()        {}
func (LinkLine) isEvent()      {}
func (LinkActive) isEvent()    {}
func (LinkDown) isEvent()      {}
func (Loaded) isEvent()        {}
func (ReplicaOf) isEvent()     {}
func (NoOne) isEvent()         {}
func (Failover) isEvent()      {}
func (AbortFailover) isEvent() {}
func (Configured) isEvent()    {}
func (Ending) isEvent()        {}
