package server

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// processFigures are processor times in seconds, with microseconds.
type processFigures struct{ system, user, childSystem, childUser string }

func readProcess() (f processFigures) {
	f.system, f.user = usage(syscall.RUSAGE_SELF)
	f.childSystem, f.childUser = usage(syscall.RUSAGE_CHILDREN)
	return f
}

func usage(who int) (system, user string) {
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		return "0.000000", "0.000000"
	}
	return seconds(u.Stime), seconds(u.Utime)
}

func seconds(t syscall.Timeval) string {
	const nsPerSec = 1e9
	return strconv.FormatFloat(float64(t.Nano())/nsPerSec, 'f', 6, 64)
}

// residentBytes returns the memory of the process that is in RAM, 0 where the
// system does not tell.
func residentBytes() int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	words := strings.Fields(string(b))
	if len(words) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(words[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// systemMemory returns the size of the machine's RAM in bytes, 0 where the
// system does not tell.
func systemMemory() int64 {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	line, _, _ := bytes.Cut(b, []byte{'\n'})
	words := strings.Fields(string(line))
	if len(words) < 2 || words[0] != "MemTotal:" {
		return 0
	}
	kb, err := strconv.ParseInt(words[1], 10, 64)
	if err != nil {
		return 0
	}
	return kb << 10
}

// systemName returns name, release and machine of the system, as uname has them
// on Linux.
func systemName() string {
	read := func(file, otherwise string) string {
		b, err := os.ReadFile("/proc/sys/kernel/" + file)
		if err != nil {
			return otherwise
		}
		return strings.TrimSpace(string(b))
	}
	machine := runtime.GOARCH
	switch machine {
	case "amd64":
		machine = "x86_64"
	case "arm64":
		machine = "aarch64"
	}
	return strings.TrimSpace(read("ostype", runtime.GOOS) + " " + read("osrelease", "") + " " + machine)
}
