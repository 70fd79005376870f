package server

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"kvorum/netloop"
)

// Where the kernel tells its settings.
const (
	fileClock      = "/sys/devices/system/clocksource/clocksource0/current_clocksource"
	fileClocks     = "/sys/devices/system/clocksource/clocksource0/available_clocksource"
	fileOvercommit = "/proc/sys/vm/overcommit_memory"
	fileTHP        = "/sys/kernel/mm/transparent_hugepage/enabled"
	fileBacklogMax = "/proc/sys/net/core/somaxconn"
)

// verdict is what a check of the system came to.
type verdict int

const (
	skipped verdict = iota // it could not be made here
	passed
	failed
)

// check is one check of the system. problem says what is wrong and what to do.
type check struct {
	name string
	run  func() (v verdict, problem string)
}

// COMPAT: system-checks: Redis wants vm.overcommit_memory 1 and fears huge pages
// since it forks. Nothing here does: what hurts is a kernel that refuses address
// space (2), and huge pages under the Go heap.
func checks() []check {
	return []check{
		{"slow-clocksource", checkClock},
		{"xen-clocksource", checkXenClock},
		{"overcommit", checkOvercommit},
		{"THP", checkTHP},
	}
}

// checkSystem is --check-system: it returns the exit status.
func checkSystem(w io.Writer) int {
	status := 0
	for _, c := range checks() {
		v, problem := c.run()
		switch v {
		case skipped:
			fmt.Fprintf(w, "[%s]...skipped\n", c.name)
		case passed:
			fmt.Fprintf(w, "[%s]...OK\n", c.name)
		default:
			fmt.Fprintf(w, "[%s]...WARNING:\n%s\n", c.name, problem)
			status = 1
		}
	}
	return status
}

func readSetting(path string) (string, bool) {
	b, err := os.ReadFile(path)
	return strings.TrimSpace(string(b)), err == nil
}

// checkClock asks for the time for a while: a good clock is read without system
// calls, so the kernel should have had next to nothing to do. A busy machine, or one
// that is virtual, charges a process for work of others now and then: the best of some
// attempts counts.
func checkClock() (verdict, string) {
	const attempts = 5
	for range attempts {
		if v := tryClock(); v != failed {
			return v, ""
		}
	}
	now, _ := readSetting(fileClock)
	all, _ := readSetting(fileClocks)
	return failed, slowClock(now, all)
}

// slowClock advises on the clocksource now, of all that there are.
func slowClock(now, all string) string {
	text := fmt.Sprintf("Reading the time takes a system call with the clocksource '%s', which slows every request down. ", now)
	if now == "tsc" {
		return text + "A kernel or a sandbox that does not let programs read this one themselves may be the reason."
	}
	return text + fmt.Sprintf("The system has: %s. To use another one: echo tsc > %s (as root), and clocksource=tsc on the kernel's command line to keep it.",
		all, fileClock)
}

// tryClock is an attempt of checkClock.
func tryClock() verdict {
	const duration = 50 * time.Millisecond // five ticks of the kernel's accounting
	var before, after syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &before) != nil {
		return skipped
	}
	for start := time.Now(); time.Since(start) < duration; {
		continue
	}
	if syscall.Getrusage(syscall.RUSAGE_SELF, &after) != nil {
		return skipped
	}
	system := after.Stime.Nano() - before.Stime.Nano()
	user := after.Utime.Nano() - before.Utime.Nano()
	const systemShareMax = 10 // one part in so many
	if system*systemShareMax <= system+user {
		return passed
	}
	return failed
}

func checkXenClock() (verdict, string) {
	now, ok := readSetting(fileClock)
	switch {
	case !ok:
		return skipped, ""
	case now != "xen":
		return passed, ""
	}
	return failed, "Your system is configured to use the 'xen' clocksource which might lead to degraded performance. " +
		"Check the result of the [slow-clocksource] system check: run 'kvorum server --check-system'."
}

func checkOvercommit() (verdict, string) {
	mode, ok := readSetting(fileOvercommit)
	switch {
	case !ok:
		return skipped, ""
	case mode != "2":
		return passed, ""
	}
	return failed, "vm.overcommit_memory is 2: the kernel counts address space that is reserved and not used, " +
		"and may refuse memory while there is some. To fix this issue add 'vm.overcommit_memory = 1' to /etc/sysctl.conf " +
		"and then reboot or run the command 'sysctl vm.overcommit_memory=1' for this to take effect."
}

func checkTHP() (verdict, string) {
	mode, ok := readSetting(fileTHP)
	switch {
	case !ok:
		return skipped, ""
	case !strings.Contains(mode, "[always]"):
		return passed, ""
	}
	return failed, "You have Transparent Huge Pages (THP) support enabled in your kernel for every program. " +
		"The server refuses them for itself unless it is told otherwise (disable-thp no); other programs may suffer. " +
		"To change it run the command 'echo madvise > " + fileTHP + "' as root, and add it to your /etc/rc.local."
}

// warnOfSystem logs what is wrong with the system for a server.
func (b *boot) warnOfSystem() {
	for _, run := range []func() (verdict, string){checkOvercommit, checkXenClock} {
		if v, problem := run(); v == failed {
			b.log.Warningf("WARNING %s", problem)
		}
	}
}

// refuseHugePages does what disable-thp asks for, where the kernel would give
// huge pages unasked.
func (p *program) refuseHugePages() {
	if !p.cfg.Bool("disable-thp") {
		return
	}
	if v, problem := checkTHP(); v == failed {
		if err := netloop.DisableTHP(); err != nil {
			p.log.Warningf("WARNING %s (%s)", problem, strerror(err))
		}
	}
}

// warnOfLimits logs settings that the system or common sense is at odds with.
func (p *program) warnOfLimits() {
	backlog := p.cfg.Int("tcp-backlog")
	if text, ok := readSetting(fileBacklogMax); ok {
		if most, err := strconv.ParseInt(text, 10, 64); err == nil && most > 0 && most < backlog {
			p.log.Warningf("WARNING: The TCP backlog setting of %d cannot be enforced because %s is set to the lower value of %d.",
				backlog, fileBacklogMax, most)
		}
	}
}

// warnOfMemory logs a limit that is too small to be meant.
func (p *program) warnOfMemory() {
	const sane = 1 << 20
	if limit := p.cfg.Memory("maxmemory"); limit > 0 && limit < sane {
		p.log.Warningf("WARNING: You specified a maxmemory value that is less than 1MB (current value is %d bytes). Are you sure this is what you really want?", limit)
	}
}
