package conformance

import (
	"strconv"
	"strings"

	"kvorum/command"
	"kvorum/resp"
	"kvorum/test/peer"
)

// Words and rules for lists, sorted sets and places.

var (
	listKeyPool = []string{"list0", "list1", "list2", "list3", "k7"}
	zsetKeyPool = []string{"zset0", "zset1", "zset2", "zset3", "geo0", "k6"}
	// lexKeyPool are sorted sets whose members all have score 0. Of others what a
	// range of names finds is left to chance in Redis.
	lexKeyPool = []string{"lex0", "lex1", "lex2"}

	itemPool   = []string{"a", "b", "c", "d", "e", "1", "2", "-3", "100000", "12345678901234567890", "", "long" + strings.Repeat("x", 70), "a\r\nb", "\x00"}
	memberPool = []string{"m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "m9", "1", "2", "-17", "", "Palermo", "Catania", "mm" + strings.Repeat("y", 70)}
	scorePool  = []string{"0", "1", "2", "3", "4", "5", "-1", "-2.5", "1.5", "2.5", "0.1", "1e5", "inf", "-inf", "-0", "1e17", "123456789", "3.3", "abc", "nan"}
	boundPool  = []string{"-inf", "+inf", "inf", "0", "1", "(1", "2", "(2", "3", "4.5", "(5", "-1", "(-2.5", "1e5", "(", "abc", "((1", "5"}
	lexPool    = []string{"-", "+", "[m1", "(m1", "[m5", "(m5", "[m3", "[1", "(", "[", "[zz", "-x", "abc", "", "[Palermo"}
	rankPool   = []string{"0", "0", "1", "2", "3", "-1", "-1", "-2", "-3", "5", "10", "100", "-100", "abc"}
	lonPool    = []string{"13.361389", "15.087269", "0", "-0.5", "180", "-180", "179.99", "-179.99", "12.5", "2.35", "-74", "100", "181", "x"}
	latPool    = []string{"38.115556", "37.502669", "0", "0.5", "85", "-85", "48.85", "40.7", "-33.9", "70", "85.06", "x"}
	lengthPool = []string{"0", "1", "10", "100", "200", "1000", "5000", "300000", "0.5", "12.75", "-1", "x", "1e6"}
)

// orderedWord draws the word of an argument of these types; ok is false for other
// arguments.
func (w *words) orderedWord(s *command.Spec, a *command.Arg) (word string, ok bool) {
	switch s.Group {
	case "list", "sorted-set", "geo":
	default:
		return "", false
	}
	if a.Name == "numkeys" {
		w.keyCount = 1 + w.IntN(3)
		return strconv.Itoa(w.keyCount), true
	}
	pool := w.orderedPool(s, a)
	if pool == nil || w.chance(25) {
		return "", false
	}
	return w.from(pool), true
}

func (w *words) orderedPool(s *command.Spec, a *command.Arg) []string {
	if a.Type == "key" {
		switch {
		case s.Group == "list":
			return listKeyPool
		case w.byLex || s.Name == "zadd" && w.lexAdd:
			return lexKeyPool
		}
		return zsetKeyPool
	}
	switch a.Name {
	case "element", "pivot":
		return itemPool
	case "member", "member1", "member2":
		return memberPool
	case "score", "increment", "weight":
		if w.lexAdd {
			return []string{"0"}
		}
		return scorePool
	case "min", "max", "start", "stop":
		return w.boundsOf(s)
	case "index", "count", "rank", "num-matches", "offset", "limit":
		return rankPool
	case "len":
		return []string{"0", "1", "3", "10", "1000", "-1"}
	case "longitude":
		return lonPool
	case "latitude":
		return latPool
	case "radius", "width", "height":
		return lengthPool
	case "cursor":
		return []string{"0"}
	}
	return nil
}

// boundsOf are the bounds of a range, by what it is a range of.
func (w *words) boundsOf(s *command.Spec) []string {
	switch {
	case w.byLex:
		return lexPool
	case strings.Contains(s.Name, "score") || s.Name == "zcount":
		return boundPool
	case s.Name == "zrange" || s.Name == "zrangestore":
		if w.chance(3) {
			return boundPool
		}
	}
	return rankPool
}

// beginOrdered decides what the next request is about.
func (w *words) beginOrdered(s *command.Spec) {
	w.keyCount = 0
	w.byLex = strings.Contains(s.Name, "lex")
	w.lexAdd = s.Name == "zadd" && w.chance(3)
}

// safeOrdered reports whether the outcome of a request does not depend on chance and
// is not huge.
func (w *words) safeOrdered(args []string) bool {
	name := strings.ToLower(args[0])
	lexKey, byLex := false, strings.Contains(name, "lex")
	for _, arg := range args[1:] {
		lexKey = lexKey || strings.HasPrefix(arg, "lex")
		byLex = byLex || strings.EqualFold(arg, "bylex")
	}
	switch name {
	case "zadd":
		return !lexKey || zeroScores(args)
	case "zscan": // the second part of an iteration is each server's own
		return len(args) < 3 || args[2] == "0" || !strings.ContainsAny(args[2], "0123456789")
	case "lset": // see COMPAT.md, lset-index
		n, err := strconv.ParseInt(args[min(2, len(args)-1)], 10, 64)
		return err != nil || n == int64(int32(n))
	case "zrandmember", "srandmember", "hrandfield":
		n, err := strconv.ParseInt(args[min(2, len(args)-1)], 10, 64)
		return err != nil || n > -1000 && n < 1000
	}
	if byLex {
		return len(args) > 1 && strings.HasPrefix(args[1], "lex") ||
			name == "zrangestore" && len(args) > 2 && strings.HasPrefix(args[2], "lex") && !strings.HasPrefix(args[1], "lex")
	}
	// Nothing else writes to these sets but what removes members.
	return !lexKey || strings.HasPrefix(name, "zpop") || strings.HasPrefix(name, "zrem") || strings.HasPrefix(name, "zrang")
}

// zeroScores reports whether all scores of a ZADD without options are 0.
func zeroScores(args []string) bool {
	if len(args)%2 != 0 {
		return false
	}
	for i := 2; i < len(args); i += 2 {
		if args[i] != "0" {
			return false
		}
	}
	return strings.HasPrefix(args[1], "lex")
}

// thresholds changes the limits of packed lists and sorted sets.
func (w *words) thresholds() []string {
	return []string{
		"CONFIG", "SET",
		"list-max-listpack-size", w.from([]string{"-2", "-1", "0", "1", "2", "4", "7", "20"}),
		"list-compress-depth", w.from([]string{"0", "0", "1", "2", "3"}),
		"zset-max-listpack-entries", w.from([]string{"128", "0", "1", "3", "5", "10"}),
		"zset-max-listpack-value", w.from([]string{"64", "0", "2", "10", "80"}),
	}
}

// sameFloats compares replies of servers that write floating point numbers with
// other numbers of digits.
func sameFloats(a, b resp.Value) bool {
	if len(a.Elems) != len(b.Elems) || a.Null != b.Null || a.Type != b.Type {
		return false
	}
	for i := range a.Elems {
		if !sameFloats(a.Elems[i], b.Elems[i]) {
			return false
		}
	}
	if string(a.AppendWire(nil)) == string(b.AppendWire(nil)) || len(a.Elems) > 0 {
		return true
	}
	x, errX := strconv.ParseFloat(string(a.Str), 64)
	y, errY := strconv.ParseFloat(string(b.Str), 64)
	return errX == nil && errY == nil && x == y
}

// sameEncoding: a list may be packed again a little earlier or later.
func sameEncoding(a, b resp.Value) bool {
	list := func(v resp.Value) bool { return string(v.Str) == "listpack" || string(v.Str) == "quicklist" }
	return list(a) && list(b) || samePacking(a, b)
}

// olderEncoding: before 7.2 sorted sets went over to skiplist a little later.
func olderEncoding(a, b resp.Value) bool {
	packed := func(v resp.Value) bool { return string(v.Str) == "listpack" || string(v.Str) == "skiplist" }
	return samePacking(a, b) || packed(a) && packed(b)
}

// sameScan: of sets that are not packed the order differs, and so do the parts of an
// iteration.
func sameScan(a, b resp.Value) bool {
	if len(a.Elems) != 2 || len(b.Elems) != 2 {
		return false
	}
	if string(a.Elems[0].Str) != "0" || string(b.Elems[0].Str) != "0" {
		return true
	}
	x, y := a.Elems[1], b.Elems[1]
	evenScores(x)
	evenScores(y)
	return samePairs(x, y)
}

// evenScores writes the scores behind their members in one way: without a last digit
// (see COMPAT.md, geo-digits), and 0 without the sign that only some encodings keep.
func evenScores(v resp.Value) {
	for i := 1; i < len(v.Elems); i += 2 {
		if f, err := strconv.ParseFloat(string(v.Elems[i].Str), 64); err == nil {
			v.Elems[i].Str = strconv.AppendFloat(nil, f+0, 'g', 15, 64)
		}
	}
}

// olderFloats are the commands whose replies hold scores.
func olderFloats(oracle *peer.Server, name string) bool {
	return peer.Older(oracle.Version, "7.2.0") && (name[0] == 'z' || strings.HasPrefix(name, "geo"))
}

// readerOf returns the command that reads a whole value.
func readerOf(typ, key string) []string {
	switch typ {
	case "hash":
		return []string{"HGETALL", key}
	case "set":
		return []string{"SMEMBERS", key}
	case "list":
		return []string{"LRANGE", key, "0", "-1"}
	case "zset":
		return []string{"ZRANGE", key, "0", "-1", "WITHSCORES"}
	}
	return []string{"GET", key}
}

// describeOrdered takes the elements of a list, or the members of a sorted set with
// their scores, from the reply of their reader.
func (e *entry) describeOrdered(value resp.Value) {
	switch e.typ {
	case "list":
		e.encoding = "" // see sameEncoding
	case "zset":
		evenScores(value)
	default:
		return
	}
	e.value = string(value.AppendWire(nil))
}

// hasDigits reports whether the digest of a value hangs on how floating point numbers
// are written, or on the last digit of one.
func hasDigits(e entry) bool { return e.typ == "zset" }

// hideEncoding hides the encoding of a sorted set: see olderEncoding.
func (e *entry) hideEncoding() {
	if e.typ == "zset" {
		e.encoding = ""
	}
}
