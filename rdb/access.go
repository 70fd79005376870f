package rdb

// The access field of a record is, with an LRU policy, 24 bits of seconds above 3 of
// eighths, else 16 bits of minutes above the counter.
const (
	accessMask = 1<<24 - 1
	eighthBits = 3
	minuteMask = 1<<16 - 1
	msPerSec   = 1000
	msPerMin   = 60 * msPerSec
)

// idleSeconds returns how long ago an access field was written.
func idleSeconds(access uint32, nowMs int64) uint32 {
	return (uint32(nowMs/msPerSec) - access>>eighthBits) & accessMask
}

// frequency returns the counter of an access field after its decay up to now.
func (f *Form) frequency(access uint32) byte {
	counter := access & 0xff
	if f.DecayMinutes <= 0 {
		return byte(counter)
	}
	elapsed := (uint32(f.NowMs/msPerMin) - access>>8) & minuteMask
	return byte(counter - min(counter, elapsed/uint32(f.DecayMinutes)))
}

// accessOf returns the access field of a key that was read: fresh is that of a key
// without a history, freq and idle what the file says, -1 if nothing.
func accessOf(fresh uint32, lfu bool, freq int, idle, nowMs int64) uint32 {
	switch {
	case lfu && freq >= 0:
		return uint32(nowMs/msPerMin)&minuteMask<<8 | uint32(freq)
	case !lfu && idle >= 0:
		if idle > accessMask {
			idle = accessMask
		}
		return ((uint32(nowMs/msPerSec) - uint32(idle)) & accessMask) << eighthBits
	}
	return fresh
}
