package engine

import "kvorum/command"

// Errors of commands that may not run now.
const (
	errNoReplicas = "-NOREPLICAS Not enough good replicas to write."
	errReadOnly   = "-READONLY You can't write against a read only replica."
	errMasterDown = "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."
	errLoading    = "-LOADING Redis is loading the dataset in memory"
)

// SetLoading has commands that may not run while data are loaded refused, or no
// longer. Meanwhile nothing expires in the background and nothing is evicted. Anywhere.
func (e *Engine) SetLoading(on bool) {
	if on {
		e.unusual.Or(loading)
		return
	}
	e.unusual.And(^loading)
}

// Loading reports whether data are being loaded.
func (e *Engine) Loading() bool { return e.unusual.Load()&loading != 0 }

// RefuseWrites has commands that write, and PING, refused with an error from now on,
// or no longer if it is empty. Anywhere.
func (e *Engine) RefuseWrites(text string) {
	if text == "" {
		e.unusual.And(^noWrites)
		return
	}
	e.noWrite.Store(&text)
	e.unusual.Or(noWrites)
}

// WritesRefused reports whether RefuseWrites is in force.
func (e *Engine) WritesRefused() bool { return e.unusual.Load()&noWrites != 0 }

// denied refuses a command that the disk, the server's role or a load forbids, and
// reports whether it did. The order of the checks is Redis's.
func (w *Worker) denied(s *command.Session, spec *command.Spec) bool {
	writes, lacks := spec.Flags&command.Write != 0, ^spec.Flags
	if spec.Mode == command.Transaction && s.Txn != nil {
		writes, lacks = writes || s.Txn.Flags&command.Write != 0, lacks|s.Txn.Lacks
	}
	text := ""
	switch {
	case w.unusual&noWrites != 0 && (writes || spec.Name == "ping"):
		text = *w.e.noWrite.Load()
	case w.unusual&fewReplicas != 0 && writes:
		text = errNoReplicas
	case w.unusual&readOnly != 0 && writes:
		text = errReadOnly
	case w.unusual&stale != 0 && lacks&command.Stale != 0:
		text = errMasterDown
	case w.unusual&loading != 0 && lacks&command.Loading != 0:
		text = errLoading
	default:
		return false
	}
	s.LastCmd = spec
	w.refuse(s, spec, text)
	return true
}
