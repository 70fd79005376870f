// Package command says what a command is: the row that describes it (Spec), the
// context its handler runs in (Ctx), the client it runs for (Session) and the
// table that finds it by name. The commands themselves are in the families
// below this directory, one file each; command/all lists them.
//
// A handler is ordinary single-threaded code: the engine holds the locks of all
// keys that the row names before it calls it, and time does not move while it
// runs. It replies through Ctx.W, looks keys up through Ctx.Read and Ctx.Write,
// counts changes in Ctx.Dirty, and checks everything before its first change,
// so that a command either happens or leaves no trace.
//
// I1: bytes of Ctx.Args and of entries are borrowed: dead when the handler
// returns. I2: a handler touches no key that its row does not name, unless the
// row says LocksItself, Exclusive or FindsKeys. I3: a handler writes exactly one reply.
package command

// Handler executes a command.
type Handler func(*Ctx)

// Flags are the properties of a command that COMMAND INFO reports.
type Flags uint32

// The flags, in the order in which Redis reports them.
const (
	Write Flags = 1 << iota
	ReadOnly
	DenyOOM
	Module
	Admin
	PubSub
	NoScript
	Blocking
	Loading
	Stale
	SkipMonitor
	SkipSlowlog
	Asking
	Fast
	NoAuth
	MayReplicate
	NoMandatoryKeys
	NoAsyncLoading
	NoMulti
	AllowBusy
	MovableKeys
	flagCount = iota
)

var flagNames = [flagCount]string{
	"write", "readonly", "denyoom", "module", "admin", "pubsub", "noscript", "blocking", "loading",
	"stale", "skip_monitor", "skip_slowlog", "asking", "fast", "no_auth", "may_replicate",
	"no_mandatory_keys", "no_async_loading", "no_multi", "allow_busy", "movablekeys",
}

// Names returns the names of the flags set, in Redis's order.
func (f Flags) Names() []string { return names(uint32(f), flagNames[:]) }

// Categories are the ACL categories of a command.
type Categories uint32

// The categories, in Redis's order.
const (
	CatKeyspace Categories = 1 << iota
	CatRead
	CatWrite
	CatSet
	CatSortedSet
	CatList
	CatHash
	CatString
	CatBitmap
	CatHyperLogLog
	CatGeo
	CatStream
	CatPubSub
	CatAdmin
	CatFast
	CatSlow
	CatBlocking
	CatDangerous
	CatConnection
	CatTransaction
	CatScripting
	catCount = iota
)

var catNames = [catCount]string{
	"@keyspace", "@read", "@write", "@set", "@sortedset", "@list", "@hash", "@string", "@bitmap",
	"@hyperloglog", "@geo", "@stream", "@pubsub", "@admin", "@fast", "@slow", "@blocking",
	"@dangerous", "@connection", "@transaction", "@scripting",
}

// Names returns the names of the categories set, "@" included, in Redis's order.
func (c Categories) Names() []string { return names(uint32(c), catNames[:]) }

func names(bits uint32, all []string) []string {
	var list []string
	for i, name := range all {
		if bits>>uint(i)&1 != 0 {
			list = append(list, name)
		}
	}
	return list
}

// Mode says which locks a handler runs under.
type Mode uint8

// The modes.
const (
	LocksKeys   Mode = iota // the engine locks the shards of the row's keys (none if it names none)
	LocksItself             // the handler locks shards one at a time through the keyspace
	Exclusive               // the handler runs alone, behind the gate
	Transaction             // EXEC: the engine runs what is queued
	FindsKeys               // as LocksKeys, and the handler asks for keys that it finds in the data: Ctx.Need
)

// KeyFlags say what a command does with the keys of a KeySpec.
type KeyFlags uint16

// The key flags, in Redis's order.
const (
	RO KeyFlags = 1 << iota
	RW
	OW
	RM
	Access
	Update
	Insert
	Delete
	NotKey
	Incomplete
	VariableFlags
	keyFlagCount = iota
)

var keyFlagNames = [keyFlagCount]string{
	"RO", "RW", "OW", "RM", "access", "update", "insert", "delete", "not_key", "incomplete", "variable_flags",
}

// Names returns the names of the flags set, in Redis's order.
func (f KeyFlags) Names() []string { return names(uint32(f), keyFlagNames[:]) }

// KeySpec tells where keys stand among the arguments. The zero values of the
// parts that do not apply stay zero.
type KeySpec struct {
	Flags   KeyFlags
	Notes   string
	Unknown bool // the arguments do not say where: GetKeys finds those that they name

	// Begin: the first key's argument number, or the one after a keyword that
	// is searched from StartFrom on.
	Index     int
	Keyword   string
	StartFrom int

	// Range: the last key relative to the first (-1: the last argument, -2: the
	// one before), the distance from key to key, and the share of the rest of
	// the arguments to look at (0 or 1: all, 2: half).
	LastKey, Step, Limit int

	// KeyNum: the argument, relative to Begin, that holds the number of keys,
	// the first key relative to Begin, and the distance.
	KeyNum   bool
	NumIndex int
	FirstKey int
	NumStep  int
}

// Arg describes one argument for COMMAND DOCS.
type Arg struct {
	Name     string
	Type     string // string, integer, double, key, pattern, unix-time, pure-token, oneof, block
	Display  string // display_text; the name if empty
	Key      int    // 1 + number of the key spec that the argument belongs to, 0 if none
	Token    string
	Since    string
	Optional bool
	Multiple bool
	MultiTok bool // multiple_token
	Args     []Arg

	DeprecatedSince string
}

// Change is one line of a command's history.
type Change struct{ Since, Text string }

// Spec is the row of a command or subcommand.
type Spec struct {
	Name            string // lower case
	Since           string
	Group           string // string, generic, connection, server ...
	Summary         string
	Complexity      string
	Arity           int // number of arguments, name (and subcommand's name) included; negative: at least
	Flags           Flags
	Categories      Categories // beyond what Flags imply
	Tips            []string
	History         []Change
	Deprecated      string // the version since which it is deprecated, "" if it is not
	ReplacedBy      string // what to use instead, as COMMAND DOCS words it
	AtOnce          bool   // between MULTI and EXEC it runs at once
	WhileSubscribed bool   // allowed for a subscriber that speaks RESP2
	SysCmd          bool   // doc flag: meant for the system, not for applications
	Keys            []KeySpec
	Args            []Arg
	Mode            Mode
	Subs            []*Spec
	Handler         Handler // nil for a container that only has subcommands
	Ahead           int     // the argument that Ctx.Next has of the next request; 0: the handler does not ask
	MayBlock        bool    // it may wait without the flag Blocking
	WaitsGone       bool    // when it waits for keys it ends if they go, too

	// Guard returns why a client may not use the command at all, an error's text,
	// "" if it may. It is asked after the number of arguments was checked and before
	// anything else. Exclusive rows only.
	Guard func(Host, *Session) string

	// Finds reports whether a request needs keys that its arguments do not name. Rows
	// of the mode FindsKeys have it.
	Finds func(args [][]byte) bool

	// GetKeys finds the keys of commands whose key specs cannot: it appends the
	// argument numbers and flags.
	GetKeys func(args [][]byte, dst []KeyRef) ([]KeyRef, bool)
	// VaryFlags corrects the flags of the keys found where they depend on the
	// arguments (VariableFlags).
	VaryFlags func(args [][]byte, refs []KeyRef)

	// Set by NewTable.
	ID     int    // dense number, for per-command statistics
	Parent *Spec  // container of a subcommand
	full   string // "container|sub" or name

	first, last, step int // of the legacy triple: the keys of most commands
	simple            bool
}

// FullName returns "name", or "container|name" for a subcommand.
func (s *Spec) FullName() string { return s.full }

// KeyRef is a key among arguments.
type KeyRef struct {
	Arg   int
	Flags KeyFlags
}

// LegacyRange returns first key, last key and step as COMMAND INFO gives them.
// They count sharded channels as keys.
func (s *Spec) LegacyRange() (first, last, step int) {
	if s.first == 0 && len(s.Keys) > 0 && s.Keys[0].Flags&NotKey != 0 {
		return s.Keys[0].Index, s.Keys[0].lastOf(), s.Keys[0].Step
	}
	return s.first, s.last, s.step
}

// AllCategories returns the categories with those that flags imply.
func (s *Spec) AllCategories() Categories {
	c := s.Categories
	for _, imply := range []struct {
		flag Flags
		cat  Categories
	}{
		{Write, CatWrite}, {Admin, CatAdmin | CatDangerous}, {PubSub, CatPubSub}, {Fast, CatFast}, {Blocking, CatBlocking},
	} {
		if s.Flags&imply.flag != 0 {
			c |= imply.cat
		}
	}
	if s.Flags&ReadOnly != 0 && c&CatScripting == 0 {
		c |= CatRead
	}
	if c&CatFast == 0 {
		c |= CatSlow
	}
	return c
}

// ArityOK reports whether a request of n arguments has as many as it must.
func (s *Spec) ArityOK(n int) bool {
	if s.Arity >= 0 {
		return n == s.Arity
	}
	return n >= -s.Arity
}
