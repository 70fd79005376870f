//go:build linux

package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// What /proc tells: CPU and memory of a server, CPU of everybody else.

const (
	ticksPerSec = 100 // USER_HZ, the unit of /proc/PID/stat and /proc/stat; 100 on every Linux of today
	nsPerTick   = 1e9 / ticksPerSec
)

// processCPU returns user plus system time of all threads of pid, dead ones
// included, in nanoseconds (resolution 10 ms).
func processCPU(pid int) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	ns, _, err := parseProcessCPU(b)
	return ns, err
}

// parseProcessCPU returns the CPU time of a process and of its reaped
// children, in nanoseconds, from its stat line.
func parseProcessCPU(stat []byte) (ownNs, reapedNs int64, err error) {
	// The name in parentheses may hold anything: fields start after the last ')'.
	i := bytes.LastIndexByte(stat, ')')
	fields := strings.Fields(string(stat[i+1:]))
	const utime = 14 - 3 // numbered from 1 in proc(5), the state is field 3; then stime, cutime, cstime
	if i < 0 || len(fields) < utime+4 {
		return 0, 0, errors.New("proc: short stat line")
	}
	var v [4]int64
	for k := range v {
		if v[k], err = strconv.ParseInt(fields[utime+k], 10, 64); err != nil {
			return 0, 0, fmt.Errorf("proc: stat: %w", err)
		}
	}
	return (v[0] + v[1]) * nsPerTick, (v[2] + v[3]) * nsPerTick, nil
}

// residentBytes returns the resident memory of pid exactly, by a walk of its
// page tables: not for use while latency is being measured.
func residentBytes(pid int) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return residentFast(pid)
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "Rss:" {
			kb, err := strconv.ParseInt(f[1], 10, 64)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("proc: no Rss in smaps_rollup of %d", pid)
}

// residentFast returns resident memory from the kernel's running counters: a
// few pages off, and free of cost for the process.
func residentFast(pid int) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	f := strings.Fields(string(b))
	if len(f) < 2 {
		return 0, errors.New("proc: short statm line")
	}
	pages, err := strconv.ParseInt(f[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// foreignMeter measures the CPU used by processes that are neither this
// program nor its children.
//
// Two ways, the larger counts. Machine-wide busy time minus own time minus that
// of reaped children sees everything, but is sampled at ticks, so that with
// many short wake-ups it comes out tens of percent low. The growth of the times
// of all other processes is exact, but misses what is hidden from /proc, stolen
// from the machine, or reaped by nobody.
// All children must have been started after begin and waited for before share.
type foreignMeter struct {
	start    time.Time
	busyNs   int64
	ownNs    int64
	othersNs int64
	irq      bool
}

func beginForeign() (*foreignMeter, error) {
	m := &foreignMeter{start: time.Now(), irq: !irqTimeAccounted()}
	var err error
	if m.othersNs, err = othersCPU(); err != nil {
		return nil, err
	}
	m.busyNs, m.ownNs, err = m.read()
	return m, err
}

// share returns what others used since begin, in percent of one core. It may
// be a little below zero: the two clocks tick differently.
func (m *foreignMeter) share() (float64, error) {
	busy, own, err := m.read()
	if err != nil {
		return 0, err
	}
	others, err := othersCPU()
	ns := max((busy-m.busyNs)-(own-m.ownNs), others-m.othersNs)
	return 100 * float64(ns) / float64(time.Since(m.start)), err
}

// othersCPU sums the times of all processes but this one, each with its reaped
// children: a process that ends moves its time to its parent, so the sum only
// grows.
func othersCPU() (int64, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue // it ended meanwhile
		}
		own, reaped, err := parseProcessCPU(b)
		if err != nil {
			return 0, err
		}
		sum += own + reaped
	}
	return sum, nil
}

func (m *foreignMeter) read() (busyNs, ownNs int64, err error) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0, err
	}
	if busyNs, err = parseBusy(b, m.irq); err != nil {
		return 0, 0, err
	}
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err = syscall.Getrusage(who, &u); err != nil {
			return 0, 0, err
		}
		ownNs += u.Utime.Nano() + u.Stime.Nano()
	}
	return busyNs, ownNs, nil
}

// parseBusy sums the busy columns of the first line of /proc/stat. Steal is
// busy: the machine's owner disturbs as much as a neighbour does.
func parseBusy(stat []byte, withIRQ bool) (int64, error) {
	line, _, _ := strings.Cut(string(stat), "\n")
	f := strings.Fields(line)
	if len(f) < 9 || f[0] != "cpu" {
		return 0, errors.New("proc: unexpected first line of /proc/stat")
	}
	const user, nice, system, irq, softirq, steal = 1, 2, 3, 6, 7, 8
	columns := []int{user, nice, system, steal}
	if withIRQ {
		columns = append(columns, irq, softirq)
	}
	var sum int64
	for _, c := range columns {
		v, err := strconv.ParseInt(f[c], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("proc: /proc/stat: %w", err)
		}
		sum += v
	}
	return sum * nsPerTick, nil
}

// irqTimeAccounted tells whether the kernel keeps interrupt time apart from
// the processes it interrupted. Where it does not, loopback traffic's softirq
// time is part of our processes' CPU, so it must be part of the total too.
func irqTimeAccounted() bool {
	f, err := os.Open("/proc/config.gz")
	if err != nil {
		return true // distribution kernels that hide their configuration set it
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return true
	}
	sc := bufio.NewScanner(z)
	for sc.Scan() {
		if sc.Text() == "CONFIG_IRQ_TIME_ACCOUNTING=y" {
			return true
		}
	}
	return false
}

// awaitQuiet waits, at most limit, for a moment in which others use less than
// maxPercent of a core. No child of this program may be running.
func awaitQuiet(maxPercent float64, limit time.Duration) {
	const look = 300 * time.Millisecond
	for end := time.Now().Add(limit); time.Now().Before(end); {
		m, err := beginForeign()
		if err != nil {
			return
		}
		time.Sleep(look)
		if share, err := m.share(); err != nil || share < maxPercent {
			return
		}
	}
}
