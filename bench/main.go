//go:build linux

// Command bench measures kvorum side by side with a peer (Debian's
// redis-server) and writes the ratios as a markdown table.
//
//	go run ./bench [-run regexp] [-rounds 3] [-quick] [-ours bin/kvorum]
//	               [-peer redis-server] [-md docs/benchmarks.md] [-list]
//
// A scenario (throughput-p16, keys10m, growth …) starts a fresh server of one
// side, drives it, and yields figures; a row is one figure with what it must
// reach. Rounds alternate ours, peer, ours, peer; a row shows the median and
// [min-max] of its rounds, and ratios are ratios of medians. Rows are named
// scenario/figure and -run selects among them.
//
// Rules every scenario keeps:
//
//	B1: both sides get the same flags, no persistence, and a port of their own;
//	    one server runs at a time and is ended by its pid.
//	B2: CPU that other processes used during a run is measured; a disturbed
//	    run is repeated (bounded by -retries and -budget) and what remains
//	    disturbed is shown as such, never hidden.
//	B3: a failed row is a result, not an error: the program exits 1 with
//	    -strict only, and 2 when a scenario could not run.
//
// The package imports nothing of the server: it sees it as a client does.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"
)

// options are the settings of one execution of the program.
type options struct {
	ours, peer   string
	redisBench   string // path of redis-benchmark
	benchThreads int    // its --threads; 0 leaves it single-threaded
	rounds       int
	retries      int           // repeats of one disturbed run
	foreignMax   float64       // percent of one core other processes may use
	budget       time.Duration // wall time after which rounds are dropped
	quick        bool
	curves       string // directory for sampled curves, "" = none
	selected     *regexp.Regexp
}

// pick returns full, or quick when the program runs with -quick.
func (o *options) pick(full, quick int) int {
	if o.quick {
		return quick
	}
	return full
}

// secs is pick for durations in seconds.
func (o *options) secs(full, quick float64) time.Duration {
	if o.quick {
		full = quick
	}
	return time.Duration(full * float64(time.Second))
}

func main() {
	os.Exit(realMain())
}

func realMain() int {
	o := &options{}
	var run, md string
	var list, strict bool
	flag.StringVar(&o.ours, "ours", "bin/kvorum", "our `binary`; one named redis-server or valkey-server is started without a subcommand")
	flag.StringVar(&o.peer, "peer", "redis-server", "the peer's `binary`")
	flag.StringVar(&o.redisBench, "redis-benchmark", "redis-benchmark", "`path` of redis-benchmark")
	flag.IntVar(&o.benchThreads, "bench-threads", 0, "redis-benchmark --threads (0: its single thread)")
	flag.IntVar(&o.rounds, "rounds", 0, "rounds of ours and peer (0: 3, with -quick 1)")
	flag.IntVar(&o.retries, "retries", 2, "repeats of a run that other processes disturbed (none with -quick)")
	flag.Float64Var(&o.foreignMax, "foreign", 15, "CPU other processes may use during a run, `percent` of a core (0: do not care)")
	flag.DurationVar(&o.budget, "budget", 0, "wall time after which rounds and repeats are dropped (0: 40m, with -quick 4m)")
	flag.BoolVar(&o.quick, "quick", false, "a tenth of the keys, short runs, one round: checks the harness, judges nothing")
	flag.StringVar(&o.curves, "curves", "", "`directory` for CSV files of sampled curves")
	flag.StringVar(&run, "run", "", "`regexp` of the rows to run, matched against scenario/figure")
	flag.StringVar(&md, "md", "", "`file` that gets the markdown (standard output always gets it)")
	flag.BoolVar(&list, "list", false, "list the rows and leave")
	flag.BoolVar(&strict, "strict", false, "exit 1 when a row fails")
	flag.Parse()

	if list {
		listRows(os.Stdout, scenarios())
		return 0
	}
	if err := o.complete(run); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()

	b := newRunner(o)
	all := b.runAll(ctx, scenarios())
	text := renderReport(o, machineFacts(o), all)
	fmt.Print(text)
	if md != "" {
		if err := os.WriteFile(md, []byte(text), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			return 2
		}
	}
	broken, failed := verdictCounts(o, all)
	switch {
	case broken > 0 || ctx.Err() != nil:
		return 2
	case failed > 0 && strict:
		return 1
	}
	return 0
}

// complete fills defaults that depend on other flags and checks that the
// programs exist.
func (o *options) complete(run string) error {
	var err error
	if o.selected, err = regexp.Compile(run); err != nil {
		return fmt.Errorf("-run: %w", err)
	}
	if o.rounds <= 0 {
		o.rounds = o.pick(3, 1)
	}
	if o.quick {
		o.foreignMax = 0 // nothing is judged: do not wait for a quiet machine
	}
	if o.budget <= 0 {
		o.budget = o.secs(40*60, 4*60)
	}
	for _, p := range []*string{&o.ours, &o.peer, &o.redisBench} {
		if *p, err = findBinary(*p); err != nil {
			return err
		}
	}
	return raiseFileLimit()
}

// raiseFileLimit lifts the number of open files to the hard limit, for the
// program and (because it is set explicitly) for the servers it starts.
func raiseFileLimit() error {
	var lim syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil {
		return fmt.Errorf("read the limit of open files: %w", err)
	}
	lim.Cur = lim.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lim); err != nil {
		return fmt.Errorf("raise the limit of open files: %w", err)
	}
	return nil
}

func listRows(w io.Writer, all []*scenario) {
	for _, s := range all {
		fmt.Fprintf(w, "%s: %s\n", s.name, s.doc)
		for i := range s.rows {
			fmt.Fprintf(w, "  %-34s %s [%s] %s\n", s.rowName(i), s.rows[i].title, s.rows[i].unit, mustText(s.rows[i].musts))
		}
	}
}
