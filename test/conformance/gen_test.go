package conformance

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"kvorum/command"
	"kvorum/command/all"
	"kvorum/test/peer"
)

// op is one request of a stream.
type op struct {
	conn  int
	batch int // requests of one number are sent in one write; they are neighbours
	args  []string
}

// connCount is the number of connections of a stream: not a multiple of the
// loops, so that loops have different numbers of them.
const connCount = 4

// generator makes streams from the rows of the commands.
type generator struct {
	oracle string // the version of Redis the other server stands for
	rows   []*command.Spec
	// weights[i] is the share of rows[i]; total is their sum.
	weights []int
	total   int
}

// groups are the groups of commands that streams are made of, with the share of
// each of their commands.
var groups = map[string]int{"string": 20, "bitmap": 20, "generic": 14, "connection": 3, "server": 2, "hyperloglog": 20, "hash": 20, "set": 16,
	"list": 25, "sorted-set": 25, "geo": 15, "pubsub": 2}

// shares of commands that differ from their group's.
var shares = map[string]int{
	"set": 100, "get": 60, "mset": 30, "flushall": 1, "flushdb": 1, "swapdb": 2, "select": 6, "move": 20, "copy": 25, "rename": 20,
	"append": 30, "setrange": 30, "incrbyfloat": 40, "expire": 30, "lcs": 20, "quit": 1, "reset": 1, "hello": 3, "keys": 6, "scan": 10,
	"setbit": 40, "bitop": 30, "bitfield": 50, "pfadd": 60,
	"hset": 60, "hincrbyfloat": 30, "hdel": 30, "sadd": 70, "srem": 30, "sinterstore": 25, "sunionstore": 25, "sdiffstore": 25,
	"hexpire": 40, "hpexpire": 40, "hexpireat": 40, "hpexpireat": 40, "hpersist": 40,
	"config|set": 8,
	"sort":       60, "sort_ro": 40,
	"rpush": 120, "lpush": 80, "zadd": 200, "geoadd": 60, "linsert": 50, "lset": 50,
}

// newGenerator lists the commands that both servers have.
func newGenerator(oracle *peer.Server) (*generator, error) {
	table, err := command.NewTable(all.Families()...)
	if err != nil {
		return nil, err
	}
	g := &generator{oracle: oracle.Version}
	for _, s := range table.Specs() {
		weight := groups[s.Group]
		if n, ok := shares[s.FullName()]; ok {
			weight = n
		}
		if weight == 0 || len(s.Subs) > 0 || s.Flags&command.Blocking != 0 ||
			peer.Older(g.oracle, s.Since) || unsent[s.FullName()] != "" {
			continue
		}
		g.rows = append(g.rows, s)
		g.weights = append(g.weights, weight)
		g.total += weight
	}
	return g, nil
}

// stream makes the stream of a seed.
func (g *generator) stream(seed uint64, size int) []op {
	w := newWords(seed)
	// Half of the connections begin with RESP3.
	ops := []op{{conn: 1, batch: -1, args: []string{"HELLO", "3"}}, {conn: 3, batch: -2, args: []string{"HELLO", "3"}}, {batch: -3, args: w.thresholds()}}
	for batch := 0; len(ops) < size; batch++ {
		conn, count := w.IntN(connCount), 1
		switch w.IntN(8) {
		case 0:
			count = 1 + w.IntN(64)
		case 1:
			count = 1 + w.IntN(6)
		}
		for range count {
			o := op{conn: conn, batch: batch, args: g.request(w)}
			alone := standsAlone(o.args)
			if alone {
				batch++
				o.batch = batch
			}
			ops = append(ops, o)
			if alone {
				batch++
			}
		}
	}
	return ops
}

// request makes one request, right or nearly right.
func (g *generator) request(w *words) []string {
	if w.chance(150) {
		return unknownRequest(w)
	}
	s := g.pick(w)
	args := g.proper(w, s)
	if w.chance(10) {
		args = w.damage(args)
	}
	// 7.0 refuses names of clients with a NUL byte in them, 7.2 does not look
	// behind it; what CLIENT GETNAME replies later hangs on that.
	switch fullName(args) {
	case "config|set": // 7.0 has no packed sets
		if peer.Older(g.oracle, "7.2.0") && strings.Contains(strings.ToLower(strings.Join(args, " ")), "set-max-listpack-") {
			return []string{"PING"}
		}
	case "hello", "client|setname":
		if peer.Older(g.oracle, "7.2.0") && strings.Contains(strings.Join(args, ""), "\x00") {
			return []string{"PING"}
		}
	}
	return w.safe(args)
}

func (g *generator) pick(w *words) *command.Spec {
	for {
		n := w.IntN(g.total)
		for i, weight := range g.weights {
			if n -= weight; n < 0 {
				return g.rows[i]
			}
		}
	}
}

// proper makes a request that follows the grammar of a row.
func (g *generator) proper(w *words, s *command.Spec) []string {
	w.beginOrdered(s)
	var args []string
	for _, part := range strings.Split(s.FullName(), "|") {
		args = append(args, w.anyCase(part))
	}
	switch s.FullName() {
	case "command|getkeys", "command|getkeysandflags":
		return append(args, g.proper(w, g.nested(w))...)
	}
	list := s.Args
	for i := 0; i < len(list); {
		run := 1
		if list[i].Optional {
			for i+run < len(list) && list[i+run].Optional {
				run++
			}
		}
		// Options next to each other may come in any order.
		for _, k := range w.order(run) {
			args = g.argument(w, s, &list[i+k], args)
		}
		i += run
	}
	return args
}

// nested picks a command whose keys are asked for.
func (g *generator) nested(w *words) *command.Spec {
	for {
		s := g.pick(w)
		if s.Parent == nil && !strings.HasPrefix(s.FullName(), "command") {
			return s
		}
	}
}

// order is 0..n-1, sometimes mixed.
func (w *words) order(n int) []int {
	if w.chance(2) {
		return w.Perm(n)
	}
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// argument appends an argument with its token, or not, if it is optional.
func (g *generator) argument(w *words, s *command.Spec, a *command.Arg, args []string) []string {
	if a.Optional && !w.chance(3) || a.Since != "" && peer.Older(g.oracle, a.Since) {
		return args
	}
	times := 1
	if a.Multiple {
		times = 1 + w.IntN(4)
		if s.Name == "pfadd" && w.chance(6) {
			times = 100 // enough of them make it dense
		}
		if a.Type == "key" && w.keyCount > 0 {
			times, w.keyCount = w.keyCount, 0
		} else if w.chance(40) {
			times = 30 // more keys than a lock set has without growing
		}
	}
	for i := range times {
		if a.Token != "" && (i == 0 || a.MultiTok) {
			args = append(args, w.anyCase(a.Token))
		}
		args = g.value(w, s, a, args)
	}
	return args
}

func (g *generator) value(w *words, s *command.Spec, a *command.Arg, args []string) []string {
	switch a.Type {
	case "pure-token":
		return args
	case "oneof":
		for range 20 {
			if one := &a.Args[w.IntN(len(a.Args))]; one.Since == "" || !peer.Older(g.oracle, one.Since) {
				choice := *one
				choice.Optional = false
				return g.argument(w, s, &choice, args)
			}
		}
		return args
	case "block":
		from := len(args)
		for i := range a.Args {
			args = g.argument(w, s, &a.Args[i], args)
		}
		if a.Args[0].Name == "numfields" && !w.chance(10) {
			args[from] = strconv.Itoa(len(args) - from - 1)
		}
		return args
	}
	return append(args, w.word(s, a))
}

// word draws the word of a simple argument.
func (w *words) word(s *command.Spec, a *command.Arg) string {
	if pool, ok := special[s.FullName()+" "+a.Name]; ok && !w.chance(8) {
		return w.from(pool)
	}
	if word, ok := w.orderedWord(s, a); ok {
		return word
	}
	switch a.Name {
	case "seconds", "milliseconds":
		return w.ttl()
	case "destination-db", "db", "index", "index1", "index2":
		if !w.chance(8) {
			return strconv.Itoa(w.IntN(3))
		}
	case "type":
		return w.from(typePool)
	}
	switch s.Group + " " + a.Name {
	case "hash field", "set member":
		return w.element()
	case "hash value":
		if !w.chance(4) {
			return w.element()
		}
	}
	switch a.Type {
	case "key":
		if pool := groupKeys[s.Group]; pool != nil && !w.chance(8) {
			return w.from(pool)
		}
		return w.key()
	case "integer":
		return w.integer()
	case "double":
		return w.float()
	case "pattern":
		return w.from(patternPool)
	case "unix-time":
		return w.at(strings.Contains(s.Name+a.Name, "milli") || strings.HasPrefix(s.Name, "p"))
	}
	return w.str()
}

// special are pools of single arguments, "command argument".
var special = map[string][]string{
	"hello protover":                 {"2", "3", "2", "3", "1", "4", "abc"},
	"hello username":                 {"default", "nobody"},
	"hello password":                 {"", "secret"},
	"hello clientname":               {"name", "bad name", ""},
	"client|setname connection-name": {"name", "other", "bad name", "", "new\nline"},
	"config|get parameter":           {"hash-max-listpack-entries", "set-max-intset-*", "nosuch", "hll-sparse-max-bytes", "HASH-MAX-LISTPACK-ENTRIES", "lfu-log-factor"},
	"config|set parameter": {"nosuch", "lfu-log-factor", "hll-sparse-max-bytes", "hll-sparse-max-bytes",
		"hash-max-listpack-entries", "hash-max-listpack-value", "set-max-intset-entries", "set-max-listpack-entries", "set-max-listpack-value"},
	"config|set value":     {"64", "128", "-1", "abc", "", "1gb", "0", "1", "2", "3", "5", "8", "20"},
	"hscan cursor":         {"0"},
	"sscan cursor":         {"0"},
	"sintercard numkeys":   {"1", "1", "2", "2", "3", "4", "0", "-1", "abc", "9223372036854775807"},
	"sintercard limit":     {"0", "1", "2", "5", "-1", "abc"},
	"spop count":           {"0", "1", "100", "1000000", "9223372036854775807", "-1", "abc", ""},
	"srandmember count":    countPool,
	"hrandfield count":     countPool,
	"scan cursor":          {"0", "0", "0", "17", "1000000"},
	"auth username":        {"default", "nobody"},
	"pfdebug subcommand":   {"GETREG", "DECODE", "decode", "ENCODING", "TODENSE", "nosuch", "a\r\nb"},
	"setrange offset":      {"0", "1", "5", "43", "44", "100", "1023", "3000", "-1", "536870912", "4294967296", "9223372036854775807"},
	"setbit offset":        bitOffsetPool,
	"getbit offset":        bitOffsetPool,
	"bitfield offset":      bitOffsetPool,
	"bitfield_ro offset":   bitOffsetPool,
	"setbit value":         {"0", "1", "0", "1", "2", "-1", "", "01"},
	"sort key":             sortKeyPool,
	"sort by-pattern":      sortByPool,
	"sort get-pattern":     sortGetPool,
	"sort offset":          rankPool,
	"sort count":           rankPool,
	"sort destination":     listKeyPool,
	"sort_ro key":          sortKeyPool,
	"sort_ro by-pattern":   sortByPool,
	"sort_ro get-pattern":  sortGetPool,
	"sort_ro offset":       rankPool,
	"sort_ro count":        rankPool,
	"bitpos bit":           {"0", "1", "0", "1", "2", "-1", "abc"},
	"bitfield encoding":    encodingPool,
	"bitfield_ro encoding": encodingPool,
	"select index":         {"0", "0", "0", "1", "2", "15", "16", "-1", "abc"},
}

// unknownRequest is a request whose command or subcommand nobody has.
func unknownRequest(w *words) []string {
	args := []string{w.from([]string{"NOSUCH", "nosuch", "GETS", "", "set\x00", "a\r\nb", strings.Repeat("c", 200)})}
	if w.chance(3) {
		args = []string{w.from([]string{"OBJECT", "client", "Config", "COMMAND"}), w.from([]string{"NOSUCH", "", "a\r\nb", strings.Repeat("c", 200)})}
	}
	for range w.IntN(4) {
		args = append(args, w.str())
	}
	return args
}

// tokens are words that mean something to some command.
var tokens = []string{"NX", "XX", "GET", "EX", "PX", "EXAT", "PXAT", "KEEPTTL", "PERSIST", "GT", "LT", "REPLACE", "DB", "MATCH", "COUNT", "TYPE", "LEN", "IDX", "ASYNC", "HELP", "WITHVALUES", "LIMIT", "BIT", "BYTE", "OVERFLOW", "SAT", "FAIL"}

// damage makes a request nearly right: words missing, added, doubled, moved.
func (w *words) damage(args []string) []string {
	i := w.IntN(len(args))
	switch w.IntN(6) {
	case 0:
		if len(args) > 1 {
			return args[:len(args)-1]
		}
	case 1:
		return append(args, w.str())
	case 2:
		return append(args, w.anyCase(w.from(tokens)))
	case 3:
		if i > 0 {
			return slices.Insert(args, i, args[i])
		}
	case 4:
		if i > 0 {
			return slices.Delete(args, i, i+1)
		}
	case 5:
		if i > 0 {
			args[i] = w.str()
		}
	}
	return args
}

// safe takes out of a request what would make its outcome depend on time or
// need very much memory.
func (w *words) safe(args []string) []string {
	if unsent[fullName(args)] != "" || !w.safeOrdered(args) || !safeSort(args) {
		return []string{"PING"}
	}
	switch strings.ToLower(args[0]) {
	case "randomkey":
		if w.past {
			return []string{"PING"}
		}
	case "spop":
		// What a part of a set loses is random: all or nothing.
		if len(args) != 3 {
			return []string{"PING"}
		}
		if n, err := strconv.ParseInt(args[2], 10, 64); err == nil && n > 0 && n < spopAll {
			args[2] = strconv.Itoa(spopAll)
		}
	case "scan":
		// A part of an iteration meets keys that are due, or does not.
		if w.past && !isWholeScan(args) {
			return []string{"PING"}
		}
	}
	for i := range args {
		switch hazardOf(args, i, w.past) {
		case hugeSize:
			args[i] = "77"
		case shortTime:
			if args[i] = w.newTTL(); isAbsolute(args, i) {
				args[i] = strconv.FormatInt(farMillis+60_000*w.Int64N(20), 10)
			}
		}
	}
	return args
}

// hazard is what makes a word unfit for a stream.
type hazard uint8

const (
	harmless  hazard = iota
	hugeSize         // the value would fill memory
	shortTime        // the key would become due while the stream runs, or beyond what is kept
)

// hazardOf judges args[i]. past allows points in time that are over.
func hazardOf(args []string, i int, past bool) hazard {
	if strings.EqualFold(args[0], "bitfield") && i > 2 && hugeBit(fieldOffset(args[i-1], args[i])) {
		return hugeSize
	}
	n, err := strconv.ParseInt(args[i], 10, 64)
	if err != nil {
		return harmless
	}
	from := len(args)
	switch strings.ToLower(args[0]) {
	case "set":
		from = 3
	case "getex", "setex", "psetex", "expire", "pexpire", "expireat", "pexpireat":
		from = 2
	case "srandmember", "hrandfield":
		if i == 2 && n < -100 && n > math.MinInt64 {
			return hugeSize // so many random elements
		}
	case "setrange":
		if i == 2 && n > 5000 && n < 1<<29 {
			return hugeSize
		}
	case "setbit":
		if i == 2 && hugeBit(n) {
			return hugeSize
		}
	}
	tooLate := n > dueMaxMillis/10_000 && n < math.MaxInt64-dueMaxMillis
	if i >= from && isAbsolute(args, i) {
		tooLate = n > dueMaxMillis // no sum that could overflow
	}
	tooEarly := n > 0 && n < shortTTLMax && !(past && isAbsolute(args, i))
	if i >= from && (tooEarly || tooLate) {
		return shortTime
	}
	return harmless
}

// hugeBit reports whether a bit at position n makes a string too long for a
// stream, and not too long for a server.
func hugeBit(n int64) bool { return n > 8*5000 && n < 1<<33 }

// fieldOffset returns the position that offset means to BITFIELD behind a type
// of integer, -1 if it means none.
func fieldOffset(encoding, offset string) int64 {
	if len(encoding) < 2 {
		return -1
	}
	digits, _, _ := strings.Cut(encoding[1:], "\x00")
	width, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || width < 1 || width > 64 {
		return -1
	}
	number, counted := strings.CutPrefix(offset, "#")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return -1
	}
	if counted {
		n *= width // wraps around as in the servers
	}
	return n
}

// isAbsolute reports whether args[i] is a point in time.
func isAbsolute(args []string, i int) bool {
	return strings.HasSuffix(strings.ToLower(args[0]), "expireat") || strings.HasSuffix(strings.ToLower(args[i-1]), "xat")
}

// standsAlone: requests after which the connection must be looked at, that
// become several requests, or that 7.2 answers wrongly in a pipeline: a password
// that is refused has no reply there when an earlier reply has not left yet.
func standsAlone(args []string) bool {
	return isQuit(args) || isWholeScan(args) || strings.EqualFold(args[0], "auth") || strings.EqualFold(args[0], "hello")
}

func isQuit(args []string) bool { return strings.EqualFold(args[0], "quit") }

// isWholeScan: a SCAN from the start is continued to its end, for only whole
// iterations can be compared.
func isWholeScan(args []string) bool {
	at := cursorOf(args)
	return at > 0 && len(args) > at && args[at] == "0"
}

// cursorOf returns the place of the cursor in a request that has one, else 0.
func cursorOf(args []string) int {
	switch strings.ToLower(args[0]) {
	case "scan":
		return 1
	case "hscan", "sscan":
		return 2
	}
	return 0
}

// groupKeys are the keys that commands of some groups use most of the time, so that
// they meet values of their type.
var groupKeys = map[string][]string{"hyperloglog": hllKeyPool, "hash": hashKeyPool, "set": setKeyPool}

// spopAll is a number of members that no set of a stream has.
const spopAll = 1_000_000

// element is a field, a member or a value: mostly one of few, so that they meet, and
// of lengths and integers at the borders of encodings.
func (w *words) element() string {
	switch w.IntN(10) {
	case 0:
		return w.str()
	case 1:
		return w.from(intPool)
	case 2, 3, 4, 5:
		return strconv.Itoa(w.IntN(40) - 5)
	}
	return w.from(elementPool)
}
