//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// The rounds: ours, peer, ours, peer, with repeats of disturbed runs.

const (
	sideOurs = "ours"
	sidePeer = "peer"

	quietWait = 10 * time.Second // wait for a quiet machine before a run
)

// outcome is all that a scenario yielded.
type outcome struct {
	scen     *scenario
	selected []int                           // rows asked for
	values   map[string]map[string][]float64 // side, figure, one value per round
	foreign  []float64                       // percent of a core, one per counted run
	repeats  int
	skipped  string // why rounds are missing, "" = none
	commands map[string]*commandLog
	err      error
}

type runner struct {
	opt   *options
	sides []side
	began time.Time
}

func newRunner(o *options) *runner {
	return &runner{opt: o, began: time.Now(), sides: []side{{sideOurs, o.ours}, {sidePeer, o.peer}}}
}

// runAll runs every scenario that has a selected row.
func (b *runner) runAll(ctx context.Context, all []*scenario) []*outcome {
	var out []*outcome
	for _, s := range all {
		o := newOutcome(s)
		for i := range s.rows {
			if b.opt.selected.MatchString(s.rowName(i)) {
				o.selected = append(o.selected, i)
			}
		}
		if len(o.selected) > 0 {
			out = append(out, o)
		}
	}
	for i, o := range out {
		b.runScenario(ctx, o, out[i+1:])
	}
	return out
}

func newOutcome(s *scenario) *outcome {
	o := &outcome{scen: s, values: map[string]map[string][]float64{}, commands: map[string]*commandLog{}}
	for _, name := range []string{sideOurs, sidePeer} {
		o.values[name] = map[string][]float64{}
		o.commands[name] = &commandLog{}
	}
	return o
}

// runScenario runs the rounds of one scenario. later are those still to come:
// each of them is owed one round before this one gets its second.
func (b *runner) runScenario(ctx context.Context, o *outcome, later []*outcome) {
	var owed time.Duration
	for _, l := range later {
		owed += b.estimate(l.scen)
	}
	roundTime := b.estimate(o.scen)
	for round := range b.opt.rounds {
		left := b.opt.budget - time.Since(b.began)
		if left <= 0 || round > 0 && left < owed+roundTime {
			o.skipped = fmt.Sprintf("%d of %d rounds, for lack of time", round, b.opt.rounds)
			return
		}
		began := time.Now()
		for _, s := range b.sides {
			allowRepeat := func() bool { return b.opt.budget-time.Since(b.began) > owed+roundTime }
			if err := b.counted(ctx, o, s, round, allowRepeat); err != nil {
				o.err = fmt.Errorf("%s, %s: %w", o.scen.name, s.name, err)
				fmt.Fprintln(os.Stderr, "bench:", o.err)
				return
			}
		}
		roundTime = time.Since(began)
	}
}

// estimate is the time one round of both sides takes.
func (b *runner) estimate(s *scenario) time.Duration {
	d := 2 * time.Duration(s.secs) * time.Second
	if b.opt.quick {
		d /= 5
	}
	return d
}

// counted runs a side until a run was undisturbed or the repeats are used up,
// and counts the least disturbed one.
func (b *runner) counted(ctx context.Context, o *outcome, s side, round int, allowRepeat func() bool) error {
	var best map[string]float64
	var bestForeign float64
	for try := 0; ; try++ {
		if b.opt.foreignMax > 0 && allowRepeat() {
			awaitQuiet(b.opt.foreignMax, quietWait)
		}
		began := time.Now()
		figures, foreign, err := b.once(ctx, o, s, round*(b.opt.retries+1)+try)
		if err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "%-16s round %d %s: %.1f s, foreign CPU %.0f %%%s\n", o.scen.name, round+1, s.name,
			time.Since(began).Seconds(), foreign, progressText(figures))
		if best == nil || foreign < bestForeign {
			best, bestForeign = figures, foreign
		}
		disturbed := b.opt.foreignMax > 0 && foreign > b.opt.foreignMax
		if !disturbed || try >= b.opt.retries || !allowRepeat() {
			break
		}
		o.repeats++
	}
	for f, v := range best {
		o.values[s.name][f] = append(o.values[s.name][f], v)
	}
	o.foreign = append(o.foreign, bestForeign)
	return nil
}

// once is one run with its own fresh server.
func (b *runner) once(ctx context.Context, o *outcome, s side, attempt int) (map[string]float64, float64, error) {
	meter, err := beginForeign()
	if err != nil {
		return nil, 0, err
	}
	r := &run{ctx: ctx, opt: b.opt, side: s, scen: o.scen, attempt: attempt,
		figures: map[string]float64{}, log: o.commands[s.name]}
	err = o.scen.run(r)
	if err != nil && r.srv != nil {
		err = fmt.Errorf("%w (the server's log ends: %s)", err, r.srv.logTail())
	}
	// The server must be reaped before its CPU counts as ours.
	err = errors.Join(err, r.stop())
	if err != nil {
		return nil, 0, err
	}
	foreign, err := meter.share()
	return r.figures, foreign, err
}
