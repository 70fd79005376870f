//go:build linux

package main

import "time"

// memorySample is resident memory at one moment.
type memorySample struct {
	at    time.Time
	bytes int64
}

// sampler reads a process's resident memory at regular intervals, on a
// goroutine of its own, until finish.
type sampler struct {
	stop    chan struct{}
	samples chan []memorySample
}

func startSampler(pid int, every time.Duration) *sampler {
	s := &sampler{stop: make(chan struct{}), samples: make(chan []memorySample, 1)}
	go func() {
		var all []memorySample
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			// A process that went away yields no sample; its user notices it first.
			if b, err := residentFast(pid); err == nil {
				all = append(all, memorySample{time.Now(), b})
			}
			select {
			case <-s.stop:
				s.samples <- all
				return
			case <-tick.C:
			}
		}
	}()
	return s
}

// finish ends sampling and returns the samples, oldest first.
func (s *sampler) finish() []memorySample {
	close(s.stop)
	return <-s.samples
}
