package command

import "kvorum/rng"

// An LFU access field is 16 bits of minutes, the time of the last decay, above
// an 8-bit logarithmic counter (Redis's format, so RDB files agree).
const (
	lfuInit   = 5
	lfuMax    = 255
	lfuMinute = 60_000
)

func minutes(nowMs int64) uint32 { return uint32(nowMs/lfuMinute) & 0xffff }

// Fresh returns the access field of a new key.
func (l *LFU) Fresh(nowMs int64) uint32 { return minutes(nowMs)<<8 | lfuInit }

// Counter returns the counter of an access field after its decay up to now.
func (l *LFU) Counter(access uint32, nowMs int64) uint8 {
	counter := access & 0xff
	if l.DecayTime <= 0 {
		return uint8(counter)
	}
	elapsed := (minutes(nowMs) - access>>8) & 0xffff
	periods := elapsed / uint32(l.DecayTime)
	return uint8(counter - min(counter, periods))
}

// Rank orders keys by how rarely they are used now: the smaller the rank of an
// access field, the sooner the key is evicted. Of keys with the same counter the one
// that was not used for longer is the first.
func (l *LFU) Rank(access uint32, nowMs int64) int64 {
	elapsed := (minutes(nowMs) - access>>8) & 0xffff
	return int64(l.Counter(access, nowMs))<<16 | int64(0xffff-elapsed)
}

// Bump returns the access field after one more access: the counter grows with a
// probability that falls with its value.
func (l *LFU) Bump(access uint32, nowMs int64, r *rng.Rand) uint32 {
	counter := uint32(l.Counter(access, nowMs))
	if counter < lfuMax {
		base := float64(max(int(counter)-lfuInit, 0))
		if r.Float64()*(base*float64(l.LogFactor)+1) < 1 {
			counter++
		}
	}
	return minutes(nowMs)<<8 | counter
}

// When access fields hold times, these are the 24 bits of seconds that Redis has,
// and eighths of them below: within a second a cache may replace all that it holds.
const (
	eighthBits = 3
	eighthMs   = 1000 >> eighthBits
	lruMask    = 1<<24 - 1
	timeMask   = 1<<(24+eighthBits) - 1
)

// LRUClock returns the time as Redis keeps it in keys and shows it: seconds, 24 bits.
func LRUClock(nowMs int64) uint32 { return uint32(nowMs/1000) & lruMask }

// AccessTime returns the access field of an access now, when fields hold times.
func AccessTime(nowMs int64) uint32 {
	return uint32(nowMs/eighthMs) & timeMask
}

// AccessLRU returns the LRUClock of when an access field was written, when it holds a
// time.
func AccessLRU(access uint32) uint32 { return access >> eighthBits }

// IdleSec returns how long ago an access field was written, when it holds a time: the
// difference of the LRUClocks, as Redis tells it.
func IdleSec(access uint32, nowMs int64) int64 {
	return int64((LRUClock(nowMs) - AccessLRU(access)) & lruMask)
}

// LRURank orders keys by when they were used last: the smaller the rank of an access
// field, the longer ago. Ranks computed at different times agree.
func LRURank(access uint32, nowMs int64) int64 {
	idle := (AccessTime(nowMs) - access) & timeMask
	return nowMs/eighthMs - int64(idle)
}
