//go:build linux

package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Scenarios, their rows, and one run of a scenario on one side.

// scenario is a way to drive one server that yields figures for its rows.
type scenario struct {
	name string
	doc  string
	rows []row
	secs int // rough wall time of one run, for the budget
	run  func(*run) error
}

func (s *scenario) rowName(i int) string { return s.name + "/" + s.rows[i].figure }

// row is one line of the table.
type row struct {
	figure string // key of the figure inside its scenario
	title  string
	unit   string
	musts  []must // none: recorded only
}

// comparesPeer tells whether a must of the row needs the peer's figure.
func (r *row) comparesPeer() bool {
	return slices.ContainsFunc(r.musts, func(m must) bool { return m.kind == ratioAtLeast || m.kind == ratioAtMost })
}

// mustKind says what a bound applies to.
type mustKind uint8

const (
	ratioAtLeast mustKind = iota // ours / peer >= bound
	ratioAtMost                  // ours / peer <= bound
	oursAtMost                   // ours <= bound
	oursAtLeast                  // ours >= bound
	notBelow                     // ours >= bound * ours[other]
)

type must struct {
	kind  mustKind
	bound float64
	other string // figure, for notBelow
}

func (m must) text() string {
	switch m.kind {
	case ratioAtLeast:
		return fmt.Sprintf("≥ %.4g ×", m.bound)
	case ratioAtMost:
		return fmt.Sprintf("≤ %.4g ×", m.bound)
	case oursAtMost:
		return fmt.Sprintf("≤ %.4g", m.bound)
	case oursAtLeast:
		return fmt.Sprintf("≥ %.4g", m.bound)
	}
	return fmt.Sprintf("≥ %.4g × %s", m.bound, m.other)
}

func mustText(ms []must) string {
	parts := make([]string, len(ms))
	for i, m := range ms {
		parts[i] = m.text()
	}
	return strings.Join(parts, ", ")
}

// holds judges medians. A figure that is missing (NaN) never holds.
func (m must) holds(ours, peer float64, others map[string]float64) bool {
	switch m.kind {
	case ratioAtLeast:
		return ours/peer >= m.bound
	case ratioAtMost:
		return ours/peer <= m.bound
	case oursAtMost:
		return ours <= m.bound
	case oursAtLeast:
		return ours >= m.bound
	}
	other, ok := others[m.other]
	return ok && ours >= m.bound*other
}

// run is one execution of a scenario on one side. It collects figures and the
// commands that produced them, and owns the server it started.
type run struct {
	ctx     context.Context
	opt     *options
	side    side
	scen    *scenario
	attempt int // counts up over rounds and repeats
	srv     *server
	figures map[string]float64
	log     *commandLog
}

// commandLog keeps what was executed, each line once, in order.
type commandLog struct{ lines []string }

func (c *commandLog) add(line string) {
	if !slices.Contains(c.lines, line) {
		c.lines = append(c.lines, line)
	}
}

// set records a figure.
func (r *run) set(figure string, v float64) {
	r.figures[figure] = v
}

// wants tells whether any of the figures is to be measured in this execution
// of the program; a scenario skips stages nobody asked for.
func (r *run) wants(figures ...string) bool {
	for _, f := range figures {
		if r.opt.selected.MatchString(r.scen.name + "/" + f) {
			return true
		}
	}
	return false
}

// start starts a fresh server, ending the one before.
func (r *run) start(extra ...string) error {
	if err := r.stop(); err != nil {
		return err
	}
	srv, err := startServer(r.ctx, r.side, extra)
	if err != nil {
		return err
	}
	r.srv = srv
	line := r.side.commandLine("PORT", "DIR", extra)
	for i, a := range line {
		if a == "" {
			line[i] = `""`
		}
	}
	r.log.add(displayPath(r.side.binary) + " " + strings.Join(line, " "))
	return nil
}

// stop ends the server, if one runs.
func (r *run) stop() error {
	if r.srv == nil {
		return nil
	}
	srv := r.srv
	r.srv = nil
	return srv.stop()
}

// control opens a control connection to the running server.
func (r *run) control() (*control, error) { return dialControl(r.srv.addr) }

// command runs a single command on a connection of its own.
func (r *run) command(args ...string) (string, error) {
	c, err := r.control()
	if err != nil {
		return "", err
	}
	defer c.close()
	return c.do(args...)
}

// standard runs redis-benchmark.
func (r *run) standard(b *stdBench) (stdResult, error) {
	b.threads = max(b.threads, r.opt.benchThreads)
	line := b.args("PORT")
	for i, a := range line {
		if strings.ContainsAny(a, " ") {
			line[i] = "'" + a + "'"
		}
	}
	r.log.add("redis-benchmark " + strings.Join(line, " "))
	if len(b.command) > 0 {
		// redis-benchmark does not mind error replies: make sure there are none.
		words := slices.Clone(b.command)
		for i := range words {
			words[i] = strings.ReplaceAll(words[i], "__rand_int__", "1")
		}
		if _, err := r.command(words...); err != nil {
			return stdResult{}, err
		}
	}
	return b.run(r.ctx, r.opt.redisBench, r.srv)
}

// value is what the generator stores.
var value = strings.Repeat("x", stdValueSize)

const (
	loadConns = 4
	loadDepth = 512
)

// load sends req once for each of count keys, as fast as it goes.
func (r *run) load(req *request, src source, count int) (*loadResult, error) {
	src.sequential = true
	src.count = max(src.count, uint64(count))
	l := &closedLoad{addr: r.srv.addr, conns: loadConns, depth: loadDepth, req: req, src: src, total: count}
	r.log.add(fmt.Sprintf("%s, %d times", l.describe(), count))
	res, err := l.run(r.ctx)
	if err != nil {
		return nil, fmt.Errorf("load %q: %w", req.text, err)
	}
	return res, nil
}

// loadKeys stores count plain keys of 16 bytes.
func (r *run) loadKeys(count int) error {
	_, err := r.load(newRequest("SET", "key:"+holeKey, value), source{}, count)
	return err
}

// open runs an open load against the server.
func (r *run) open(l *openLoad) (*loadResult, error) {
	l.addr = r.srv.addr
	r.log.add(l.describe())
	return l.run(r.ctx)
}

// pause sleeps unless the program is being ended.
func (r *run) pause(d time.Duration) error {
	select {
	case <-r.ctx.Done():
		return r.ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// saveCurve writes a sampled curve for plotting, if the user asked for curves.
func (r *run) saveCurve(name, header string, lines []string) error {
	if r.opt.curves == "" {
		return nil
	}
	file := fmt.Sprintf("%s-%s-%d.csv", name, r.side.name, r.attempt)
	text := header + "\n" + strings.Join(lines, "\n") + "\n"
	if err := os.MkdirAll(r.opt.curves, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.opt.curves, file), []byte(text), 0o644)
}

// median of the values; NaN without any. Infinite values sort as such.
func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(v))
	m := len(s) / 2
	if len(s)%2 == 1 {
		return s[m]
	}
	return (s[m-1] + s[m]) / 2
}
