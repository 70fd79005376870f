package engine

import "kvorum/command"

// A command that goes on in a Task counts when the Task is done, with the time of
// both: until then it is like a command that is still being executed.

func unfinished(spec *command.Spec, args [][]byte, spent int64) *command.Unfinished {
	u := &command.Unfinished{Spec: spec, Ticks: spent, Args: make([][]byte, len(args))}
	for i, arg := range args {
		u.Args[i] = append([]byte(nil), arg...)
	}
	return u
}

// Finish counts the command whose Task has run for some nanoseconds and gave the
// reply, in pieces, which are borrowed. Called by the worker's goroutine between
// batches.
func (w *Worker) Finish(s *command.Session, ns int64, pieces [][]byte) {
	u := s.Unfinished
	if u == nil {
		return
	}
	s.Unfinished = nil
	w.begin()
	w.totals.Hits += u.Hits
	w.totals.Misses += u.Misses
	reply, size := pieces[0], 0
	for _, piece := range pieces {
		size += len(piece)
	}
	failed := len(reply) > 0 && reply[0] == '-'
	if failed {
		w.totals.Errors++
		w.totals.last = string(reply[:min(len(reply), errorCodeFind)])
	}
	w.totals.NetOut += uint64(size)
	w.count(s, u.Spec, u.Args, u.Ticks+w.e.clock.NsToTicks(ns), failed)
	w.end()
}
