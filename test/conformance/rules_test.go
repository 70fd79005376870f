package conformance

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"kvorum/resp"
	"kvorum/test/peer"
)

// unsent are commands that streams do not have, with the reason.
var unsent = map[string]string{
	"shutdown":            "ends the server",
	"debug":               "tools of each server's own; the digest is compared at the end",
	"config|rewrite":      "writes a file",
	"config|resetstat":    "nothing in a reply shows it",
	"client|kill":         "may close the connections that drive the test",
	"client|reply":        "changes the number of replies",
	"client|pause":        "stops the test for a time",
	"client|tracking":     "messages come among replies: TestTracking... compare them",
	"subscribe":           "messages come at their own time; command/pubsubcmd compares them",
	"psubscribe":          "as subscribe",
	"ssubscribe":          "as subscribe",
	"unsubscribe":         "changes the number of replies",
	"punsubscribe":        "as unsubscribe",
	"sunsubscribe":        "as unsubscribe",
	"monitor":             "lines come at their own time",
	"memory|doctor":       "speaks about the server's own memory",
	"memory|malloc-stats": "speaks about the server's own memory",
	"memory|stats":        "speaks about the server's own memory",
	"memory|purge":        "speaks about the server's own memory",
	"latency|doctor":      "speaks about time",
	"latency|histogram":   "speaks about time",
	"latency|history":     "speaks about time",
	"latency|latest":      "speaks about time",
	"latency|graph":       "speaks about time",
	"latency|reset":       "speaks about time",
	"slowlog|get":         "speaks about time",
	"slowlog|len":         "speaks about time",
	"slowlog|wait":        "is kvorum's own",
	"command":             "the tables differ while commands are missing; command/*/rows_test.go compares row by row",
	"command|count":       "as command",
	"command|list":        "as command",
	"command|docs":        "as command",
	"command|info":        "as command",
	"pfselftest":          "takes a second and has one reply",
	"dump":                "payloads of the same value differ: test/rdb reads those of each server with the other",
	"info":                "speaks about the server itself",
	"replicaof":           "makes the server a replica: test/interop compares replication",
	"slaveof":             "as replicaof",
	"failover":            "as replicaof",
	"sync":                "makes the client a replica",
	"psync":               "as sync",
	"replconf":            "as sync",
	"wait":                "waits for replicas, which there are none of",
	"waitaof":             "as wait",
	"role":                "the offset of the stream depends on what was fed before",
	"save":                "writes a file, and is refused while BGSAVE or BGREWRITEAOF lasts",
	"bgsave":              "as save",
	"bgrewriteaof":        "as save",
	"lastsave":            "speaks about time",
}

// loose compares replies that may differ between two right servers; commands
// without an entry must agree to the byte.
var loose = map[string]func(ours, theirs resp.Value) bool{
	"ttl":             near(20),
	"pttl":            near(20_000),
	"expiretime":      nearBelow(farSeconds, 20),
	"pexpiretime":     nearBelow(farMillis, 20_000),
	"httl":            each(near(20)),
	"hpttl":           each(near(20_000)),
	"hexpiretime":     each(nearBelow(farSeconds, 20)),
	"hpexpiretime":    each(nearBelow(farMillis, 20_000)),
	"object|idletime": sameShape, // an integer that Redis shares was used by others
	"zrandmember":     sameShape,
	"zscan":           sameScan,
	"object|refcount": sameShape, // an int that COPY made is no longer shared in Redis, ours do not remember
	"keys":            sameSet,
	"hgetall":         samePairs,
	"hkeys":           sameSet,
	"hvals":           sameSet,
	"smembers":        sameSet,
	"sinter":          sameSet,
	"sunion":          sameSet,
	"sdiff":           sameSet,
	"spop":            sameSet, // streams empty the set
	"srandmember":     sameShape,
	"hrandfield":      sameShape,
	"hscan":           sameShape,
	"sscan":           sameShape,
	"config|get":      samePairs,
	"scan":            sameShape,
	"randomkey":       func(a, b resp.Value) bool { return a.Null == b.Null && a.Type == b.Type },
	"time":            sameShape,
	"lastsave":        sameShape,
	"lolwut":          sameShape, // it ends with the version
	"hello":           sameHello,
	"client|id":       sameShape,
	"client|list":     sameShape,
	"client|info":     sameShape,
	"client|getredir": sameShape,
	"memory|usage":    sameShape,
	"memory|help":     helpText,
	"client|help":     helpText,
	"object|help":     helpText,
	"config|help":     helpText,
	"command|help":    helpText,
	"slowlog|help":    helpText,
	"latency|help":    helpText,
	"pubsub|help":     helpText,
}

// difference is a reply that we know to differ from that of some servers.
type difference struct {
	command string         // full name
	before  string         // of servers older than this version
	args    *regexp.Regexp // of the arguments joined by blanks; nil: all
	reason  string
}

var differences = []difference{
	{command: "command|getkeys", before: "7.2.0", reason: "7.0 wants an argument behind the command's name"},
	{command: "hello", before: "7.2.0", args: regexp.MustCompile("(?i) auth "), reason: "7.0 checks the password before the options behind it"},
	{command: "lpos", before: "7.2.0", args: regexp.MustCompile("(?i) rank -9223372036854775808"), reason: "7.0 takes the one rank that cannot be negated"},
	{command: "zrank", before: "7.2.0", reason: "7.0 has no WITHSCORE"},
	{command: "zrevrank", before: "7.2.0", reason: "7.0 has no WITHSCORE"},
	{command: "command|getkeysandflags", before: "7.2.0", reason: "as COMMAND GETKEYS"},
	{command: "client|getname", before: "7.2.0", reason: "7.0 gives the name of a HELLO before it finds a later option wrong"},
}

// fullName is the name of a request's command in lower case, with its
// subcommand's for a container.
func fullName(args []string) string {
	name := strings.ToLower(args[0])
	switch name {
	case "object", "client", "config", "command", "memory", "slowlog", "latency", "pubsub":
		if len(args) > 1 {
			return name + "|" + strings.ToLower(args[1])
		}
	}
	return name
}

// known reports whether a request is one that the other server answers otherwise.
func known(oracle *peer.Server, args []string) bool {
	name := fullName(args)
	for i := range differences {
		d := &differences[i]
		if d.command == name && !oracle.AtLeast(d.before) && (d.args == nil || d.args.MatchString(strings.Join(args, " "))) {
			return true
		}
	}
	return false
}

// same reports whether two replies to a request agree.
func same(oracle *peer.Server, args []string, ours, theirs []byte) bool {
	if bytes.Equal(ours, theirs) {
		return true
	}
	if known(oracle, args) {
		return true
	}
	name := fullName(args)
	rule := loose[name]
	switch {
	case isSort(args):
		rule = sortRule(args, theirs)
	case rule == nil && olderFloats(oracle, name):
		rule = sameFloats
	case name == "object|encoding" && peer.Older(oracle.Version, "7.2.0"):
		rule = olderEncoding
	}
	if rule == nil {
		return false
	}
	a, errA := peer.Parse(ours)
	b, errB := peer.Parse(theirs)
	if isSort(args) && errA == nil && errB == nil && b.IsError() {
		return rule(a, b)
	}
	if errA != nil || errB != nil || a.IsError() || b.IsError() {
		return false
	}
	return rule(a, b)
}

// near: numbers that tell a time may be a little apart, unless one is a mark
// such as -1.
func near(tolerance int64) func(a, b resp.Value) bool {
	return func(a, b resp.Value) bool {
		if a.Type != ':' || b.Type != ':' || a.Int < 0 || b.Int < 0 {
			return false
		}
		return a.Int-b.Int <= tolerance && b.Int-a.Int <= tolerance
	}
}

// nearBelow is near for numbers below limit; those above were given as they are.
func nearBelow(limit, tolerance int64) func(a, b resp.Value) bool {
	return func(a, b resp.Value) bool { return a.Int < limit && near(tolerance)(a, b) }
}

// each compares arrays element by element: they are equal, or so to same.
func each(same func(a, b resp.Value) bool) func(a, b resp.Value) bool {
	return func(a, b resp.Value) bool {
		return a.Type == '*' && b.Type == '*' && slices.EqualFunc(a.Elems, b.Elems, func(a, b resp.Value) bool {
			return bytes.Equal(a.AppendWire(nil), b.AppendWire(nil)) || same(a, b)
		})
	}
}

func sameSet(a, b resp.Value) bool {
	return a.Type == b.Type && slices.Equal(sortedWires(a.Elems), sortedWires(b.Elems))
}

func sortedWires(vs []resp.Value) []string {
	list := make([]string, len(vs))
	for i := range vs {
		list[i] = string(vs[i].AppendWire(nil))
	}
	slices.Sort(list)
	return list
}

// samePairs: the order of names with their values is that of a hash table.
func samePairs(a, b resp.Value) bool {
	return a.Type == b.Type && slices.Equal(sortedWires(pairsOf(a)), sortedWires(pairsOf(b)))
}

// pairsOf returns the elements of a list or map in twos.
func pairsOf(v resp.Value) (list []resp.Value) {
	for pair := range slices.Chunk(v.Elems, 2) {
		list = append(list, resp.Value{Type: '*', Elems: pair})
	}
	return list
}

// sameShape: type and number of elements.
func sameShape(a, b resp.Value) bool {
	return a.Type == b.Type && a.Null == b.Null && len(a.Elems) == len(b.Elems)
}

// samePacking: servers before 7.2 have no packed sets. What later ones say is compared
// with the data, at the end.
func samePacking(a, b resp.Value) bool {
	return string(a.Str) == "listpack" && string(b.Str) == "hashtable" || sameEncoding(a, b)
}

// helpText: the wording of help is each server's own.
func helpText(a, b resp.Value) bool {
	return a.Type == b.Type && len(a.Elems) > 0 && len(b.Elems) > 0 && a.Elems[0].Type == b.Elems[0].Type
}

// sameHello: version and client id are the server's own.
func sameHello(a, b resp.Value) bool {
	if !sameShape(a, b) {
		return false
	}
	for i := 0; i+1 < len(a.Elems); i += 2 {
		name := string(a.Elems[i].Str)
		if name != string(b.Elems[i].Str) {
			return false
		}
		x, y := a.Elems[i+1], b.Elems[i+1]
		if name == "version" || name == "id" || name == "server" {
			if x.Type != y.Type {
				return false
			}
		} else if !bytes.Equal(x.AppendWire(nil), y.AppendWire(nil)) {
			return false
		}
	}
	return true
}
