package conformance

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"kvorum/resp"
	"kvorum/test/peer"
)

// pair is our server and the other one, driven in step.
type pair struct {
	ours, theirs *side
}

// side is one server with the connections of a stream.
type side struct {
	srv    *peer.Server
	admin  *peer.Conn
	events *listener
	conns  [connCount]*peer.Conn
}

// mismatch is the first difference of a run.
type mismatch struct {
	at           int // number of the request, or the number of requests: the data differ
	ours, theirs string
	replies      [][]byte // of the other server, to the requests before and at
}

func newSide(srv *peer.Server) (*side, error) {
	admin, err := srv.Dial()
	if err != nil {
		return nil, err
	}
	s := &side{srv: srv, admin: admin}
	// Keys that are due stay until somebody looks: both servers then have the
	// same number of keys at every moment.
	if _, err := admin.Must("DEBUG", "SET-ACTIVE-EXPIRE", "0"); err != nil {
		return nil, err
	}
	s.events, err = newListener(srv, admin)
	return s, err
}

// settings are the directives that streams change, with what they are reset to.
var settings = []string{"hash-max-listpack-entries", "128", "set-max-intset-entries", "512", "lfu-log-factor", "10", "hll-sparse-max-bytes", "3000",
	"hash-max-listpack-value", "64", "list-max-listpack-size", "-2", "list-compress-depth", "0", "zset-max-listpack-entries", "128", "zset-max-listpack-value", "64"}

// settings72 are more of them, which servers have from 7.2 on.
var settings72 = []string{"set-max-listpack-entries", "128", "set-max-listpack-value", "64"}

// reset empties the server and connects anew.
func (s *side) reset() error {
	for i, c := range s.conns {
		if c != nil {
			c.Close()
		}
		var err error
		if s.conns[i], err = s.srv.Dial(); err != nil {
			return err
		}
	}
	if _, err := s.admin.Must("FLUSHALL"); err != nil {
		return err
	}
	args := append([]string{"CONFIG", "SET"}, settings...)
	if !peer.Older(s.srv.Version, "7.2.0") {
		args = append(args, settings72...)
	}
	if _, err := s.admin.Must(args...); err != nil {
		return err
	}
	_, err := s.events.take()
	return err
}

func (p *pair) reset() error {
	if err := p.theirs.reset(); err != nil {
		return fmt.Errorf("%s: %w", p.theirs.srv, err)
	}
	if err := p.ours.reset(); err != nil {
		return fmt.Errorf("%s: %w\n%s", p.ours.srv, err, p.ours.srv.Log())
	}
	return nil
}

// run sends a stream to both servers. The mismatch is nil when all agrees; the
// error is about the run itself.
func (p *pair) run(ops []op) (*mismatch, error) {
	if err := p.reset(); err != nil {
		return nil, err
	}
	var replies [][]byte
	for i := 0; i < len(ops); {
		end := i + 1
		for end < len(ops) && ops[end].batch == ops[i].batch && ops[end].conn == ops[i].conn && !standsAlone(ops[i].args) && !standsAlone(ops[end].args) {
			end++
		}
		m, err := p.batch(ops[i:end], &replies)
		if err != nil {
			return nil, err
		}
		if m != nil {
			m.at += i
			m.replies = replies
			return m, nil
		}
		i = end
	}
	ours, theirs, err := p.compareData()
	if err != nil || ours == theirs {
		return nil, err
	}
	return &mismatch{at: len(ops), ours: ours, theirs: theirs, replies: replies}, nil
}

// batch sends the requests in one write and compares the replies, which are
// appended to replies. The mismatch counts from the start of the batch.
func (p *pair) batch(ops []op, replies *[][]byte) (*mismatch, error) {
	conn := ops[0].conn
	a, b := p.ours.conns[conn], p.theirs.conns[conn]
	if len(ops) == 1 && isWholeScan(ops[0].args) {
		if m, err := p.wholeScan(a, b, ops[0].args, replies); m != nil || err != nil {
			return m, err
		}
		return p.compareEvents(ops)
	}
	var wire []byte
	for i := range ops {
		wire = resp.AppendCommandStrings(wire, ops[i].args...)
	}
	if err := b.Send(wire); err != nil {
		return nil, err
	}
	if err := a.Send(wire); err != nil {
		return &mismatch{ours: p.gone(err), theirs: "still there"}, nil
	}
	for i := range ops {
		theirs, err := b.Reply()
		if err != nil {
			return nil, fmt.Errorf("%s after %q: %w", p.theirs.srv, ops[i].args, err)
		}
		*replies = append(*replies, theirs)
		ours, err := a.Reply()
		if err != nil {
			return &mismatch{at: i, ours: p.gone(err), theirs: string(theirs)}, nil
		}
		if !same(p.theirs.srv, ops[i].args, ours, theirs) {
			return &mismatch{at: i, ours: string(ours), theirs: string(theirs)}, nil
		}
	}
	if isQuit(ops[0].args) {
		return p.afterQuit(conn)
	}
	return p.compareEvents(ops)
}

// gone describes why there is no reply of ours.
func (p *pair) gone(err error) string {
	if !p.ours.srv.Alive() {
		return "the server died:\n" + p.ours.srv.Log()
	}
	return "no reply: " + err.Error()
}

// afterQuit expects the end of the connection and makes a new one.
func (p *pair) afterQuit(conn int) (*mismatch, error) {
	var ends [2]string
	for i, s := range []*side{p.ours, p.theirs} {
		reply, err := s.conns[conn].Reply()
		ends[i] = "closed"
		if !errors.Is(err, io.EOF) {
			ends[i] = fmt.Sprintf("%q %v", reply, err)
		}
		s.conns[conn].Close()
		if s.conns[conn], err = s.srv.Dial(); err != nil {
			return nil, err
		}
	}
	if ends[0] != ends[1] {
		return &mismatch{ours: ends[0], theirs: ends[1]}, nil
	}
	return nil, nil
}

// wholeScan iterates to the end on both servers and compares what was found.
func (p *pair) wholeScan(a, b *peer.Conn, args []string, replies *[][]byte) (*mismatch, error) {
	theirs, raw, err := iterate(b, args)
	if err != nil {
		return nil, err
	}
	*replies = append(*replies, raw)
	ours, _, err := iterate(a, args)
	if err != nil {
		return &mismatch{ours: p.gone(err), theirs: theirs}, nil
	}
	if ours != theirs {
		return &mismatch{ours: ours, theirs: theirs}, nil
	}
	return nil, nil
}

// iterate returns the set of elements of an iteration, or its first error, and
// its first reply as it was.
func iterate(c *peer.Conn, args []string) (found string, first []byte, err error) {
	args = slices.Clone(args)
	at, width := cursorOf(args), 1
	if strings.EqualFold(args[0], "hscan") {
		width = 2 // fields with their values
	}
	var elems []string
	for {
		if err := c.Send(resp.AppendCommandStrings(nil, args...)); err != nil {
			return "", nil, err
		}
		raw, err := c.Reply()
		if err != nil {
			return "", nil, err
		}
		if first == nil {
			first = raw
		}
		v, err := peer.Parse(raw)
		switch {
		case err != nil:
			return "", nil, err
		case v.IsError():
			return string(raw), first, nil
		case v.Type != '*' || len(v.Elems) != 2:
			return "not a reply of SCAN: " + string(raw), first, nil
		}
		for group := range slices.Chunk(v.Elems[1].Elems, width) {
			text := ""
			for _, e := range group {
				text += strconv.Quote(string(e.Str))
			}
			elems = append(elems, text)
		}
		args[at] = string(v.Elems[0].Str)
		if args[at] == "0" {
			slices.Sort(elems)
			return strings.Join(slices.Compact(elems), "\n"), first, nil
		}
	}
}

// compareData describes the data of both servers where they differ.
func (p *pair) compareData() (ours, theirs string, err error) {
	a, err := p.ours.digest()
	if err != nil {
		return p.gone(err), "", nil
	}
	b, err := p.theirs.digest()
	if err != nil {
		return "", "", err
	}
	x, err := p.ours.data()
	if err != nil {
		return p.gone(err), "", nil
	}
	y, err := p.theirs.data()
	if err != nil {
		return "", "", err
	}
	for i := range max(len(x), len(y)) {
		var line [2]entry
		if i < len(x) {
			line[0] = x[i]
		}
		if i < len(y) {
			line[1] = y[i]
		}
		if peer.Older(p.theirs.srv.Version, "7.2.0") {
			line[0].unpackSet()
			line[1].unpackSet()
			line[0].hideEncoding()
			line[1].hideEncoding()
		}
		if !line[0].same(line[1]) {
			return line[0].String(), line[1].String(), nil
		}
	}
	if a != b && !slices.ContainsFunc(x, hasDigits) {
		return "DEBUG DIGEST " + a, "DEBUG DIGEST " + b, nil
	}
	return "", "", nil
}

func (s *side) digest() (string, error) {
	v, err := s.admin.Must("DEBUG", "DIGEST")
	return string(v.Str), err
}

// entry is a key with all that can be learned about it.
type entry struct {
	db                        int
	key, typ, encoding, value string
	due                       int64 // -1: none
}

func (e entry) same(o entry) bool {
	due := e.due == o.due || e.due >= 0 && o.due >= 0 && e.due < farMillis && max(e.due-o.due, o.due-e.due) <= 20_000
	e.due, o.due = 0, 0
	return due && e == o
}

// unpackSet hides the encoding of a set that is no intset: before 7.2 there were no
// packed sets.
func (e *entry) unpackSet() {
	if e.typ == "set" && e.encoding == "listpack" {
		e.encoding = "hashtable"
	}
}

// String is what a difference of data shows.
func (e entry) String() string {
	if e.typ == "" {
		return "the key is missing"
	}
	return fmt.Sprintf("db %d key %q type %s encoding %s due %d value %.300q", e.db, e.key, e.typ, e.encoding, e.due, e.value)
}

// dbCount is how many databases streams reach: numbers above come from mistakes.
const dbCount = 16

// data lists all keys of a server in order.
func (s *side) data() ([]entry, error) {
	var list []entry
	for db := range dbCount {
		if _, err := s.admin.Must("SELECT", strconv.Itoa(db)); err != nil {
			return nil, err
		}
		keys, err := s.admin.Must("KEYS", "*")
		if err != nil {
			return nil, err
		}
		for _, k := range keys.Elems {
			e := entry{db: db, key: string(k.Str)}
			if err := s.describe(&e); err != nil {
				return nil, err
			}
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b entry) int {
		if a.db != b.db {
			return a.db - b.db
		}
		return strings.Compare(a.key, b.key)
	})
	return list, nil
}

func (s *side) describe(e *entry) error {
	typ, err := s.admin.Must("TYPE", e.key)
	if err != nil {
		return err
	}
	encoding, err := s.admin.Must("OBJECT", "ENCODING", e.key)
	if err != nil {
		return err
	}
	value, err := s.admin.Must(readerOf(string(typ.Str), e.key)...)
	if err != nil {
		return err
	}
	due, err := s.admin.Must("PEXPIRETIME", e.key)
	if err != nil {
		return err
	}
	e.typ, e.encoding, e.value, e.due = string(typ.Str), string(encoding.Str), string(value.Str), due.Int
	switch e.typ {
	case "set":
		e.value = strings.Join(sortedWires(value.Elems), "")
	case "hash":
		e.value = strings.Join(sortedWires(pairsOf(value)), "")
	default:
		e.describeOrdered(value)
	}
	return nil
}
