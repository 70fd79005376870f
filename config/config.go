package config

import (
	"slices"
	"strconv"
)

// Options are what a Config asks of its surroundings. Every field may be nil
// or empty.
type Options struct {
	// Dir is the working directory at start, absolute.
	Dir string
	// Chdir makes path (perhaps relative to the current one) the working
	// directory and returns it as an absolute path. Its error's text is shown
	// to the user as it is. It is called during Load, Set and the rollback of
	// a Set. Nil: the text itself is kept.
	Chdir func(path string) (abs string, err error)
	// Warn takes a line for the log at level warning.
	Warn func(text string)
}

// Config holds a value for every directive. See the package comment for the
// lock it needs.
type Config struct {
	opt    Options
	values []value // by row
	isSet  []bool  // by row: given by a file, the command line or Set
	hooks  []hook
	rowFn  [][]int // by row: indexes of the hooks to run when it changes

	savePointsLoaded bool // a save directive of a file replaced the defaults
}

type hook struct {
	name  string // first directive it was registered for, for RunHooks' error
	apply func() error
}

// A value is the parsed form of any kind. Which fields are used depends on
// the kind; unused ones are zero, so that equal values compare equal.
type value struct {
	num   int64    // bool, numbers (percent as a negative number), enums, event classes
	str   string   // string, dir
	words []string // canonical words of save, output limits, oom values, bind, percentiles; host and port of replicaof
}

func (v value) equal(w value) bool {
	return v.num == w.num && v.str == w.str && slices.Equal(v.words, w.words)
}

// New returns a Config that holds the defaults.
func New(opt Options) *Config {
	c := &Config{
		opt:    opt,
		values: slices.Clone(defaults),
		isSet:  make([]bool, len(table)),
		rowFn:  make([][]int, len(table)),
	}
	c.values[mustRow("dir", KindDir)] = value{str: opt.Dir}
	return c
}

// Bool returns the value of a KindBool directive.
func (c *Config) Bool(name string) bool { return c.values[mustRow(name, KindBool)].num != 0 }

// Int returns the value of a KindInt or KindOctal directive, or of a
// KindMemory one that fits (one that does not is reported as the largest).
func (c *Config) Int(name string) int64 {
	row := mustRow(name, KindInt, KindOctal, KindMemory)
	n := c.values[row].num
	if n < 0 && table[row].Flags&Unsigned != 0 {
		return 1<<63 - 1
	}
	return n
}

// Memory returns the value of a KindMemory directive in bytes.
func (c *Config) Memory(name string) uint64 { return uint64(c.values[mustRow(name, KindMemory)].num) }

// MemoryOrPercent returns the value of a KindMemoryOrPercent directive: bytes,
// or percent with bytes 0.
func (c *Config) MemoryOrPercent(name string) (bytes uint64, percent int) {
	n := c.values[mustRow(name, KindMemoryOrPercent)].num
	if n < 0 {
		return 0, int(-n)
	}
	return uint64(n), 0
}

// Enum returns the word of a KindEnum directive, or the or-ed Bits' words of
// a KindEnumSet one, as CONFIG GET shows them.
func (c *Config) Enum(name string) string {
	row := mustRow(name, KindEnum, KindEnumSet)
	return enumText(&table[row], c.values[row].num)
}

// EnumBits returns the Bits of a KindEnum or KindEnumSet directive.
func (c *Config) EnumBits(name string) int64 {
	return c.values[mustRow(name, KindEnum, KindEnumSet)].num
}

// String returns the value of a KindString directive or of dir.
func (c *Config) String(name string) string {
	return c.values[mustRow(name, KindString, KindDir)].str
}

// Bind returns the addresses to listen on. One may begin with "-": it is
// optional. The slice is borrowed: read only.
func (c *Config) Bind() []string { return c.values[mustRow("bind", KindBind)].words }

// ReplicaOf returns the master to replicate from; ok is false for a master.
func (c *Config) ReplicaOf() (host string, port int, ok bool) {
	w := c.values[mustRow("replicaof", KindReplicaOf)].words
	if len(w) == 0 {
		return "", 0, false
	}
	return w[0], int(number(w[1])), true
}

// A SavePoint asks for a snapshot when Changes writes happened in Seconds.
type SavePoint struct {
	Seconds int64
	Changes int64
}

// SavePoints returns the save directive's pairs in their order.
func (c *Config) SavePoints() []SavePoint {
	w := c.values[mustRow("save", KindSave)].words
	points := make([]SavePoint, 0, len(w)/2)
	for i := 0; i+1 < len(w); i += 2 {
		points = append(points, SavePoint{Seconds: number(w[i]), Changes: number(w[i+1])})
	}
	return points
}

// An OutputLimit bounds the replies queued for clients of one class: at once
// from HardBytes on, or when SoftBytes is exceeded for SoftSeconds. Zero
// bytes means no limit.
type OutputLimit struct {
	HardBytes   uint64
	SoftBytes   uint64
	SoftSeconds int64
}

// OutputClass is a class of clients of client-output-buffer-limit.
type OutputClass int

// The client classes, in the order CONFIG GET shows them.
const (
	ClassNormal OutputClass = iota
	ClassReplica
	ClassPubSub
	ClassCount
)

// OutputLimits returns client-output-buffer-limit.
func (c *Config) OutputLimits() (limits [ClassCount]OutputLimit) {
	w := c.values[mustRow("client-output-buffer-limit", KindOutputLimits)].words
	for i := range limits {
		limits[i] = OutputLimit{
			HardBytes:   unsigned(w[3*i]),
			SoftBytes:   unsigned(w[3*i+1]),
			SoftSeconds: number(w[3*i+2]),
		}
	}
	return limits
}

// OOMScoreValues returns oom-score-adj-values: master, replica, child.
func (c *Config) OOMScoreValues() (scores [3]int) {
	w := c.values[mustRow("oom-score-adj-values", KindOOMValues)].words
	for i := range scores {
		scores[i] = int(number(w[i]))
	}
	return scores
}

// NotifyEvents returns the classes of notify-keyspace-events.
func (c *Config) NotifyEvents() Events {
	return Events(c.values[mustRow("notify-keyspace-events", KindNotifyEvents)].num)
}

// Percentiles returns latency-tracking-info-percentiles, each in 0..100.
func (c *Config) Percentiles() []float64 {
	w := c.values[mustRow("latency-tracking-info-percentiles", KindPercentiles)].words
	out := make([]float64, len(w))
	for i := range w {
		out[i], _ = parseDouble(w[i]) // canonical words parse (I1)
	}
	return out
}

// IsSet reports whether a file, the command line or Set gave the directive a
// value, be it the default one.
func (c *Config) IsSet(name string) bool {
	e, ok := lookup(name)
	if !ok {
		unknownName(name)
	}
	return c.isSet[e.row]
}

// SetDir records that the working directory is now dir (absolute).
func (c *Config) SetDir(dir string) { c.values[mustRow("dir", KindDir)] = value{str: dir} }

// SetPidFile records the path of a pid file that was not asked for by name.
func (c *Config) SetPidFile(path string) { c.values[mustRow("pidfile", KindString)] = value{str: path} }

// SetReplicaOf records that the server now replicates from host and port, or
// from nobody if host is "" (what REPLICAOF and a failover do at run time), so
// that Get and Rewrite tell the truth. No hook runs.
func (c *Config) SetReplicaOf(host string, port int) {
	v := value{}
	if host != "" {
		v.words = []string{host, strconv.Itoa(port)}
	}
	c.values[mustRow("replicaof", KindReplicaOf)] = v
}

// Ineffective yields, in table order, the rows that the server does not act
// on although their value is not the default. The server logs them once.
func (c *Config) Ineffective(yield func(*Directive) bool) {
	for i := range table {
		d := &table[i]
		if d.Effective() || c.values[i].equal(defaults[i]) {
			continue
		}
		if !yield(d) {
			return
		}
	}
}

// OnChange registers a function that brings the server in line with the
// values of the named directives. Set calls it once, after all values of that
// Set are in place, if one of them changed; it reads the values through the
// getters. Its error makes the Set fail: the text is shown to the user. It
// must be able to run again with the old values (see I2), and must not call
// Set, Load or OnChange.
func (c *Config) OnChange(apply func() error, names ...string) {
	if len(names) == 0 {
		unknownName("")
	}
	id := len(c.hooks)
	c.hooks = append(c.hooks, hook{name: names[0], apply: apply})
	for _, name := range names {
		e, ok := lookup(name)
		if !ok {
			unknownName(name)
		}
		c.rowFn[e.row] = append(c.rowFn[e.row], id)
	}
}

// RunHooks calls every registered hook once, in order, as the server does
// after Load. It stops at the first error and names its directive.
func (c *Config) RunHooks() (name string, err error) {
	for _, h := range c.hooks {
		if err := h.apply(); err != nil {
			return h.name, err
		}
	}
	return "", nil
}

func (c *Config) warn(text string) {
	if c.opt.Warn != nil {
		c.opt.Warn(text)
	}
}
