//go:build unix

package mem

import (
	"syscall"
	"testing"
)

// cpuClock measures CPU time, which a busy machine does not inflate as much
// as it does wall time.
type cpuClock int64

func startCPU() cpuClock { return cpuClock(cpuNs()) }

func cpuNs() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// report adds the CPU time per operation, ops of them per iteration.
func (c cpuClock) report(b *testing.B, ops int) {
	b.ReportMetric(float64(cpuNs()-int64(c))/float64(b.N)/float64(ops), "cpu-ns/verb")
}
