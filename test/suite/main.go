// Command suite runs the Tcl test suite of a Valkey 8.0 checkout with our
// binary as the server.
//
//	go run ./test/suite -src CHECKOUT [-bin bin/kvorum] [-unit unit/expire]... [-v]
//
// It may be called from the Makefile and by hand; nothing imports it.
//
// How it works. The suite starts `src/valkey-server CONFIG` in its working
// directory. For each unit the runner builds a scratch tree of symbolic links
// to the checkout (overlay.go) in which src/valkey-server is a link to our
// binary, which acts as a server because of that name. It then starts the
// checkout's ./runtest there with one test client and one unit, with what the
// skip file says of that unit as a --skipfile and --tags (skip.go), and reads
// the verdicts from its output (output.go). Units run one after another.
//
// Invariants:
//
//  1. The checkout is never written to: every directory in which the suite
//     creates files is a real directory of the scratch tree.
//  2. A unit passes only if the suite's own exit status is 0, it reached its
//     end, and no test failed. A verdict that is not understood is a failure.
//  3. No process outlives its unit: each runtest has its own process group,
//     which is killed when the unit is over, also after a signal.
//
// It must not build the checkout, nor compare anything itself: what a test
// expects is the suite's business.
//
// Exit status: 0 all units passed, 1 some test failed, 2 the suite could not
// be run (usage, no checkout, no tclsh, no server binary).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	exitFailed = 1 // a test failed
	exitUsage  = 2 // the suite could not be run
)

// options are the command line, checked and with absolute paths.
type options struct {
	src      string        // Valkey checkout
	server   string        // binary that plays valkey-server
	skipPath string        // skip file
	units    []string      // units to run, in order; empty: the sections of the skip file
	basePort int           // first port of the range given to the servers of a unit
	idle     time.Duration // a unit is given up after this long without a verdict
	verbose  bool          // list passed tests too, and echo runtest's output
	noSkip   bool          // run the skipped tests as well and say which of them pass
	keep     bool          // keep the scratch trees
	extra    []string      // further runtest options, after "--"
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	opts, err := parseOptions(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		os.Exit(0)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "suite:", err)
		os.Exit(exitUsage)
	}
	ok, err := runAll(ctx, opts, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "suite:", err)
		os.Exit(exitUsage)
	}
	if !ok {
		os.Exit(exitFailed)
	}
}

// parseOptions reads the command line. Usage goes to w.
func parseOptions(args []string, w io.Writer) (options, error) {
	var o options
	fs := flag.NewFlagSet("suite", flag.ContinueOnError)
	fs.SetOutput(w)
	fs.StringVar(&o.src, "src", os.Getenv("SRC"), "checkout of Valkey 8.0 (default $SRC)")
	fs.StringVar(&o.server, "bin", "bin/kvorum", "server binary")
	fs.StringVar(&o.skipPath, "skip", "test/suite/skip.txt", "skip file")
	fs.Func("unit", "unit to run, may be repeated (default: the sections of the skip file)", func(s string) error {
		o.units = append(o.units, strings.TrimSuffix(strings.TrimPrefix(s, "tests/"), ".tcl"))
		return nil
	})
	fs.IntVar(&o.basePort, "baseport", defaultBasePort(os.Getpid()), "first port used for servers")
	fs.DurationVar(&o.idle, "idle", 5*time.Minute, "give a unit up after this long without a verdict")
	fs.BoolVar(&o.verbose, "v", false, "list passed tests and echo the suite's output")
	fs.BoolVar(&o.noSkip, "noskip", false, "run skipped tests too and report those that pass")
	fs.BoolVar(&o.keep, "keep", false, "keep the scratch trees, which hold the server logs")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	o.extra = fs.Args()
	if o.src == "" {
		return o, errors.New("-src must name a checkout of Valkey 8.0")
	}
	if o.idle < time.Second {
		return o, fmt.Errorf("-idle %v is under a second", o.idle)
	}
	for _, p := range []*string{&o.src, &o.server, &o.skipPath} {
		abs, err := filepath.Abs(*p)
		if err != nil {
			return o, fmt.Errorf("path %q: %w", *p, err)
		}
		*p = abs
	}
	return o, nil
}

// runAll runs the units and prints the report. It returns whether all passed;
// the error is for what kept the suite from running at all.
func runAll(ctx context.Context, o options, w io.Writer) (bool, error) {
	if err := checkSetup(o); err != nil {
		return false, err
	}
	skips, err := readSkipFile(o.skipPath)
	if err != nil {
		return false, err
	}
	units := o.units
	if len(units) == 0 {
		units = skips.units
	}
	for _, u := range units {
		if _, err := os.Stat(filepath.Join(o.src, "tests", u+".tcl")); err != nil {
			return false, fmt.Errorf("unit %s: %w", u, err)
		}
	}
	var failed []string
	start := time.Now()
	for _, u := range units {
		res, err := runUnit(ctx, o, u, skips.of(u), w)
		if err != nil {
			return false, fmt.Errorf("unit %s: %w", u, err)
		}
		report(w, res, o)
		if !res.passed() {
			failed = append(failed, u)
		}
		if ctx.Err() != nil {
			return false, errors.New("interrupted")
		}
	}
	fmt.Fprintf(w, "\n%d of %d units passed in %.1f s", len(units)-len(failed), len(units), time.Since(start).Seconds())
	if len(failed) > 0 {
		fmt.Fprintf(w, "; failed: %s", strings.Join(failed, " "))
	}
	fmt.Fprintln(w)
	return len(failed) == 0, nil
}

// checkSetup finds what is missing before anything is started, because the
// suite itself would only time out.
func checkSetup(o options) error {
	for _, p := range []string{"runtest", "tests/test_helper.tcl", "tests/assets/default.conf"} {
		if _, err := os.Stat(filepath.Join(o.src, p)); err != nil {
			return fmt.Errorf("%s is not a Valkey checkout: %w", o.src, err)
		}
	}
	st, err := os.Stat(o.server)
	if err != nil {
		return fmt.Errorf("server binary: %w (run make build first)", err)
	}
	if st.IsDir() || st.Mode()&0o111 == 0 {
		return fmt.Errorf("server binary %s is not executable", o.server)
	}
	// The names ./runtest looks for.
	if !slices.ContainsFunc([]string{"tclsh8.5", "tclsh8.6", "tclsh8.7"}, onPath) {
		return errors.New("no tclsh8.6 found: install Tcl (Debian: apt-get install tcl)")
	}
	return nil
}
