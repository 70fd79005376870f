package engine

import (
	"kvorum/ds/table"
	"kvorum/keyspace"
	"kvorum/mem"
)

// keyspaceHint is the place of one key, between the two stages of prefetching.
type keyspaceHint = table.Hint

// prefetch starts the memory accesses of all keys of the batch: first the lines
// of the buckets, then two lines of each candidate record, so that the
// latencies overlap. It reads without locks: see table.Hint.
func (w *Worker) prefetch(db *keyspace.DB) {
	n := min(len(w.keys), hintMax)
	if n < 2 {
		return
	}
	if w.e.KS.Waits() {
		for i := range n {
			w.e.KS.TouchWaited(w.keys[i].Hash)
		}
	}
	var addrs [batchMax]uintptr
	at := 0
	for i := range n {
		w.hint[i] = db.Hint(w.keys[i].Hash)
		addrs[at] = w.hint[i].Bucket()
		if at++; at == batchMax {
			mem.Prefetch16(&addrs, at)
			at = 0
		}
	}
	mem.Prefetch16(&addrs, at)
	at = 0
	for i := range n {
		first, second := w.hint[i].Record()
		if first == 0 {
			continue
		}
		addrs[at], addrs[at+1] = first, second
		if at += 2; at == batchMax {
			mem.Prefetch16(&addrs, at)
			at = 0
		}
	}
	mem.Prefetch16(&addrs, at)
}

// lookAhead tells the handler of request i of the batch which element of the same value
// the request behind it is about, if it is one of the same command.
func (w *Worker) lookAhead(i int) {
	p, next := &w.prep[i], &w.prep[i+1]
	args := w.reqs[i+1].Args
	if next.spec != p.spec || p.to == p.from || next.to == next.from || len(args) <= p.spec.Ahead ||
		w.keys[p.from].Hash != w.keys[next.from].Hash {
		return
	}
	w.ctx.Next = args[p.spec.Ahead]
}
