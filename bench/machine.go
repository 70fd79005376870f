//go:build linux

package main

import (
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// machineFacts describes, as lines of markdown, where the figures come from.
func machineFacts(o *options) []string {
	return []string{
		fmt.Sprintf("machine: %d CPUs, %s, %s memory", runtime.NumCPU(), fileField("/proc/cpuinfo", "model name"), fileField("/proc/meminfo", "MemTotal")),
		fmt.Sprintf("kernel: Linux %s, transparent huge pages %s", readLine("/proc/sys/kernel/osrelease"), chosenOption(readLine("/sys/kernel/mm/transparent_hugepage/enabled"))),
		fmt.Sprintf("ours: `%s`, built with %s", displayPath(o.ours), goVersion(o.ours)),
		fmt.Sprintf("peer: `%s`, %s", displayPath(o.peer), versionLine(o.peer)),
		"generator: " + versionLine(o.redisBench) + ", and this program (" + runtime.Version() + ")",
	}
}

// fileField returns the value of the first "name : value" line of a file.
func fileField(path, name string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(b)) {
		if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == name {
			return strings.TrimSpace(v)
		}
	}
	return "unknown"
}

func readLine(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return "unknown"
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return line
}

// chosenOption returns the bracketed word of a sysfs choice such as
// "always [madvise] never".
func chosenOption(line string) string {
	if _, rest, ok := strings.Cut(line, "["); ok {
		word, _, _ := strings.Cut(rest, "]")
		return word
	}
	return line
}

func goVersion(binary string) string {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return "no Go toolchain"
	}
	return info.GoVersion
}

// versionLine is the first line a program prints for --version. The build
// hashes at its end are cut.
func versionLine(binary string) string {
	out, err := exec.Command(binary, "--version").Output()
	if err != nil {
		return "unknown version"
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	line, _, _ = strings.Cut(line, " sha=")
	return line
}
