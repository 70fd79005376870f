package conformance

import (
	"fmt"
	"slices"
	"strings"

	"kvorum/resp"
	"kvorum/test/peer"
)

// eventClasses is notify-keyspace-events of both servers: all classes, on the channels
// of events. The channels of keys say the same again.
const eventClasses = "EAmn"

// listener is a connection that gets the keyspace events of its server.
type listener struct {
	*peer.Conn
	count int // events so far
}

func newListener(srv *peer.Server, admin *peer.Conn) (*listener, error) {
	if _, err := admin.Must("CONFIG", "SET", "notify-keyspace-events", eventClasses); err != nil {
		return nil, err
	}
	c, err := srv.Dial()
	if err != nil {
		return nil, err
	}
	_, err = c.Must("PSUBSCRIBE", "__keyevent@*__:*")
	return &listener{Conn: c}, err
}

// take returns the events so far, "event@db key" each: those of all requests whose
// replies have been seen stand before the reply to a PING.
func (l *listener) take() ([]string, error) {
	if err := l.Send(resp.AppendCommandStrings(nil, "PING")); err != nil {
		return nil, err
	}
	var list []string
	for {
		raw, err := l.Reply()
		if err != nil {
			return nil, err
		}
		v, err := peer.Parse(raw)
		switch {
		case err != nil:
			return nil, err
		case len(v.Elems) == 2 && string(v.Elems[0].Str) == "pong":
			l.count += len(list)
			return list, nil
		case len(v.Elems) != 4:
			return nil, fmt.Errorf("%q is no message", raw)
		}
		list = append(list, strings.TrimPrefix(string(v.Elems[2].Str), "__keyevent@")+" "+string(v.Elems[3].Str))
	}
}

// disordered are commands that may meet keys in an order of each server's own.
var disordered = []string{"keys", "scan", "randomkey", "dbsize", "flushall", "flushdb"}

// compareEvents compares the events of requests whose replies agreed.
func (p *pair) compareEvents(ops []op) (*mismatch, error) {
	theirs, err := p.theirs.events.take()
	if err != nil {
		return nil, fmt.Errorf("%s: events: %w", p.theirs.srv, err)
	}
	ours, err := p.ours.events.take()
	if err != nil {
		return &mismatch{at: len(ops) - 1, ours: p.gone(err), theirs: fmt.Sprintf("events %q", theirs)}, nil
	}
	if slices.ContainsFunc(ops, func(o op) bool { return known(p.theirs.srv, o.args) }) {
		return nil, nil
	}
	if slices.ContainsFunc(ops, func(o op) bool { return slices.Contains(disordered, fullName(o.args)) }) {
		slices.Sort(theirs)
		slices.Sort(ours)
	}
	// Of a set or a sorted set SORT looks at elements in an order of each server's own,
	// and with LIMIT, where BY gives equal weights, at others.
	if slices.ContainsFunc(ops, func(o op) bool { n := fullName(o.args); return n == "sort" || n == "sort_ro" }) {
		miss := func(event string) bool { return strings.Contains(event, "keymiss") }
		theirs, ours = slices.DeleteFunc(theirs, miss), slices.DeleteFunc(ours, miss)
	}
	if slices.Equal(ours, theirs) {
		return nil, nil
	}
	return &mismatch{at: len(ops) - 1, ours: fmt.Sprintf("events %q", ours), theirs: fmt.Sprintf("events %q", theirs)}, nil
}
