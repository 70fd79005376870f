package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// The suite probes each port and the one 10000 above it. Ranges lie below
	// those from which systems take the ports of outgoing connections.
	portFirst = 11100
	portCount = 400 // ports of one run
	portSlots = 20  // ranges to choose from

	lineBytesMax  = 64 << 20 // longest line of output: failures quote values
	crashLinesMax = 60       // lines of a server's standard error shown
	detailMax     = 8 << 10  // bytes of a failure's text shown
)

// defaultBasePort spreads concurrent runs over the port ranges. The suite
// still probes each port before it uses it.
func defaultBasePort(pid int) int { return portFirst + portCount*(pid%portSlots) }

// runUnit runs one unit in a fresh scratch tree. The error is for what kept
// it from starting; everything later is in the result.
func runUnit(ctx context.Context, o options, unit string, skips []skipLine, w io.Writer) (res *result, err error) {
	dir, err := os.MkdirTemp("", "kvorum-suite-")
	if err != nil {
		return nil, err
	}
	if o.keep {
		fmt.Fprintf(w, "%s: scratch tree %s\n", unit, dir)
	} else {
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	missing, err := buildOverlay(dir, o.src, o.server, unit, skips)
	if err != nil {
		return nil, err
	}
	res = &result{unit: unit, skips: skips}
	if len(missing) > 0 {
		res.notes = append(res.notes, "no program found for: "+strings.Join(missing, " "))
	}
	args := []string{"--single", unit, "--clients", "1", "--durable", "--dont-clean",
		"--timeout", strconv.Itoa(int(o.idle.Seconds())),
		"--baseport", strconv.Itoa(o.basePort), "--portcount", strconv.Itoa(portCount)}
	if !o.noSkip {
		skipPath := filepath.Join(dir, "skipfile.txt")
		more, text := suiteArgs(skips, skipPath)
		if err := os.WriteFile(skipPath, []byte(text), 0o644); err != nil {
			return nil, err
		}
		args = append(args, more...)
	}
	start := time.Now()
	if err := runTests(ctx, o, dir, append(args, o.extra...), res, w); err != nil {
		return nil, err
	}
	res.seconds = time.Since(start).Seconds()
	if !res.passed() {
		res.notes = append(res.notes, crashOutput(filepath.Join(dir, "tests", "tmp"))...)
	}
	return res, nil
}

// runTests starts runtest in dir and reads its output into res.
func runTests(ctx context.Context, o options, dir string, args []string, res *result, w io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(dir, "runtest"), args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TERM=dumb") // the suite colours its output under xterm
	// The group holds the test clients and the servers they start.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	// A server that outlives the suite keeps the pipe open: do not wait for it.
	out, in, err := os.Pipe()
	if err != nil {
		return err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = in, in
	err = cmd.Start()
	if cerr := in.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	// The suite has its own idle timer, but it dies with its process.
	watchdog := time.AfterFunc(o.idle+time.Minute, cancel)
	defer watchdog.Stop()
	exited := make(chan error, 1)
	go func() {
		exited <- cmd.Wait()
		// ESRCH, the group is empty, is the usual answer.
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}()
	p := outputParser{res: res}
	sc := bufio.NewScanner(out)
	sc.Buffer(make([]byte, 0, 64<<10), lineBytesMax)
	for sc.Scan() {
		if o.verbose {
			fmt.Fprintf(w, "| %s\n", sc.Text())
		}
		if p.line(sc.Text()) {
			watchdog.Reset(o.idle + time.Minute)
		}
	}
	if err := sc.Err(); err != nil {
		res.notes = append(res.notes, "reading the output: "+err.Error())
		cancel()
	}
	res.exitErr = <-exited
	return nil
}

// crashOutput returns what the servers wrote to standard error, one note per
// server, the first lines of each: the cause of a crash is at its head.
func crashOutput(tmp string) []string {
	paths, err := filepath.Glob(filepath.Join(tmp, "server*", "stderr"))
	if err != nil {
		return nil // only for a malformed pattern
	}
	var notes []string
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil || len(b) == 0 {
			continue
		}
		lines := strings.Split(strings.TrimSpace(string(b)), "\n")
		if len(lines) > crashLinesMax {
			lines = append(lines[:crashLinesMax:crashLinesMax], "...")
		}
		notes = append(notes, "standard error of "+filepath.Base(filepath.Dir(path))+":\n"+strings.Join(lines, "\n"))
	}
	return notes
}

// report prints what became of a unit: counts, failures with their details,
// skipped tests with their reasons, and skip lines that have lost their use.
func report(w io.Writer, r *result, o options) {
	word := "PASS"
	if !r.passed() {
		word = "FAIL"
	}
	fmt.Fprintf(w, "%s %s: %d passed, %d failed, %d skipped (%.1f s)\n",
		word, r.unit, r.count(passed), r.count(failed), r.count(skipped), r.seconds)
	for i := range r.outcomes {
		t := &r.outcomes[i]
		name := t.name
		if name == "" {
			name = "(outside a test)"
		}
		switch t.verdict {
		case passed:
			if o.verbose {
				fmt.Fprintf(w, "  passed   %s\n", name)
			}
		case skipped:
			if t.name == "" {
				name = "(a block of tests)"
			}
			fmt.Fprintf(w, "  skipped  %s  # %s\n", name, r.reasonOf(t))
		case failed:
			fmt.Fprintf(w, "  FAILED   %s\n%s", name, indent(t.detail))
		}
	}
	if !r.ended {
		fmt.Fprintf(w, "  the suite did not reach its end: %v\n", r.exitErr)
	}
	for _, n := range r.notes {
		fmt.Fprintf(w, "  note:\n%s", indent(n))
	}
	if o.noSkip {
		for _, s := range r.needless() {
			fmt.Fprintf(w, "  needless skip line %d: %s\n", s.line, s.text)
		}
	} else if r.ended {
		for _, s := range r.unused() {
			fmt.Fprintf(w, "  unused skip line %d: %s\n", s.line, s.text)
		}
	}
}

// indent returns the lines of s, up to detailMax bytes, set under their
// heading, or "" for none.
func indent(s string) string {
	s = strings.Trim(s, "\n")
	if s == "" {
		return ""
	}
	if len(s) > detailMax {
		s = s[:detailMax] + "..."
	}
	return "           " + strings.ReplaceAll(s, "\n", "\n           ") + "\n"
}
