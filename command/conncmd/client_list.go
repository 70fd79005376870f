package conncmd

import (
	"sort"
	"strconv"

	"kvorum/command"
	"kvorum/num"
	"kvorum/pubsub"
	"kvorum/resp"
)

var clientInfoSpec = &command.Spec{
	Name: "info", Since: "6.2.0", Group: "connection", Complexity: "O(1)",
	Summary: "Describes the connection in one line.",
	Arity:   2, Flags: command.NoScript | command.Loading | command.Stale, Categories: command.CatConnection,
	Tips:    []string{"nondeterministic_output"},
	Handler: clientInfo,
}

var clientListSpec = &command.Spec{
	Name: "list", Since: "2.4.0", Group: "connection", Complexity: "O(N) where N is the number of client connections",
	Summary: "Describes connections, one line each.",
	Arity:   -2, Flags: command.Admin | command.NoScript | command.Loading | command.Stale, Categories: command.CatConnection,
	Tips: []string{"nondeterministic_output"},
	History: []command.Change{
		{Since: "2.8.12", Text: "Added unique client `id` field."},
		{Since: "5.0.0", Text: "Added optional `TYPE` filter."},
		{Since: "6.0.0", Text: "Added `user` field."},
		{Since: "6.2.0", Text: "Added `argv-mem`, `tot-mem`, `laddr` and `redir` fields and the optional `ID` filter."},
		{Since: "7.0.0", Text: "Added `resp`, `multi-mem`, `rbs` and `rbp` fields."},
		{Since: "7.0.3", Text: "Added `ssub` field."},
	},
	Args: []command.Arg{
		{Name: "client-type", Type: "oneof", Token: "TYPE", Since: "5.0.0", Optional: true, Args: []command.Arg{
			{Name: "normal", Type: "pure-token", Token: "NORMAL"},
			{Name: "master", Type: "pure-token", Token: "MASTER"},
			{Name: "replica", Type: "pure-token", Token: "REPLICA"},
			{Name: "pubsub", Type: "pure-token", Token: "PUBSUB"},
		}},
		{Name: "client-id", Type: "integer", Token: "ID", Since: "6.2.0", Optional: true, Multiple: true},
	},
	Handler: clientList,
}

func clientInfo(c *command.Ctx) {
	c.Sess.LastCmd, c.Sess.LastSeen = c.Spec, c.Now
	line := appendClient(nil, c.Sess, c.Now, c.Host.BufferBytes(c.Sess))
	c.W.Verbatim("txt", string(append(line, '\n')))
}

const errUnknownType = "-ERR Unknown client type '"

// clientType is a class of clients, as filters name it.
type clientType int

const (
	typeAny clientType = iota
	typeNormal
	typeReplica
	typePubSub
	typeMaster
)

// parseType reads the name of a class in argument i; ok is false after the
// error reply.
func parseType(c *command.Ctx, i int) (t clientType, ok bool) {
	switch {
	case c.Is(i, "normal"):
		return typeNormal, true
	case c.Is(i, "slave"), c.Is(i, "replica"):
		return typeReplica, true
	case c.Is(i, "pubsub"):
		return typePubSub, true
	case c.Is(i, "master"):
		return typeMaster, true
	}
	c.Err(errUnknownType + text(c.Args[i]) + "'")
	return typeAny, false
}

// has reports whether a session is of the class.
func (t clientType) has(s *command.Session) bool {
	switch t {
	case typeAny:
		return true
	case typeNormal:
		return s.Flags&(command.Subscribed|command.Replica|command.MasterLink) == 0
	case typePubSub:
		return s.Flags&(command.Subscribed|command.Replica|command.MasterLink) == command.Subscribed
	case typeReplica:
		return s.Flags&command.Replica != 0
	case typeMaster:
		return s.Flags&command.MasterLink != 0
	}
	return false
}

func clientList(c *command.Ctx) {
	filter, ids := typeAny, []uint64(nil)
	switch {
	case len(c.Args) == 4 && c.Is(2, "type"):
		t, ok := parseType(c, 3)
		if !ok {
			return
		}
		filter = t
	case len(c.Args) > 3 && c.Is(2, "id"):
		ids = make([]uint64, 0, len(c.Args)-3)
		for _, arg := range c.Args[3:] {
			id, ok := num.ParseInt64(arg)
			if !ok {
				c.Err("-ERR Invalid client ID")
				return
			}
			ids = append(ids, uint64(id))
		}
	case len(c.Args) != 2:
		c.Err(command.ErrSyntax)
		return
	}
	host, now := c.Host, c.Now
	c.Sess.Task = func(w *resp.Writer) {
		l := listClients(host, now, filter)
		if ids == nil {
			sort.Slice(l.lines, func(i, j int) bool { return l.lines[i].id < l.lines[j].id })
		} else {
			l.choose(ids)
		}
		w.Verbatim("txt", string(l.join()))
	}
}

// clientLines are the lines of many clients, collected without an allocation for
// each: the loops that are asked for them have others to serve.
type clientLines struct {
	lines []clientLine
	text  []byte // the lines being added; has room for one more
	size  int    // of all lines
}

type clientLine struct {
	id   uint64
	text []byte
}

const (
	linesBlock = 64 << 10 // bytes of lines in one allocation
	lineRoom   = 2 << 10  // that one line may take
)

// listClients returns the lines of all clients of a class. For a Task.
func listClients(host command.Host, now int64, filter clientType) *clientLines {
	l := new(clientLines)
	host.EachClient(func(s *command.Session) {
		if filter.has(s) {
			l.add(s, now, host.BufferBytes(s))
		}
	})
	return l
}

func (l *clientLines) add(s *command.Session, now int64, buffers int) {
	if cap(l.text)-len(l.text) < lineRoom {
		l.text = make([]byte, 0, linesBlock)
	}
	from := len(l.text)
	l.text = append(appendClient(l.text, s, now, buffers), '\n')
	line := l.text[from:len(l.text):len(l.text)]
	l.lines = append(l.lines, clientLine{s.ID, line})
	l.size += len(line)
}

// choose leaves the lines of the given clients, in this order.
func (l *clientLines) choose(ids []uint64) {
	byID := make(map[uint64]clientLine, len(l.lines))
	for _, line := range l.lines {
		byID[line.id] = line
	}
	l.lines, l.size = l.lines[:0], 0
	for _, id := range ids {
		if line, ok := byID[id]; ok {
			l.lines = append(l.lines, line)
			l.size += len(line.text)
		}
	}
}

func (l *clientLines) join() []byte {
	all := make([]byte, 0, l.size)
	for _, line := range l.lines {
		all = append(all, line.text...)
	}
	return all
}

// ClientBytes is the memory of a client besides its buffers: session, parser,
// connection, place in the tables of its loop.
const ClientBytes = 768

// appendClient appends the line of a session that CLIENT LIST and the log show, at
// now, Unix ms, with the bytes that its connection's buffers take. Buffers are
// shared by all clients of a loop, so most figures about them are 0: what counts
// is kept input (argv-mem: complete arguments of an incomplete request, qbuf: the
// rest) and output that the socket did not take (oll, omem). The caller is on the
// session's loop.
func appendClient(b []byte, s *command.Session, now int64, buffers int) []byte {
	var addr, local string
	fd, in, args, out := -1, 0, 0, 0
	if p := s.Peer; p != nil {
		addr, local, fd, in, out = p.RemoteAddr(), p.LocalAddr(), p.FD(), p.InputBuffered(), p.PendingOut()
		args = min(s.Parser.Checked(), in)
		in -= args
	}
	number := func(name string, n int64) {
		b = strconv.AppendInt(append(b, name...), n, 10)
	}
	words := func(name, value string) { b = append(append(b, name...), value...) }

	number("id=", int64(s.ID))
	words(" addr=", addr)
	words(" laddr=", local)
	number(" fd=", int64(fd))
	words(" name=", s.Name)
	number(" age=", max(now-s.Created, 0)/1000)
	number(" idle=", max(now-s.LastSeen, 0)/1000)
	words(" flags=", flagLetters(s))
	number(" db=", int64(s.DB.Index()))
	queued, queuedBytes := -1, 0
	if s.Txn != nil {
		queued, queuedBytes = len(s.Txn.Queue), s.Txn.Bytes
	}
	sub, psub, ssub := 0, 0, 0
	if s.Sub != nil {
		sub, psub, ssub = s.Sub.Count(pubsub.Channel), s.Sub.Count(pubsub.Pattern), s.Sub.Count(pubsub.Shard)
	}
	number(" sub=", int64(sub))
	number(" psub=", int64(psub))
	number(" ssub=", int64(ssub))
	number(" multi=", int64(queued))
	number(" qbuf=", int64(in))
	number(" qbuf-free=0 argv-mem=", int64(args))
	number(" multi-mem=", int64(queuedBytes))
	number(" rbs=0 rbp=0 obl=0 oll=", int64(min(out, 1)))
	number(" omem=", int64(out))
	number(" tot-mem=", int64(ClientBytes+buffers+s.Bytes()))
	words(" events=", "r")
	if out > 0 {
		words("w", "")
	}
	cmd := "NULL"
	if s.LastCmd != nil {
		cmd = s.LastCmd.FullName()
	}
	words(" cmd=", cmd)
	words(" user=", s.User)
	number(" redir=", redirect(s))
	number(" resp=", int64(max(s.Proto, 2)))
	words(" lib-name=", s.LibName)
	words(" lib-ver=", s.LibVer)
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
