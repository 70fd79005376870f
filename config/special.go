package config

import (
	"strconv"
	"strings"
)

// Limits of special values.
const (
	bindAddressesMax = 16
	oomScoreMax      = 2000
	oomScoreCount    = 3
	portMax          = 65535
)

// outputClassNames are shown by CONFIG GET, in the order of OutputClass;
// CONFIG REWRITE writes "replica" for the second.
var outputClassNames = [ClassCount]string{"normal", "slave", "pubsub"}

// parseSpecial reads the kinds with one row each. KindSave and
// KindOutputLimits give only what words say; see merge.
func parseSpecial(d *Directive, words []string) (value, string) {
	switch d.Kind {
	case KindDir:
		return value{str: cString(words[0])}, ""
	case KindSave:
		return parseSave(words)
	case KindOutputLimits:
		return parseOutputLimits(words)
	case KindOOMValues:
		return parseOOMValues(words)
	case KindNotifyEvents:
		return parseNotifyEvents(words[0])
	case KindBind:
		return parseBind(words)
	case KindReplicaOf:
		return parseReplicaOf(words)
	}
	return parsePercentiles(words)
}

func specialText(d *Directive, v value) string {
	switch d.Kind {
	case KindDir:
		return v.str
	case KindNotifyEvents:
		return Events(v.num).String()
	case KindOutputLimits:
		var b []byte
		for i, name := range outputClassNames {
			if i > 0 {
				b = append(b, ' ')
			}
			b = append(b, name...)
			for _, w := range v.words[3*i : 3*i+3] {
				b = append(append(b, ' '), w...)
			}
		}
		return string(b)
	}
	return strings.Join(v.words, " ")
}

// merge makes the new value from the old one and what words said: classes of
// client-output-buffer-limit that are not named keep their limits.
func merge(d *Directive, old, said value) value {
	if d.Kind != KindOutputLimits || old.words == nil {
		return said
	}
	words := make([]string, len(old.words))
	for i := range words {
		words[i] = old.words[i]
		if said.words[i] != "" {
			words[i] = said.words[i]
		}
	}
	return value{words: words}
}

func parseSave(words []string) (value, string) {
	const problem = "Invalid save parameters"
	if len(words) == 1 && cString(words[0]) == "" {
		words = nil
	}
	if len(words)%2 != 0 {
		return value{}, problem
	}
	var canonical []string
	for i, word := range words {
		n, ok := scanSaturated(word)
		seconds := i%2 == 0
		if !ok || seconds && n < 1 || n < 0 {
			return value{}, problem
		}
		if !seconds {
			n = int64(int32(n)) // a C int in Redis: it wraps
		}
		canonical = append(canonical, strconv.FormatInt(n, 10))
	}
	return value{words: canonical}, ""
}

// parseOutputLimits gives three words per class, empty ones for a class that
// is not named.
func parseOutputLimits(words []string) (value, string) {
	if len(words)%4 != 0 {
		return value{}, "Wrong number of arguments in buffer limit configuration."
	}
	said := make([]string, 3*ClassCount)
	for i := 0; i < len(words); i += 4 {
		class, ok := outputClass(words[i])
		if !ok {
			return value{}, "Invalid client class specified in buffer limit configuration."
		}
		hard, hardOK := ParseMemory(words[i+1])
		soft, softOK := ParseMemory(words[i+2])
		seconds, secondsOK := scanSaturated(words[i+3])
		seconds = int64(int32(seconds)) // a C int in Redis: it wraps
		if !hardOK || !softOK || !secondsOK || seconds < 0 {
			return value{}, "Error in hard, soft or soft_seconds setting in buffer limit configuration."
		}
		said[3*class] = strconv.FormatUint(hard, 10)
		said[3*class+1] = strconv.FormatUint(soft, 10)
		said[3*class+2] = strconv.FormatInt(seconds, 10)
	}
	return value{words: said}, ""
}

func outputClass(name string) (OutputClass, bool) {
	switch lower(cString(name)) {
	case "normal":
		return ClassNormal, true
	case "slave", "replica":
		return ClassReplica, true
	case "pubsub":
		return ClassPubSub, true
	}
	return 0, false
}

func parseOOMValues(words []string) (value, string) {
	if len(words) != oomScoreCount {
		return value{}, wrongCount
	}
	canonical := make([]string, len(words))
	for i, word := range words {
		n, ok := scanSaturated(word)
		if !ok || n < -oomScoreMax || n > oomScoreMax {
			return value{}, "Invalid oom-score-adj-values, elements must be between -2000 and 2000."
		}
		canonical[i] = strconv.FormatInt(n, 10)
	}
	return value{words: canonical}, ""
}

// oomWarning is logged for values that only a privileged process may use.
const oomWarning = "The oom-score-adj-values configuration may not work for non-privileged processes! " +
	"Please consult the documentation."

func oomValuesDecrease(v value) bool {
	return number(v.words[1]) < number(v.words[0]) || number(v.words[2]) < number(v.words[1])
}

func parseNotifyEvents(word string) (value, string) {
	events, ok := ParseEvents(cString(word))
	if !ok {
		return value{}, "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."
	}
	return value{num: int64(events)}, ""
}

func parseBind(words []string) (value, string) {
	if len(words) > bindAddressesMax {
		return value{}, "Too many bind addresses specified."
	}
	if len(words) == 1 && words[0] == "" {
		words = nil
	}
	var addresses []string
	for _, word := range words {
		addresses = append(addresses, cString(word))
	}
	return value{words: addresses}, ""
}

func parseReplicaOf(words []string) (value, string) {
	if len(words) != 2 {
		return value{}, wrongCount
	}
	if equalFold(words[0], "no") && equalFold(words[1], "one") {
		return value{}, ""
	}
	port, ok := scanSaturated(words[1])
	port = int64(int32(port)) // a C int in Redis: it wraps
	if !ok || port < 0 || port > portMax {
		return value{}, "Invalid master port"
	}
	return value{words: []string{cString(words[0]), strconv.FormatInt(port, 10)}}, ""
}

func parsePercentiles(words []string) (value, string) {
	if len(words) == 1 && words[0] == "" {
		words = nil
	}
	var canonical []string
	for _, word := range words {
		p, ok := parseDouble(word)
		if !ok {
			return value{}, "Invalid latency-tracking-info-percentiles parameters"
		}
		if p > 100 || p < 0 {
			return value{}, "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]"
		}
		canonical = append(canonical, percentileText(p))
	}
	return value{words: canonical}, ""
}

// percentileText writes six decimals without trailing zeros.
func percentileText(p float64) string {
	s := strconv.FormatFloat(p, 'f', 6, 64)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}
