package server

import (
	"slices"
	"strings"
	"sync"

	"kvorum/command"
)

// latencySamples is the number of samples kept of an event.
const latencySamples = 160

// latencyMonitor keeps the history of what took longer than
// latency-monitor-threshold: per event one sample a second, the largest of it.
// Any goroutine may use it. Names of events are constants of the program, so
// their number is bounded.
type latencyMonitor struct {
	now func() int64 // Unix ms; set before use

	mu     sync.Mutex
	events map[string]*command.LatencyEvent
}

// record adds a sample of the present second. It is a hook of the engine.
func (m *latencyMonitor) record(event string, ms int64) {
	sec := m.now() / msPerSec
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.events[event]
	if e == nil {
		if m.events == nil {
			m.events = make(map[string]*command.LatencyEvent)
		}
		e = &command.LatencyEvent{Name: event}
		m.events[event] = e
	}
	e.MaxMs = max(e.MaxMs, ms)
	if n := len(e.Samples); n > 0 && e.Samples[n-1].UnixSec == sec {
		e.Samples[n-1].Ms = max(e.Samples[n-1].Ms, ms)
		return
	}
	if len(e.Samples) == latencySamples {
		e.Samples = append(e.Samples[:0], e.Samples[1:]...)
	}
	e.Samples = append(e.Samples, command.LatencySample{UnixSec: sec, Ms: ms})
}

// LatencyEvents implements command.Host.
func (s *Server) LatencyEvents() []command.LatencyEvent {
	m := &s.latency
	m.mu.Lock()
	defer m.mu.Unlock()
	list := make([]command.LatencyEvent, 0, len(m.events))
	for _, e := range m.events {
		list = append(list, command.LatencyEvent{Name: e.Name, MaxMs: e.MaxMs, Samples: slices.Clone(e.Samples)})
	}
	slices.SortFunc(list, func(a, b command.LatencyEvent) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// LatencyReset implements command.Host.
func (s *Server) LatencyReset(events ...string) (n int) {
	m := &s.latency
	m.mu.Lock()
	defer m.mu.Unlock()
	if events == nil {
		n = len(m.events)
		clear(m.events)
		return n
	}
	for name := range m.events {
		if slices.ContainsFunc(events, func(s string) bool { return strings.EqualFold(s, name) }) {
			delete(m.events, name)
			n++
		}
	}
	return n
}
