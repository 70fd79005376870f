package engine

import "kvorum/command"

const errLoading = "-LOADING Redis is loading the dataset in memory"

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

// denied refuses a command while loading, or one that writes while it may not, and
// reports whether it did.
func (w *Worker) denied(s *command.Session, spec *command.Spec) bool {
	commit := spec.Mode == command.Transaction && s.Txn != nil
	text := ""
	switch {
	case w.unusual&noWrites != 0 && (spec.Flags&command.Write != 0 || commit && s.Txn.Flags&command.Write != 0 || spec.Name == "ping"):
		text = *w.e.noWrite.Load()
	case w.unusual&loading != 0 && spec.Flags&command.Loading == 0:
		text = errLoading
	default:
		return false
	}
	s.LastCmd = spec
	w.refuse(s, spec, text)
	return true
}
