package conncmd

import (
	"strconv"

	"kvorum/command"
	"kvorum/pubsub"
)

// ClientLine returns the line of CLIENT LIST of a session, without a line end.
// now is the wall time in milliseconds, buffers the memory of the connection's
// buffers in bytes. On the loop that owns the session.
func ClientLine(s *command.Session, now int64, buffers int) string {
	var f clientFacts
	f.take(s, buffers)
	return string(f.append(nil, now))
}

// clientFacts is what the line of a client tells. It is taken on the client's loop,
// which has others to serve; the line is made of it elsewhere.
type clientFacts struct {
	id           uint64
	peer         command.Peer // RemoteAddr only
	local        string
	fd           int
	name         string
	created      int64
	seen         int64
	flags        string
	db           int
	subs         [3]int // channels, patterns, shard channels
	queued       int
	queuedBytes  int
	in, free     int
	args         int
	out, chunks  int
	memory       int
	cmd          *command.Spec
	user         string
	redir        int64
	proto        uint8
	lib, version string
}

// ClientBytes is the memory of a client besides its buffers: session, parser,
// connection, place in the tables of its loop.
const ClientBytes = 768

// take fills in what is to be known of a session, with the bytes that its
// connection's buffers take. Clients share the buffers of their loop for what is read
// and answered at once, so figures about reply buffers are 0: what counts is kept input
// (argv-mem: complete arguments of an incomplete request, qbuf: the rest, qbuf-free: the
// room for more) and output that the socket did not take (oll, omem). The caller is on
// the session's loop.
//
// COMPAT: client-buffers: those of an event loop are nobody's.
func (f *clientFacts) take(s *command.Session, buffers int) {
	*f = clientFacts{
		id: s.ID, peer: s.Peer, fd: -1, name: s.Name, created: s.Created, seen: s.LastSeen,
		flags: flagLetters(s), db: s.DB.Index(), queued: -1, memory: ClientBytes + buffers + s.Bytes(),
		cmd: s.LastCmd, user: s.User, redir: redirect(s), proto: max(s.Proto, 2), lib: s.LibName, version: s.LibVer,
	}
	if p := s.Peer; p != nil {
		f.local, f.fd, f.in, f.free = p.LocalAddr(), p.FD(), p.InputBuffered(), p.InputRoom()
		f.out, f.chunks = p.PendingOut(), p.PendingChunks()
		f.args = min(s.Parser.Checked(), f.in)
		f.in -= f.args
	}
	if s.Txn != nil {
		f.queued, f.queuedBytes = len(s.Txn.Queue), s.Txn.Bytes
	}
	if s.Sub != nil {
		f.subs = [3]int{s.Sub.Count(pubsub.Channel), s.Sub.Count(pubsub.Pattern), s.Sub.Count(pubsub.Shard)}
	}
}

// append appends the line that CLIENT LIST and the log show, at now, Unix ms, without
// a line end. On any goroutine.
func (f *clientFacts) append(b []byte, now int64) []byte {
	number := func(name string, n int64) {
		b = strconv.AppendInt(append(b, name...), n, 10)
	}
	words := func(name, value string) { b = append(append(b, name...), value...) }

	addr := ""
	if f.peer != nil {
		addr = f.peer.RemoteAddr()
	}
	number("id=", int64(f.id))
	words(" addr=", addr)
	words(" laddr=", f.local)
	number(" fd=", int64(f.fd))
	words(" name=", f.name)
	number(" age=", max(now-f.created, 0)/1000)
	number(" idle=", max(now-f.seen, 0)/1000)
	words(" flags=", f.flags)
	number(" db=", int64(f.db))
	number(" sub=", int64(f.subs[0]))
	number(" psub=", int64(f.subs[1]))
	number(" ssub=", int64(f.subs[2]))
	number(" multi=", int64(f.queued))
	number(" qbuf=", int64(f.in))
	number(" qbuf-free=", int64(f.free))
	number(" argv-mem=", int64(f.args))
	number(" multi-mem=", int64(f.queuedBytes))
	number(" rbs=0 rbp=0 obl=0 oll=", int64(f.chunks))
	number(" omem=", int64(f.out))
	number(" tot-mem=", int64(f.memory))
	words(" events=", "r")
	if f.out > 0 {
		words("w", "")
	}
	cmd := "NULL"
	if f.cmd != nil {
		cmd = f.cmd.FullName()
	}
	words(" cmd=", cmd)
	words(" user=", f.user)
	number(" redir=", f.redir)
	number(" resp=", int64(f.proto))
	words(" lib-name=", f.lib)
	words(" lib-ver=", f.version)
	return b
}

// flagLetters returns the letters of a session's states, "N" for none.
func flagLetters(s *command.Session) string {
	letters := ""
	if s.Flags&command.Monitor != 0 {
		letters += "O"
	} else if s.Flags&command.Replica != 0 {
		letters += "S"
	}
	if s.Flags&command.MasterLink != 0 {
		letters += "M"
	}
	if s.Flags&command.Subscribed != 0 {
		letters += "P"
	}
	if s.Txn != nil {
		letters += "x"
	}
	if s.Flags&(command.Postponed|command.Blocked) != 0 {
		letters += "b"
	}
	if mode := trackMode(s); mode != nil {
		letters += "t"
		if s.Track.Broken() {
			letters += "R"
		}
		if mode.Bcast {
			letters += "B"
		}
	}
	if s.Watcher != nil && s.Watcher.Dirty() {
		letters += "d"
	}
	if s.Flags&command.CloseAfterReply != 0 {
		letters += "c"
	}
	if s.Peer != nil && s.Peer.Unix() {
		letters += "U"
	}
	if s.Flags&command.NoEvict != 0 {
		letters += "e"
	}
	if s.Flags&command.NoTouch != 0 {
		letters += "T"
	}
	if letters == "" {
		return "N"
	}
	return letters
}
