package config

// Events is a set of classes of keyspace events and of the two kinds of
// channel that announce them (notify-keyspace-events).
type Events uint16

// The classes, with their letters.
const (
	EventKeyspace Events = 1 << iota // K: publish to __keyspace@db__:key
	EventKeyevent                    // E: publish to __keyevent@db__:event
	EventGeneric                     // g: DEL, EXPIRE, RENAME ...
	EventString                      // $
	EventList                        // l
	EventSet                         // s
	EventHash                        // h
	EventZset                        // z
	EventExpired                     // x
	EventEvicted                     // e
	EventStream                      // t
	EventMiss                        // m: a read met no key; not part of A
	EventLoaded                      // modules only, has no letter
	EventModule                      // d
	EventNew                         // n: a key was created; not part of A

	EventAll = EventGeneric | EventString | EventList | EventSet | EventHash | EventZset |
		EventExpired | EventEvicted | EventStream | EventModule // A
)

// eventLetters is in the order in which the text form lists them.
var eventLetters = []struct {
	letter byte
	class  Events
	inAll  bool // left out when A is shown; so is n (see String)
}{
	{'g', EventGeneric, true}, {'$', EventString, true}, {'l', EventList, true},
	{'s', EventSet, true}, {'h', EventHash, true}, {'z', EventZset, true},
	{'x', EventExpired, true}, {'e', EventEvicted, true}, {'t', EventStream, true},
	{'d', EventModule, true}, {'n', EventNew, true},
	{'K', EventKeyspace, false}, {'E', EventKeyevent, false}, {'m', EventMiss, false},
}

// ParseEvents reads the letters of classes. ok is false if one is unknown.
func ParseEvents(letters string) (events Events, ok bool) {
	for i := 0; i < len(letters); i++ {
		class := Events(0)
		if letters[i] == 'A' {
			class = EventAll
		}
		for _, l := range eventLetters {
			if l.letter == letters[i] {
				class = l.class
			}
		}
		if class == 0 {
			return 0, false
		}
		events |= class
	}
	return events, true
}

// String lists the letters as CONFIG GET does. As in Redis, "n" is not shown
// beside "A" although "A" does not include it.
func (e Events) String() string {
	var b []byte
	all := e&EventAll == EventAll
	if all {
		b = append(b, 'A')
	}
	for _, l := range eventLetters {
		if e&l.class != 0 && !(all && l.inAll) {
			b = append(b, l.letter)
		}
	}
	return string(b)
}
