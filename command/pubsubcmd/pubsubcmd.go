// Package pubsubcmd holds the commands of publish and subscribe. Who is subscribed
// is known to package pubsub; how messages get to connections is the server's.
//
// The handlers of subscriptions run on the loop of their session and deliver what
// waits for that loop first, so their replies stand behind all older messages. Their
// replies are messages, too: CLIENT REPLY OFF does not silence them.
package pubsubcmd

import (
	"kvorum/command"
	"kvorum/pubsub"
	"kvorum/resp"
)

// Specs returns the rows of the family.
func Specs() []*command.Spec {
	return []*command.Spec{
		psubscribeSpec,
		publishSpec,
		pubsubSpec,
		punsubscribeSpec,
		spublishSpec,
		ssubscribeSpec,
		subscribeSpec,
		sunsubscribeSpec,
		unsubscribeSpec,
	}
}

// subscribing are the flags of the commands that begin and end subscriptions.
const subscribing = command.PubSub | command.NoScript | command.Loading | command.Stale

// names is the argument of most of them.
func names(name, typ string, optional bool) []command.Arg {
	return []command.Arg{{Name: name, Type: typ, Optional: optional, Multiple: true}}
}

// subscriber returns the session's subscriber, or nil after the error reply for a
// session that cannot get messages.
func subscriber(c *command.Ctx) *pubsub.Subscriber {
	s := c.Sess
	if s.Inbox == nil {
		c.Err("-ERR " + command.AsciiUpper([]byte(c.Spec.Name)) + " isn't allowed for a DENY BLOCKING client")
		return nil
	}
	if s.Sub == nil {
		s.Sub = pubsub.NewSubscriber(s.Peer.Owner(), s.Inbox, s.Proto)
	}
	return s.Sub
}

// subscribe is the handler of all commands that begin subscriptions.
func subscribe(c *command.Ctx, k pubsub.Kind, word string) {
	sub := subscriber(c)
	if sub == nil {
		return
	}
	for _, name := range c.Args[1:] {
		c.Bus.Subscribe(sub, k, name)
		c.Sess.Flags |= command.Subscribed
		c.Sess.Track.SetSubscribed(true)
		tell(c, k, word, name)
	}
}

// unsubscribe is the handler of all commands that end subscriptions.
func unsubscribe(c *command.Ctx, k pubsub.Kind, word string) {
	sub := c.Sess.Sub
	switch {
	case sub == nil && len(c.Args) == 1:
		tell(c, k, word, nil)
	case sub == nil:
		for _, name := range c.Args[1:] {
			tell(c, k, word, name)
		}
	case len(c.Args) == 1 && sub.Count(k) == 0:
		tell(c, k, word, nil)
	case len(c.Args) == 1:
		for n := sub.Count(k); n > 0; n-- {
			name := []byte(sub.Name(k, n-1))
			c.Bus.Unsubscribe(sub, k, name)
			tell(c, k, word, name)
		}
	default:
		for _, name := range c.Args[1:] {
			c.Bus.Unsubscribe(sub, k, name)
			tell(c, k, word, name)
		}
	}
	if sub != nil && sub.Total() == 0 {
		c.Sess.Flags &^= command.Subscribed
		c.Sess.Track.SetSubscribed(false)
	}
}

// tell replies what has become of one subscription, nil for none at all.
func tell(c *command.Ctx, k pubsub.Kind, word string, name []byte) {
	s := c.Sess
	w := c.W
	silent := s.Muted() && s.Flags&command.InExec == 0
	switch {
	case silent: // what is kept there is sent all the same
		w = &resp.Writer{B: s.Pushes, Proto: s.Proto}
	case s.Flags&command.InExec == 0:
		w.Raw(s.TakePushes())
	}
	w.Push(3)
	w.BulkString(word)
	if name == nil {
		w.Null()
	} else {
		w.Bulk(name)
	}
	count := 0
	switch {
	case s.Sub == nil:
	case k == pubsub.Shard:
		count = s.Sub.Count(pubsub.Shard)
	default:
		count = s.Sub.Count(pubsub.Channel) + s.Sub.Count(pubsub.Pattern)
	}
	w.Int(int64(count))
	if silent {
		s.Pushes = w.B
		s.Flags |= command.Pushed
	}
}
