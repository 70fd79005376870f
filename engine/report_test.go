package engine_test

import (
	"fmt"
	"testing"

	"kvorum/clock"
	"kvorum/command"
	"kvorum/engine"
	"kvorum/keyspace"
	"kvorum/resp"
)

// slowEngine has commands that take as many milliseconds as their argument says,
// and notes what it is told of them.
func slowEngine(t *testing.T) (e *engine.Engine, told *[]string) {
	t.Helper()
	hand := clock.NewManual(1_700_000_000_000)
	spend := func(c *command.Ctx) {
		ms, ok := c.Int(1)
		if !ok {
			return
		}
		hand.Advance(ms)
		c.W.OK()
	}
	later := func(c *command.Ctx) {
		c.Sess.Task = func(w *resp.Writer) {
			hand.Advance(30)
			w.Err("-OOPS it failed")
		}
	}
	table, err := command.NewTable([]*command.Spec{
		{Name: "slow", Arity: 2, Handler: spend},
		{Name: "quick", Arity: 2, Flags: command.Fast, Handler: spend},
		{Name: "secret", Arity: 2, Flags: command.SkipSlowlog, Handler: spend},
		{Name: "later", Arity: 1, Handler: later},
	})
	if err != nil {
		t.Fatal(err)
	}
	told = new([]string)
	ks := keyspace.New(1)
	e = engine.New(ks, table, hand.Clock(), engine.Hooks{
		OnSlow:    func(s engine.Slow) { *told = append(*told, fmt.Sprintf("slow %s %d", s.Args[0], s.Duration)) },
		OnLatency: func(event string, ms int64) { *told = append(*told, fmt.Sprintf("%s %d", event, ms)) },
	})
	t.Cleanup(ks.Close)
	return e, told
}

// A command is reported from its threshold on, not below: to the slow log in
// microseconds, to the latency monitor in milliseconds, to each by its own.
func TestReportsStartAtTheirThresholds(t *testing.T) {
	for _, c := range []struct {
		slowUsec, latencyMs int64
		want                string
	}{
		{-1, 0, "[]"},
		{10_000, 0, "[slow SLOW 10000 slow QUICK 11000]"},
		{-1, 11, "[fast-command 11 command 12]"},
		{10_001, 10, "[command 10 fast-command 11 slow QUICK 11000 command 12]"},
		{0, 1 << 60, "[slow SLOW 9000 slow SLOW 10000 slow QUICK 11000]"},
		{1 << 62, 0, "[]"},
	} {
		e, told := slowEngine(t)
		set := *e.Settings()
		set.SlowlogUsec, set.LatencyMs = c.slowUsec, c.latencyMs
		e.Apply(set)
		w, s := e.NewWorker(), e.NewSession(nil)
		for _, line := range []string{"SLOW 9", "SLOW 10", "QUICK 11", "SECRET 12"} {
			do(w, s, line)
		}
		w.Close()
		if have := fmt.Sprint(*told); have != c.want {
			t.Errorf("slow log from %d us, monitor from %d ms: %s, want %s", c.slowUsec, c.latencyMs, have, c.want)
		}
	}
}

// A command that goes on in a Task counts when that is done: once, with its time,
// its error, and its place in the slow log.
func TestTaskCountsWhenDone(t *testing.T) {
	e, told := slowEngine(t)
	set := *e.Settings()
	set.SlowlogUsec = 20_000
	e.Apply(set)
	w, s := e.NewWorker(), e.NewSession(nil)
	defer w.Close()
	const id = 3
	_, _, out := w.Serve(s, resp.AppendCommandStrings(nil, "later"), nil)
	if n := e.Totals().PerCommand[id].Calls; n != 0 || len(out) != 0 {
		t.Errorf("before the end %d calls and the reply %q", n, out)
	}
	s.Task = nil
	w.Finish(s, 30_000_000, [][]byte{[]byte("-OOPS it failed\r\n")})
	sum := e.Totals()
	st := sum.PerCommand[id]
	if st.Calls != 1 || st.Failed != 1 || st.Ticks != 30_000_000 || sum.Errors != 1 || sum.ErrorCodes["OOPS"] != 1 {
		t.Errorf("%+v, %d errors: %v", st, sum.Errors, sum.ErrorCodes)
	}
	if have := fmt.Sprint(*told); have != "[slow later 30000]" {
		t.Errorf("told %s", have)
	}
	if h := e.Latencies()[id]; h != nil {
		t.Errorf("a histogram although latency-tracking is off")
	}
}
