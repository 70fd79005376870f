package server

import (
	"runtime"
	"strconv"
	"strings"

	"kvorum/netloop"
)

// parseCPUList reads a list of processors as taskset(1) and Redis take it:
// "0,2-3", "0-20:2". ok is false if it is not one.
func parseCPUList(list string) (cpus []int, ok bool) {
	for part := range strings.SplitSeq(list, ",") {
		span, step, hasStep := strings.Cut(part, ":")
		first, last, isSpan := strings.Cut(span, "-")
		if !isSpan {
			last = first
		}
		by := 1
		a, err := strconv.ParseUint(first, 10, 16)
		b, err2 := strconv.ParseUint(last, 10, 16)
		if err != nil || err2 != nil || a > b || b >= netloop.CPUMax || hasStep && !isSpan {
			return nil, false
		}
		if hasStep {
			n, err := strconv.ParseUint(step, 10, 16)
			if err != nil || n == 0 {
				return nil, false
			}
			by = int(n)
		}
		for cpu := int(a); cpu <= int(b); cpu += by {
			cpus = append(cpus, cpu)
		}
	}
	return cpus, true
}

// pin lets the process run on the processors of server_cpulist only. It is done
// before threads with work to do exist: all inherit it.
func (p *program) pin() {
	list := p.cfg.String("server_cpulist")
	if list == "" {
		return
	}
	cpus, ok := parseCPUList(list)
	if !ok {
		p.log.Warningf("server_cpulist '%s' is not a list of processors, it has no effect", list)
		return
	}
	if err := netloop.PinThreads(cpus); err != nil {
		p.log.Warningf("server_cpulist '%s' has no effect: %s", list, strerror(err))
	}
}

// giveWay lets clients on the same machine go first where there is a loop for each
// processor.
func (p *program) giveWay() {
	if len(p.s.loops) < processors(p.cfg.String("server_cpulist")) || runtime.GOOS != "linux" {
		return
	}
	if err := netloop.BatchThreads(); err != nil {
		p.log.Debugf("The scheduling of threads stays as it is: %s", strerror(err))
	}
}

// processors returns the number of processors that a server with this server_cpulist
// has: also a limit of its container counts, and GOMAXPROCS in the environment, which may
// be more than there are.
func processors(list string) int {
	cpus, ok := parseCPUList(list)
	if list == "" || !ok {
		return runtime.GOMAXPROCS(0)
	}
	return min(len(cpus), runtime.GOMAXPROCS(0))
}
