package servercmd

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kvorum/command"
)

// A graph has the form that a real server gives to the same history.
func TestGraphIsThatOfTheRealServer(t *testing.T) {
	files, err := filepath.Glob("testdata/graph/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		head, want, _ := strings.Cut(string(text), "----\n")
		e := command.LatencyEvent{Name: "command"}
		var now int64
		for _, line := range strings.Split(head, "\n") {
			words := strings.Fields(line)
			switch {
			case len(words) == 2 && words[0] == "now":
				scan(t, words[1], "%d", &now)
			case len(words) == 2 && words[0] == "max":
				scan(t, words[1], "%d", &e.MaxMs)
			case len(words) > 1 && words[0] == "history":
				for _, word := range words[1:] {
					var s command.LatencySample
					scan(t, word, "%d:%d", &s.UnixSec, &s.Ms)
					e.Samples = append(e.Samples, s)
				}
			}
		}
		if have := graphOf(e, now); have != want {
			t.Errorf("%s: have\n%s\nwant\n%s", file, have, want)
		}
	}
}

func scan(t *testing.T, text, format string, into ...any) {
	t.Helper()
	if _, err := fmt.Sscanf(text, format, into...); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
}

// The age under a sample is in its largest unit.
func TestAge(t *testing.T) {
	for sec, want := range map[int64]string{0: "0s", 59: "59s", 60: "1m", 3599: "59m", 3600: "1h", 86399: "23h", 86400: "1d", 864000: "10d"} {
		if have := age(sec); have != want {
			t.Errorf("%d s: %s, want %s", sec, have, want)
		}
	}
}

// The doctor's figures: mean, mean deviation, time from spike to spike.
func TestDoctorSummarizes(t *testing.T) {
	e := command.LatencyEvent{Name: "command", MaxMs: 900, Samples: []command.LatencySample{{UnixSec: 100, Ms: 100}, {UnixSec: 110, Ms: 300}}}
	have := diagnose([]command.LatencyEvent{e}, thresholds{monitorMs: 50, slowlogUsec: -1}, 120)
	for _, want := range []string{
		"1. command: 2 latency spikes (average 200ms, mean deviation 100ms, period 10.00 sec). Worst all time event 900ms.\n",
		"CONFIG SET slowlog-log-slower-than 50000",
	} {
		if !strings.Contains(have, want) {
			t.Errorf("no %q in\n%s", want, have)
		}
	}
}
