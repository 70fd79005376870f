package engine

import (
	"kvorum/command"
	"kvorum/hist"
)

// errorCodesMax bounds the distinct error codes that are counted; the rest is
// counted as one.
const errorCodesMax = 128

// CommandStats counts the calls of one command.
type CommandStats struct {
	Calls    uint64
	Ticks    uint64          // clock ticks spent
	Rejected uint64          // calls refused before execution
	Failed   uint64          // calls that replied an error
	Latency  *hist.Histogram // nanoseconds; nil before the first call
}

// Totals are the counts of one worker, or of all. A worker's are written by its
// goroutine only; others read them while the world is stopped or accept that
// single words may be a batch old.
type Totals struct {
	command.Stats
	NetIn      uint64
	NetOut     uint64
	Dirty      uint64
	PerCommand []CommandStats // by Spec.ID
	ErrorCodes map[string]uint64
	last       string // code of the last error replied
}

func (t *Totals) init(table *command.Table) {
	t.PerCommand = make([]CommandStats, len(table.Specs()))
	t.ErrorCodes = make(map[string]uint64)
	t.OnError = func(text string) { t.last = text }
}

func (st *CommandStats) record(ns int64) {
	if st.Latency == nil {
		st.Latency = hist.New()
	}
	st.Latency.Record(ns)
}

// countError counts an error reply by its code: the first word without "-".
func (t *Totals) countError(text string) {
	code := text
	if len(code) > 0 && code[0] == '-' {
		code = code[1:]
	}
	for i := range len(code) {
		if code[i] == ' ' {
			code = code[:i]
			break
		}
	}
	if _, ok := t.ErrorCodes[code]; !ok && len(t.ErrorCodes) >= errorCodesMax {
		code = "others"
	}
	t.ErrorCodes[code]++
}

func (t *Totals) lastError() string { return t.last }

// add sums other into t.
func (t *Totals) add(o *Totals) {
	t.Commands += o.Commands
	t.Hits += o.Hits
	t.Misses += o.Misses
	t.ExpiredKeys += o.ExpiredKeys
	t.Errors += o.Errors
	t.NetIn += o.NetIn
	t.NetOut += o.NetOut
	t.Dirty += o.Dirty
	if t.PerCommand == nil {
		t.PerCommand = make([]CommandStats, len(o.PerCommand))
	}
	for i := range o.PerCommand {
		a, b := &t.PerCommand[i], &o.PerCommand[i]
		a.Calls += b.Calls
		a.Ticks += b.Ticks
		a.Rejected += b.Rejected
		a.Failed += b.Failed
		if b.Latency != nil {
			if a.Latency == nil {
				a.Latency = hist.New()
			}
			a.Latency.Merge(b.Latency)
		}
	}
	if t.ErrorCodes == nil {
		t.ErrorCodes = make(map[string]uint64)
	}
	for code, n := range o.ErrorCodes {
		t.ErrorCodes[code] += n
	}
}

// reset zeroes the counts that CONFIG RESETSTAT resets.
func (t *Totals) reset() {
	clear(t.PerCommand)
	clear(t.ErrorCodes)
	dirty := t.Dirty
	hook := t.OnError
	t.Stats = command.Stats{OnError: hook}
	t.NetIn, t.NetOut, t.Dirty = 0, 0, dirty
}

// Totals returns the sum of all workers, ended ones included. The world stops
// for the microseconds that it takes; the caller is not in a batch.
func (e *Engine) Totals() Totals {
	var sum Totals
	e.Exclusive(func() { sum = e.TotalsExclusive() })
	return sum
}

// TotalsExclusive is Totals for a caller that is exclusive already.
func (e *Engine) TotalsExclusive() Totals {
	e.mu.Lock()
	defer e.mu.Unlock()
	var sum Totals
	sum.PerCommand = make([]CommandStats, len(e.Table.Specs()))
	if e.retired.PerCommand != nil {
		sum.add(&e.retired)
	}
	for _, w := range e.workers {
		sum.add(&w.totals)
	}
	return sum
}

// ResetTotals zeroes the counts, as CONFIG RESETSTAT does. The caller is
// exclusive.
func (e *Engine) ResetTotals() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.retired = Totals{}
	for _, w := range e.workers {
		w.totals.reset()
	}
}
