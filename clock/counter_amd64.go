package clock

import (
	"bytes"
	"os"
)

// readCounter reads the time stamp counter.
func readCounter() uint64

// cpuid executes CPUID for a leaf, subleaf 0.
func cpuid(leaf uint32) (eax, ebx, ecx, edx uint32)

const (
	cpuidExtendedMax = 0x80000000
	cpuidPower       = 0x80000007
	invariantTSCBit  = 1 << 8
)

// counterUsable reports whether the time stamp counter runs at one rate on all
// processors: the processor says so and the kernel has not given up on it. A
// kernel that finds counters out of step changes to another clock source.
func counterUsable() bool {
	if eax, _, _, _ := cpuid(cpuidExtendedMax); eax < cpuidPower {
		return false
	}
	if _, _, _, edx := cpuid(cpuidPower); edx&invariantTSCBit == 0 {
		return false
	}
	name, err := os.ReadFile("/sys/devices/system/clocksource/clocksource0/current_clocksource")
	if err != nil {
		return true // another system, or sandboxed: the processor's word
	}
	switch string(bytes.TrimSpace(name)) {
	case "tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "xen":
		return true // all of them read the same counter
	}
	return false
}

// counterHz returns 0: the rate has to be measured.
func counterHz() uint64 {
	return 0
}
