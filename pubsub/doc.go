// Package pubsub knows who is subscribed to what and hands messages over to the
// event loops of the subscribers.
//
//	Publish ─ one encoding per protocol ─► Inbox of each loop that has subscribers
//	loop ─ Flush ─► deliver: shared bytes to its connections
//
// A message is encoded once for each protocol that a subscriber speaks; from then
// on the bytes are immutable and shared. Subscribers are kept by loop, so that a
// message is one entry in the inbox of a loop, however many subscribers are there.
//
// Who may call what. Publish, the counts and the lists: any goroutine, also one that
// holds locks of shards. Subscribe, Unsubscribe, SetProto, Drop and Inbox.Flush: the
// goroutine of the subscriber's loop. Lock order: shards < Bus < Inbox; to wake a
// loop its mailbox is locked inside.
//
//	P1  All subscribers see messages in one order, that of Bus.mu.
//	P2  The members of a topic on a loop change only while nothing waits in the
//	    inbox of that loop, so that an entry may refer to them: who has just
//	    subscribed gets nothing older, who unsubscribes has got everything older.
//	P3  A topic without subscribers does not exist.
//	P4  An inbox holds at most InboxBytesMax bytes; a subscriber that loses a
//	    message for that reason is told of, so that its connection can be closed.
//
// It must not block, and knows nothing of connections: Subscriber.Owner is its
// caller's.
//
// Same level: none.
package pubsub
