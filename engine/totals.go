package engine

import (
	"kvorum/command"
	"kvorum/hist"
)

// errorCodesMax bounds the distinct error codes that are counted; the rest is
// counted as one.
//
// COMPAT: errorstats-limit: Redis 7.2 counts without a bound.
const errorCodesMax = 128

// errorCodeRest is the name under which the rest is counted.
const errorCodeRest = "ERRORSTATS_OVERFLOW"

// errorCodeFind is how much of an error is searched for the end of its code.
const errorCodeFind = 32

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
	NetIn  uint64
	NetOut uint64
	// UnexpectedReplies are errors that commands of a master's stream ended with.
	UnexpectedReplies uint64
	Dirty             uint64
	ExpireTicks       uint64 // clock ticks spent in expiry and in compaction
	CompactTicks      uint64
	ExpireCapped      uint64 // slices of expiry that ended with keys left

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

// countError counts an error reply by its code.
func (t *Totals) countError(text string) {
	code := errorCode(text)
	if _, ok := t.ErrorCodes[code]; !ok && len(t.ErrorCodes) >= errorCodesMax {
		code = errorCodeRest
	}
	t.ErrorCodes[code]++
}

// errorCode returns the first word of an error that begins with "-": ERR for one
// without a code.
func errorCode(text string) string {
	if len(text) > 0 && text[0] == '-' {
		for i := 1; i < min(len(text), errorCodeFind); i++ {
			if text[i] == ' ' {
				return text[1:i]
			}
		}
	}
	return "ERR"
}

func (t *Totals) lastError() string { return t.last }

// add sums other into t, but for the histograms.
func (t *Totals) add(o *Totals) {
	t.Commands += o.Commands
	t.Hits += o.Hits
	t.Misses += o.Misses
	t.ExpiredKeys += o.ExpiredKeys
	t.ExpiredFields += o.ExpiredFields
	t.EvictedKeys += o.EvictedKeys
	t.Errors += o.Errors
	t.NetIn += o.NetIn
	t.UnexpectedReplies += o.UnexpectedReplies
	t.NetOut += o.NetOut
	t.Dirty += o.Dirty
	t.ExpireTicks += o.ExpireTicks
	t.CompactTicks += o.CompactTicks
	t.ExpireCapped += o.ExpireCapped
	if t.PerCommand == nil {
		t.PerCommand = make([]CommandStats, len(o.PerCommand))
	}
	for i := range o.PerCommand {
		a, b := &t.PerCommand[i], &o.PerCommand[i]
		a.Calls += b.Calls
		a.Ticks += b.Ticks
		a.Rejected += b.Rejected
		a.Failed += b.Failed
	}
	if t.ErrorCodes == nil {
		t.ErrorCodes = make(map[string]uint64)
	}
	for code, n := range o.ErrorCodes {
		t.ErrorCodes[code] += n
	}
}

// merge adds the histogram of one command to h, which may be nil, and returns the
// sum.
func (t *Totals) merge(h *hist.Histogram, id int) *hist.Histogram {
	if id >= len(t.PerCommand) || t.PerCommand[id].Latency == nil {
		return h
	}
	if h == nil {
		h = hist.New()
	}
	h.Merge(t.PerCommand[id].Latency)
	return h
}

// reset zeroes the counts that CONFIG RESETSTAT resets.
func (t *Totals) reset() {
	clear(t.PerCommand)
	clear(t.ErrorCodes)
	*t = Totals{Stats: command.Stats{OnError: t.OnError}, Dirty: t.Dirty, PerCommand: t.PerCommand, ErrorCodes: t.ErrorCodes}
}

// Totals returns the sum of all workers, ended ones included, without the
// histograms. The world stops for the microseconds that it takes; the caller is
// not in a batch.
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
		if !w.loads {
			sum.add(&w.totals)
		}
	}
	return sum
}

// latencyStep is the number of histograms that are added up in one stop of the
// world: some microseconds for each loop.
const latencyStep = 8

// Latencies returns, by Spec.ID, the histogram of each command's durations in
// nanoseconds, nil for a command without. They are the caller's. The world stops
// for some microseconds at a time; the caller is not in a batch.
func (e *Engine) Latencies() []*hist.Histogram {
	list := make([]*hist.Histogram, len(e.Table.Specs()))
	for from := 0; from < len(list); from += latencyStep {
		e.Exclusive(func() {
			e.mu.Lock()
			defer e.mu.Unlock()
			for id := from; id < min(from+latencyStep, len(list)); id++ {
				list[id] = e.retired.merge(list[id], id)
				for _, w := range e.workers {
					list[id] = w.totals.merge(list[id], id)
				}
			}
		})
	}
	return list
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
	e.resetExceeded()
}
