package server

import (
	"time"

	"kvorum/command"
	"kvorum/netloop"
	"kvorum/pubsub"
)

// Bytes that clients get without having asked for them just now: messages of
// channels, invalidations.
//
//	any goroutine ─ Bus.Publish, push ─► inbox of the client's loop ─ Post ─► its
//	loop: deliverPushes ─► Conn.Share
//
// They keep their order, and have their place among replies:
//   - A loop delivers what waits before it serves a client's requests: who learns
//     elsewhere that a message was sent, and asks for something then, gets the
//     message first.
//   - What comes while a client's requests are executed, its own messages above all,
//     is kept in Session.Pushes and sent behind the reply to the running request
//     (engine: Worker.push, for sessions with a flag of command.GetsPushes), never
//     inside of one. So is what comes after it as long as that waits.
//
// Bytes that wait for a socket are counted by client-output-buffer-limit.

// newInbox returns the inbox of a loop.
func (s *Server) newInbox(l *netloop.Loop) *pubsub.Inbox {
	deliver := func() { s.deliverPushes(l) }
	return pubsub.NewInbox(func() { l.Post(deliver) }, deliver)
}

// push sends b, which nobody changes any more, to a client of any loop. Any
// goroutine, also under locks of shards.
func (s *Server) push(cl *client, b []byte) {
	cl.conn.Loop().User.(*loopState).inbox.Push(cl, b)
}

// deliverPushes hands out what waits for the clients of a loop. On the loop.
func (s *Server) deliverPushes(l *netloop.Loop) {
	state := l.User.(*loopState)
	list := state.inbox.Take()
	for i := range list {
		p := &list[i]
		if p.Owner == nil {
			for _, m := range p.To {
				state.deliver(m.Sub.Owner.(*client), p.Bytes[m.Sub.Proto()], len(p.To))
			}
			continue
		}
		cl := p.Owner.(*client)
		if p.Lost && !cl.closed && !cl.conn.Closing() {
			s.closeOverLimit(cl)
			continue
		}
		state.deliver(cl, p.Bytes[0], 1)
	}
	state.inbox.Done(list)
}

// deliver sends b, which owners clients of the loop get, to one of them.
func (state *loopState) deliver(cl *client, b []byte, owners int) {
	if cl.closed || cl.conn.Closing() {
		return
	}
	if state.serving == cl || len(cl.Pushes) > 0 || cl.Task != nil {
		cl.Pushes = append(cl.Pushes, b...)
		cl.Flags |= command.Pushed
		return
	}
	cl.NetOut += uint64(len(b))
	state.counts.add(0, 0, uint64(len(b)))
	cl.conn.Share(b, owners)
}

// sendPushes sends what had to wait for the reply of a long command.
func (state *loopState) sendPushes(cl *client) {
	b := cl.TakePushes()
	cl.NetOut += uint64(len(b))
	state.counts.add(0, 0, uint64(len(b)))
	cl.conn.Send(b)
}

// Giving way: bounds of how long a loop waits for others that have not taken their
// messages.
const (
	giveWayTurns = 20
	giveWayFor   = 100 * time.Microsecond
)

// publishes reports whether the requests just served may have sent messages.
func (s *Server) publishes(cl *client) bool {
	return cl.LastCmd != nil && cl.LastCmd.Flags&command.PubSub != 0 || s.eng.Settings().NotifyMask != 0
}

// giveWay lets loops take what waits for them before more is published. It is called
// on a loop, after a client's requests and outside of the engine; it waits for a
// bounded time, so loops cannot hold each other up.
func (s *Server) giveWay(own *loopState) {
	if own.inbox.Crowded() {
		own.inbox.Flush()
	}
	for _, state := range s.loops {
		for n := 0; n < giveWayTurns && state.inbox.Crowded(); n++ {
			time.Sleep(giveWayFor)
		}
	}
}
