package engine

import (
	"kvorum/command"
	"kvorum/num"
)

// Names of the channels that keyspace events are published on.
const (
	keyspacePrefix = "__keyspace@"
	keyeventPrefix = "__keyevent@"
	eventSuffix    = "__:"
)

// publishEvent tells the subscribers of a keyspace event: on the channel of the key,
// then on that of the event, as notify-keyspace-events says. Under the locks of the
// key, so that events come in the order of the data. key is borrowed.
func (w *Worker) publishEvent(_ uint32, event string, key []byte, db int) {
	bus := &w.e.Bus
	if bus.Idle() {
		return
	}
	w.eventText = append(w.eventText[:0], event...)
	mask := w.ctx.NotifyMask
	if mask&command.NotifyKeyspace != 0 {
		w.eventName = append(appendEventName(w.eventName[:0], keyspacePrefix, db), key...)
		bus.Publish(w.eventName, w.eventText)
	}
	if mask&command.NotifyKeyevent != 0 {
		w.eventName = append(appendEventName(w.eventName[:0], keyeventPrefix, db), event...)
		bus.Publish(w.eventName, key)
	}
	if cap(w.eventName) > eventNameKept {
		w.eventName = nil
	}
}

// eventNameKept bounds the scratch that a long key leaves.
const eventNameKept = 64 << 10

func appendEventName(dst []byte, prefix string, db int) []byte {
	return append(num.AppendInt(append(dst, prefix...), int64(db)), eventSuffix...)
}

// push puts what has come for a session behind the reply to its request. While a
// Task makes the reply, what belongs behind it waits.
func (w *Worker) push(s *command.Session) {
	if s.Inbox != nil {
		s.Inbox.Flush()
	}
	if len(s.Pushes) > 0 && s.Task == nil {
		w.out.B = append(w.out.B, s.TakePushes()...)
	}
}

// deaf reports whether a session that is subscribed must not use a command.
func deaf(s *command.Session, spec *command.Spec) bool {
	return s.Flags&command.Subscribed != 0 && s.Proto == 2 && !spec.WhileSubscribed
}

// errSubscribed is the error of a command that a subscriber must not use: in RESP2 its
// reply could not be told from messages.
func errSubscribed(spec *command.Spec) string {
	return "-ERR Can't execute '" + spec.FullName() +
		"': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"
}
