//go:build linux

package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Running Debian's redis-benchmark and reading its CSV.

// stdBench is one execution of redis-benchmark: 50 clients, 32-byte values unless
// size says otherwise.
type stdBench struct {
	test     string   // a name for -t; empty when command is given
	command  []string // a command of its own, with __rand_int__ for keys
	depth    int      // -P
	size     int      // -d; 0: stdValueSize
	keys     int      // -r
	requests int      // -n
	threads  int      // --threads, 0 = none
}

const (
	stdClients   = 50
	stdValueSize = 32
	stdTimeout   = 2 * time.Minute // a run of a few seconds that takes this long is broken
)

func (b *stdBench) args(port string) []string {
	size := b.size
	if size == 0 {
		size = stdValueSize
	}
	a := []string{"-h", "127.0.0.1", "-p", port, "-c", strconv.Itoa(stdClients), "-d", strconv.Itoa(size),
		"-n", strconv.Itoa(b.requests), "-r", strconv.Itoa(b.keys), "-P", strconv.Itoa(b.depth)}
	if b.threads > 0 {
		a = append(a, "--threads", strconv.Itoa(b.threads))
	}
	a = append(a, "--csv")
	if b.test != "" {
		return append(a, "-t", b.test)
	}
	return append(a, b.command...)
}

// stdResult is what the scenarios use of it.
type stdResult struct {
	rps         float64
	cpuUsPerReq float64 // server CPU, user plus system, µs per request
}

// run executes the benchmark against srv and measures the server's CPU around it.
func (b *stdBench) run(ctx context.Context, program string, srv *server) (stdResult, error) {
	before, err := processCPU(srv.pid())
	if err != nil {
		return stdResult{}, err
	}
	limited, cancel := context.WithTimeout(ctx, stdTimeout)
	defer cancel()
	out, err := exec.CommandContext(limited, program, b.args(srv.port)...).Output()
	if limited.Err() != nil {
		return stdResult{}, fmt.Errorf("redis-benchmark: not done after %v", stdTimeout)
	}
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
		}
		return stdResult{}, fmt.Errorf("redis-benchmark: %w", err)
	}
	after, err := processCPU(srv.pid())
	if err != nil {
		return stdResult{}, err
	}
	rps, err := parseStdCSV(string(out))
	if err != nil {
		return stdResult{}, err
	}
	return stdResult{rps: rps, cpuUsPerReq: float64(after-before) / 1e3 / float64(b.requests)}, nil
}

// parseStdCSV returns the rps column of the only test in the output.
func parseStdCSV(out string) (float64, error) {
	// Warnings precede the table on the same stream.
	i := strings.Index(out, `"test",`)
	if i < 0 {
		return 0, fmt.Errorf("redis-benchmark: no table in %q", out)
	}
	rows, err := csv.NewReader(strings.NewReader(out[i:])).ReadAll()
	if err != nil {
		return 0, fmt.Errorf("redis-benchmark: %w", err)
	}
	if len(rows) != 2 || len(rows[1]) < 2 || rows[0][1] != "rps" {
		return 0, fmt.Errorf("redis-benchmark: unexpected table %q", out[i:])
	}
	return strconv.ParseFloat(rows[1][1], 64)
}
