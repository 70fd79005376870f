package engine

import (
	"strings"

	"kvorum/command"
	"kvorum/keyspace"
	"kvorum/resp"
)

// Transactions. EXEC takes the locks of all keys of all queued commands, and of
// the watched ones, at once, and runs the commands one after the other; what they
// changed is one record of the feed. If one of them has to be alone, all run behind
// the gate.

// Error texts of transactions.
const (
	errExecWithoutMulti = "-ERR EXEC without MULTI"
	errExecAbort        = "-EXECABORT Transaction discarded because of previous errors."
	errExecRefused      = "-EXECABORT Transaction discarded because of: "
	errNoMulti          = "-ERR Command not allowed inside a transaction"
)

// queue deals with a command of a client that has begun a transaction: it reports
// whether the command is done with, queued or refused.
func (w *Worker) queue(s *command.Session, spec *command.Spec, args [][]byte) bool {
	if spec.Flags&command.NoMulti != 0 {
		w.refuse(s, spec, errNoMulti)
		return true
	}
	if spec.AtOnce {
		return false
	}
	if w.guarded(s, spec) {
		return true
	}
	s.Txn.Add(spec, args)
	s.LastCmd = spec
	w.out.Simple("QUEUED")
	return true
}

// abort ends a transaction whose EXEC is refused, and returns the error.
func (w *Worker) abort(s *command.Session, text string) string {
	s.Txn = nil
	if s.Watcher != nil {
		w.e.KS.Unwatch(s.Watcher)
	}
	return errExecRefused + strings.TrimPrefix(text[1:], "ERR ")
}

// exec runs a transaction and reports that it did, or replies why it does not, or
// leaves it as it is to wait for long commands.
func (w *Worker) exec(s *command.Session, args [][]byte) (ran bool) {
	c := &w.ctx
	txn, exec := s.Txn, c.Spec
	switch {
	case txn == nil:
		c.Err(errExecWithoutMulti)
		return false
	case txn.Failed:
		c.Discard()
		c.Err(errExecAbort)
		return false
	}
	s.Txn = nil
	alone := false
	w.txnKeys, w.txnEnds = w.txnKeys[:0], w.txnEnds[:0]
	for i := range txn.Queue {
		q := &txn.Queue[i]
		alone = alone || mustBeAlone(q)
		w.txnKeys = w.appendKeys(w.txnKeys, q.Spec, q.Args)
		w.txnEnds = append(w.txnEnds, len(w.txnKeys))
	}
	if s.Watcher != nil {
		w.txnKeys = s.Watcher.AppendKeys(w.txnKeys)
	}
	if !w.execNow(s, txn, alone) {
		s.Txn = txn
		return false
	}
	clear(w.txnKeys)
	c.Begin(s, exec, args)
	c.Unwatch()
	return true
}

// execNow runs a transaction with the locks of txnKeys, or alone. It reports whether it
// did: not, when it has to wait for long commands.
func (w *Worker) execNow(s *command.Session, txn *command.Txn, alone bool) bool {
	if alone {
		w.stop()
		defer w.start()
		if !w.drained(s) {
			return false
		}
		telling := w.e.unusual.Load()&tracked != 0
		if telling {
			w.beginAlone(s)
		}
		w.allHeld = true
		w.execLocked(s, txn)
		w.allHeld = false
		w.serveReady(nil, true)
		if telling {
			w.endAlone()
		}
		return true
	}
	writes := txn.Flags&command.Write != 0
	held, ok := w.lockFor(s, writes, w.txnKeys)
	if ok && w.unusual&tracked != 0 {
		held, ok = w.beginTracked(s, writes, w.txnKeys, held)
	}
	if !ok {
		return false
	}
	w.execLocked(s, txn)
	w.serveReady(held, false)
	if w.unusual&tracked != 0 {
		w.endTracked()
	}
	w.locks.unlock(w.e.KS)
	return true
}

// execLocked runs a transaction whose keys are locked, unless a watched key has
// changed.
func (w *Worker) execLocked(s *command.Session, txn *command.Txn) {
	if s.Watcher != nil && (s.Watcher.Dirty() || s.Watcher.Expired(w.e.KS, w.nowMs)) {
		w.out.NullArray()
		return
	}
	if w.feeding {
		w.ring.Begin()
	}
	s.Flags |= command.InExec
	start := len(w.out.B)
	var late []lateReply
	w.out.Array(len(txn.Queue))
	from := 0
	for i, to := range w.txnEnds {
		if task := w.execOne(s, &txn.Queue[i], w.txnKeys[from:to]); task != nil {
			late = append(late, lateReply{len(w.out.B), task})
		}
		from = to
	}
	s.Flags &^= command.InExec
	if w.feeding {
		w.ring.End()
	}
	w.tellOwn(s)
	if late != nil {
		s.Task = replyLate(append([]byte(nil), w.out.B[start:]...), start, late)
		w.out.B = w.out.B[:start]
	}
}

// execOne runs one command of a transaction, and returns what is left to do of it
// off the loop.
func (w *Worker) execOne(s *command.Session, q *command.Queued, keys []keyspace.Key) (late command.Task) {
	c := &w.ctx
	errors := w.totals.Errors
	c.Begin(s, q.Spec, q.Args)
	c.Keys = keys
	w.out.Proto = s.Proto
	q.Spec.Handler(c)
	if c.Dirty > 0 || q.Spec.Mode == command.Exclusive {
		w.feed()
	}
	if w.unusual&monitored != 0 {
		w.tell()
	}
	w.remember(s, q.Spec, keys)
	late, s.Task = s.Task, nil
	w.account(s, q.Spec, q.Args, w.totals.Errors > errors)
	return late
}

// lateReply is a reply that a command of a transaction makes off the loop, and its
// place in the replies.
//
// COMPAT: exec-late: it is made when the transaction is over.
type lateReply struct {
	at   int
	task command.Task
}

// replyLate returns the rest of an EXEC some of whose commands go on off the loop:
// it puts their replies where they belong. replies begin at offset from.
func replyLate(replies []byte, from int, late []lateReply) command.Task {
	return func(out *resp.Writer) {
		done := 0
		for _, l := range late {
			out.Raw(replies[done : l.at-from])
			done = l.at - from
			l.task(out)
		}
		out.Raw(replies[done:])
	}
}

// appendKeys appends the keys that a command names.
func (w *Worker) appendKeys(dst []keyspace.Key, spec *command.Spec, args [][]byte) []keyspace.Key {
	first, last, step, ok := spec.KeyRange(len(args))
	switch {
	case !ok:
		w.refs, _ = spec.AppendKeys(args, w.refs[:0])
		for _, r := range w.refs {
			dst = append(dst, w.e.KS.Key(args[r.Arg]))
		}
	case first > 0:
		for i := first; i <= last && i < len(args); i += step {
			dst = append(dst, w.e.KS.Key(args[i]))
		}
	}
	return dst
}

// deniedOOM reports whether a command must not run while memory is short: one that
// needs more of it, one of a transaction, as a queue takes memory, too, and EXEC if it
// would run one that does.
func deniedOOM(s *command.Session, spec *command.Spec) bool {
	switch {
	case spec.Flags&command.DenyOOM != 0:
		return true
	case s.Txn == nil:
		return false
	case spec.Mode == command.Transaction:
		return s.Txn.Flags&command.DenyOOM != 0
	}
	return !spec.AtOnce
}
