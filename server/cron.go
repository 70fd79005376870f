package server

import (
	"os"
	"runtime/debug"
	"time"

	"kvorum/command"
	"kvorum/mem"
)

const (
	// cronPerSec is how often the server looks after its memory and samples its
	// counters.
	cronPerSec = 10

	// gcPercent lets the small Go heap grow well beyond its live part between
	// collections: the data are not in it (docs/design/0003).
	gcPercent = 400
	// Above heapLimitMin the heap may grow to heapLimitTimes its live part only,
	// so that many clients with large buffers do not cost five times as much.
	heapLimitMin   = 256 << 20
	heapLimitTimes = 2
	heapLimitStep  = 64 << 20
	heapLimitFine  = 1 << 20
)

// cron looks after the memory and samples counters until the server ends.
func (s *Server) cron() {
	defer s.done.Done()
	limit := newHeapLimit()
	t := time.NewTicker(time.Second / cronPerSec)
	defer t.Stop()
	start := time.Now()
	last := start
	var saveLook time.Time
	for turns := 0; ; {
		select {
		case <-s.stop:
			return
		case <-s.evictNow:
			s.evictClients()
			continue
		case <-t.C:
		}
		if s.cronPaused.Load() {
			continue
		}
		now := time.Now()
		mem.Housekeep(now.Sub(start).Milliseconds())
		s.sampleRates(now.Sub(last))
		last = now
		s.retireTracking()
		heap := readGo()
		s.noteMemory(heap)
		limit.adjust(s.heapCeiling(heap.liveBytes))
		s.saveCron(&saveLook)
		if turns%stateLogTicks == 0 {
			s.logState()
		}
		turns++
	}
}

// heapLimit steers the collector. It leaves it alone when the environment has
// its own idea.
type heapLimit struct {
	off bool
	now int64
}

func newHeapLimit() *heapLimit {
	l := &heapLimit{off: os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != ""}
	if !l.off {
		debug.SetGCPercent(gcPercent)
	}
	return l
}

// adjust makes the soft limit follow what is wanted, in steps.
func (l *heapLimit) adjust(want int64) {
	step := int64(heapLimitStep)
	if want < heapLimitMin {
		step = heapLimitFine
	}
	want = (want + step - 1) / step * step
	if l.off || want == l.now || want < l.now && want > l.now/2 {
		return
	}
	l.now = want
	debug.SetMemoryLimit(want)
}

// NowUs implements command.Host.
func (s *Server) NowUs() int64 { return s.clock.NowUs() }

// Sleep implements command.Host.
func (s *Server) Sleep(us int64) { time.Sleep(time.Duration(us) * time.Microsecond) }

// Log implements command.Host.
func (s *Server) Log(text string) { s.log.Warningf("%s", text) }

// SetActiveExpire implements command.Host.
func (s *Server) SetActiveExpire(on bool) { s.eng.SetActiveExpire(on) }

// Table implements command.Host.
func (s *Server) Table() *command.Table { return s.table }
