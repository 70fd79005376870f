package command

import (
	"kvorum/keyspace"
	"kvorum/resp"
)

// SessionFlags are the states of a client that CLIENT LIST shows or that change
// how it is served.
type SessionFlags uint16

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
)

// Unordinary are the flags that matter once a request has been dealt with.
const Unordinary = CloseAfterReply | Postponed | Blocked | ReplyOff | ReplySkip | ReplySkipNext

// Muted reports whether the session gets no reply to the running request.
func (s *Session) Muted() bool { return s.Flags&(ReplyOff|ReplySkip) != 0 }

// Halted reports whether the session serves no further request for now, or ever:
// the last one goes on in a Task, or waits for keys, or nothing comes after it.
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
	Watcher  *keyspace.Watcher // nil until the first WATCH
	Peer     Peer              // nil for internal sessions
	Txn      *Txn              // between MULTI and EXEC
	Wait     *Waiter           // while Blocked
	Task     Task              // set when a command goes on off the loop
	// Ticket is set when the next request waits for keys that are pinned.
	Ticket *keyspace.Ticket
	// Abandon tells a long command of the session that nobody waits for its reply.
	Abandon func()
	// Unfinished is the command of Task, for the engine's counts.
	Unfinished *Unfinished
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

// Peer is the connection of a session, as far as commands may ask about it.
type Peer interface {
	RemoteAddr() string
	LocalAddr() string
	FD() int
	InputBuffered() int
	PendingOut() int
	Unix() bool
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
	return n
}
