package command

import (
	"kvorum/keyspace"
	"kvorum/pubsub"
	"kvorum/resp"
	"kvorum/tracking"
)

// SessionFlags are the states of a client that CLIENT LIST shows or that change
// how it is served.
type SessionFlags uint32

// The session flags.
const (
	CloseAfterReply SessionFlags = 1 << iota // no further request is served
	Authenticated
	NoEvict
	NoTouch
	Internal // not a client: AOF, replica apply, tests

	Postponed     // its next request waits for the end of CLIENT PAUSE, or of a long command: Ticket
	ReplyOff      // CLIENT REPLY OFF
	ReplySkip     // CLIENT REPLY SKIP: the running request is not answered
	ReplySkipNext // the next one is not
	Monitor       // gets all commands, as MONITOR says
	InExec        // EXEC runs its transaction: nothing may block
	Blocked       // its request waits for keys
	Subscribed    // to channels or patterns
	Tracking      // caches: see Track
	Caching       // CLIENT CACHING was said of the next command
	Pushed        // Session.Pushes is not empty
	Replica       // gets the stream of effects: a replica, or one that wants to be
	MasterLink    // the master's stream is executed in its name
	AckAsked      // the master has asked for an acknowledgement
)

// Unordinary are the flags that matter once a request has been dealt with.
const Unordinary = CloseAfterReply | Postponed | Blocked | ReplyOff | ReplySkip | ReplySkipNext | GetsPushes | Caching

// GetsPushes are the flags of sessions that get more than replies: what has come
// for them is sent behind the reply to each of their requests.
const GetsPushes = Subscribed | Tracking | Pushed

// Muted reports whether the session gets no reply to the running request.
func (s *Session) Muted() bool { return s.Flags&(ReplyOff|ReplySkip) != 0 }

// Halted reports whether the session serves no further request until the last one is
// done, in a Task or after waiting for keys, or none at all any more.
func (s *Session) Halted() bool {
	return s.Task != nil || s.Flags&(CloseAfterReply|Blocked) != 0
}

// Answered ends a request, answered or not: what CLIENT REPLY SKIP said of it
// is done with.
func (s *Session) Answered() {
	s.Flags &^= ReplySkip
	if s.Flags&ReplySkipNext != 0 {
		s.Flags ^= ReplySkip | ReplySkipNext
	}
}

// Session is what the server knows of one client. It is touched only by the
// goroutine that executes for it, and by an exclusive one.
type Session struct {
	ID       uint64
	DB       *keyspace.DB
	Parser   resp.Parser
	Proto    uint8 // 2 or 3
	Flags    SessionFlags
	Name     string
	LibName  string
	LibVer   string
	User     string // "default" unless ACL says otherwise
	LastCmd  *Spec
	Created  int64 // Unix ms
	LastSeen int64 // Unix ms of the last request
	NetIn    uint64
	NetOut   uint64
	Commands uint64
	Watcher  *keyspace.Watcher  // nil until the first WATCH
	Peer     Peer               // nil for internal sessions
	Txn      *Txn               // between MULTI and EXEC
	Wait     *Waiter            // while Blocked
	Acks     *AckWait           // what WAIT or WAITAOF waits for
	Replica  ReplicaInfo        // what REPLCONF told
	Inbox    *pubsub.Inbox      // of its loop; nil: the session gets nothing but replies
	Sub      *pubsub.Subscriber // nil until the first subscription
	Track    *tracking.Client   // what it caches; nil for sessions of no client
	// Pushes are messages that have come amid a request and belong behind its reply.
	Pushes []byte
	Task   Task // set when a command goes on off the loop
	// Ticket is set when the next request waits for keys that are pinned.
	Ticket *keyspace.Ticket
	// Abandon tells a long command of the session that nobody waits for its reply.
	Abandon func()
	// Unfinished is the command of Task, for the engine's counts.
	Unfinished *Unfinished
}

// ReplicaInfo is what a replica says of itself before it asks for the stream.
type ReplicaInfo struct {
	Port      int    // that it listens on, 0 if it did not say
	IP        string // where it is reached, "" likewise
	EOF       bool   // it can take a snapshot of unknown size
	PSYNC2    bool   // it knows of histories that change their name
	RDBOnly   bool   // it wants a snapshot only
	Filtered  bool   // and not all of that
	Functions bool   // but the functions, when filtered
}

// Unfinished is what is known of a command when its handler has left the rest to
// a Task.
type Unfinished struct {
	Spec  *Spec
	Args  [][]byte // copies
	Ticks int64    // that the handler took

	Hits, Misses uint64 // look-ups of the Task
}

// Looked counts a look-up of a Task, by the Task.
func (u *Unfinished) Looked(found bool) {
	if found {
		u.Hits++
	} else {
		u.Misses++
	}
}

// TakePushes returns and forgets what has come amid a request. It is borrowed until
// the next request.
func (s *Session) TakePushes() []byte {
	b := s.Pushes
	s.Flags &^= Pushed
	if s.Pushes = b[:0]; cap(b) > pushesKept {
		s.Pushes = nil
	}
	return b
}

// pushesKept bounds the room for pushes that a session keeps.
const pushesKept = 4 << 10

// Peer is the connection of a session, as far as commands may ask about it.
type Peer interface {
	RemoteAddr() string // on any goroutine; all others on the client's loop
	LocalAddr() string
	FD() int
	InputBuffered() int
	InputRoom() int // free bytes behind it
	PendingOut() int
	PendingChunks() int // pieces of it
	Unix() bool
	Owner() any // whose the connection is: what the server keeps of its client
}

// Bytes returns about the memory of what the session keeps: its transaction and
// what it watches.
func (s *Session) Bytes() (n int) {
	if s.Txn != nil {
		n += s.Txn.Bytes
	}
	if s.Watcher != nil {
		n += s.Watcher.Bytes()
	}
	if s.Sub != nil {
		n += s.Sub.Bytes()
	}
	if s.Flags&Tracking != 0 {
		n += s.Track.Mode().Bytes()
	}
	return n
}
