package conncmd

import (
	"cmp"
	"runtime"
	"slices"

	"kvorum/command"
	"kvorum/num"
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
	c.W.Verbatim("txt", ClientLine(c.Sess, c.Now, c.Host.BufferBytes(c.Sess))+"\n")
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
		list := listClients(host, filter).sorted()
		if ids != nil {
			list = choose(list, ids)
		}
		w.VerbatimParts("txt", clientLines(list, now), replyChunk)
	}
}

// clientSet is what is known of many clients, in blocks: what grows would be copied
// while a loop waits.
type clientSet struct {
	blocks [][]clientFacts
	count  int
}

const (
	factsBlock = 64       // clients of a block
	linesBlock = 64 << 10 // bytes of lines in one allocation
	lineRoom   = 2 << 10  // that one line may take
	replyChunk = 1 << 20  // of the reply
	yieldLines = 32       // made before others have their turn
)

// listClients returns what is to be known of all clients of a class. For a Task.
func listClients(host command.Host, filter clientType) *clientSet {
	set := new(clientSet)
	host.EachClient(func(s *command.Session) {
		if filter.has(s) {
			set.add(s, host.BufferBytes(s))
		}
	})
	return set
}

func (set *clientSet) add(s *command.Session, buffers int) {
	n := set.count % factsBlock
	if n == 0 {
		set.blocks = append(set.blocks, make([]clientFacts, factsBlock))
	}
	set.blocks[len(set.blocks)-1][n].take(s, buffers)
	set.count++
}

// sorted returns the clients by id.
func (set *clientSet) sorted() []*clientFacts {
	list := make([]*clientFacts, set.count)
	for i := range list {
		list[i] = &set.blocks[i/factsBlock][i%factsBlock]
	}
	slices.SortFunc(list, func(a, b *clientFacts) int { return cmp.Compare(a.id, b.id) })
	return list
}

// choose returns those of the clients, sorted by id, that have the given ids, in this
// order.
func choose(list []*clientFacts, ids []uint64) (chosen []*clientFacts) {
	for _, id := range ids {
		at, ok := slices.BinarySearchFunc(list, id, func(f *clientFacts, id uint64) int { return cmp.Compare(f.id, id) })
		if ok {
			chosen = append(chosen, list[at])
		}
	}
	return chosen
}

// clientLines returns the lines of clients, in parts. It makes way for others, as the
// loops may need the processor that it has.
func clientLines(list []*clientFacts, now int64) (parts [][]byte) {
	part := []byte(nil)
	for i, f := range list {
		if cap(part)-len(part) < lineRoom {
			if part != nil {
				parts = append(parts, part)
			}
			part = make([]byte, 0, linesBlock)
		}
		part = append(f.append(part, now), '\n')
		if i%yieldLines == yieldLines-1 {
			runtime.Gosched()
		}
	}
	return append(parts, part)
}
