package server

// loadingField is a row that is there only while data are loaded.
func loadingField(name string, value func(*loadProgress, *report) any) field {
	return field{name, func(r *report) any {
		p := r.s.persist.loading.Load()
		if p == nil {
			return nil
		}
		return value(p, r)
	}}
}

// percent returns how much of the file has been read.
func (p *loadProgress) percent() float64 {
	if p.total <= 0 {
		return 0
	}
	return 100 * float64(p.done.Load()) / float64(p.total)
}

// etaSec returns about how many seconds are left, 1 as long as nobody can tell.
func (p *loadProgress) etaSec(nowMs int64) int64 {
	done, spent := p.done.Load(), max(nowMs-p.startMs, 0)
	if done == 0 || spent < msPerSec {
		return 1
	}
	return int64(float64(spent) / msPerSec * float64(max(p.total-done, 0)) / float64(done))
}

// running returns the save in the background, or nil.
func (p *persistence) running() *backgroundJob {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.job
}

func (r *report) ifSaving(n int64) int64 {
	if r.s.persist.running() == nil {
		return 0
	}
	return n
}

// savedPercent returns how much of the save in the background is done, by keys.
func (r *report) savedPercent() float64 {
	total := r.ifSaving(r.s.persist.keysTotal.Load())
	if total == 0 {
		return 0
	}
	return min(100*float64(r.s.persist.keysSoFar.Load())/float64(total), 100)
}

// savingSec returns for how long the save in the background has been going on, -1
// without one.
func (r *report) savingSec() int64 {
	job := r.s.persist.running()
	if job == nil {
		return -1
	}
	return max(r.nowMs-job.startMs, 0) / msPerSec
}

// preserved returns how many bytes the save in the background has kept because they
// were about to change.
//
// COMPAT: snapshot: no child copies pages.
func (r *report) preserved() int64 {
	job := r.s.persist.running()
	if job == nil {
		return 0
	}
	return job.snap.Stats().Preserved
}

func okUnless(failed bool) string {
	if failed {
		return "err"
	}
	return "ok"
}
