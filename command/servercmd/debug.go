package servercmd

import (
	"strconv"
	"strings"

	"kvorum/command"
	"kvorum/config"
	"kvorum/num"
)

var debugSpec = &command.Spec{
	Name: "debug", Since: "1.0.0", Group: "server", Complexity: "Depends on subcommand.",
	Summary: "Groups tools for tests and for looking inside the server.",
	Arity:   -2, Flags: command.Admin | command.NoScript | command.Loading | command.Stale,
	SysCmd:  true,
	Mode:    command.Exclusive,
	Guard:   debugGuard,
	Handler: debug,
}

// debugGuard refuses clients that enable-debug-command does not name.
func debugGuard(h command.Host, s *command.Session) string {
	if h.DebugAllowed(s) {
		return ""
	}
	return errNoDebug
}

const errNoDebug = `-ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.`

// tool is a form of DEBUG.
type tool struct {
	name  string // lower case
	usage string
	help  string
	least int // arguments after the name
	most  int // -1: any number
	run   func(*command.Ctx)
}

const anyNumber = -1

// tools returns the forms of DEBUG in the order in which its help lists them.
func tools() []tool {
	return []tool{
		{"aof-flush-sleep", "<microseconds>", "Waits before each write to the append-only log, for tests.", 1, 1, debugFlushSleep},
		{"change-repl-id", "", "Draws new replication IDs.", 0, 0, debugChangeReplID},
		{"config-rewrite-force-all", "", "Does what CONFIG REWRITE does and writes every directive, also those with their default.", 0, 0, debugRewrite},
		{"digest", "", "Replies a digest of all data: equal for equal data, also Redis's.", 0, 0, debugDigest},
		{"digest-value", "<key> [<key> ...]", "Replies a digest of each value.", 0, anyNumber, debugDigestValue},
		{"error", "<text>", "Replies the text as an error.", 1, 1, debugError},
		{"htstats", "<dbid> [full]", "Describes the tables of a database.", 1, anyNumber, debugHTStats},
		{"htstats-key", "<key> [full]", "Describes the hash table of a value.", 1, anyNumber, debugHTStatsKey},
		{"listpack", "<key>", "Writes the elements of a listpack to the log.", 1, 1, debugListpack},
		{"loadaof", "", "Writes the append-only log to the disk, and loads the data from it anew.", 0, anyNumber, debugLoadAOF},
		{"log", "<text>", "Writes the text to the log.", 1, 1, debugLog},
		{"memcheck", "", "Compares the blocks of memory in use with those that the data refer to.", 0, 0, debugMemcheck},
		{"object", "<key>", "Describes how a value is stored.", 1, 1, debugObject},
		{"pause-cron", "<0|1>", "Stops the periodic work of the server, or lets it go on.", 1, 1, debugPauseCron},
		{"populate", "<count> [<prefix> [<size>]]", "Makes string keys prefix:0, prefix:1 and so on that do not exist yet.", 1, 3, debugPopulate},
		{"protocol", "<type>", "Replies a value of a type: string, integer, double, bignum, null, array, set, map, attrib, push, verbatim, true, false.", 1, 1, debugProtocol},
		{"quicklist", "<key> [<0|1>]", "Writes the nodes of a quicklist to the log, with 1 also their elements.", 1, 2, debugQuicklist},
		{"quicklist-packed-threshold", "<size>", "Checks the size; no element of a list needs a node of another kind.", 1, 1, debugPackedThreshold},
		{"reload", "[<option> ...]", "Saves the data to the RDB file, drops them and loads the file. Options: MERGE, NOFLUSH, NOSAVE.", 0, anyNumber, debugReload},
		{"replicate", "<word> [<word> ...]", "Sends the words to the replicas as a command, which they need not be.", 1, anyNumber, debugReplicate},
		{"replybuffer", "<RESIZING|PEAK-RESET-TIME> <value>", "Checks the arguments; clients have no reply buffer of their own.", 2, 2, debugReplyBuffer},
		{"set-active-expire", "<0|1>", "Turns the removal of expired keys in the background off or on.", 1, 1, debugActiveExpire},
		{"set-skip-checksum-validation", "<0|1>", "Has check sums of RDB files and of payloads not looked at.", 1, 1, debugSkipChecksum},
		{"sleep", "<seconds>", "Stops the whole server for some time, fractions allowed.", 1, 1, debugSleep},
	}
}

// debug finds the form and runs it, alone: every form may look at all data.
func debug(c *command.Ctx) {
	n := len(c.Args) - 2
	if n == 0 && c.Is(1, "help") {
		debugHelp(c)
		return
	}
	for _, t := range allTools() {
		if c.Is(1, t.name) && n >= t.least && (n <= t.most || t.most == anyNumber) {
			t.run(c)
			return
		}
	}
	unknownForm(c)
}

func debugHelp(c *command.Ctx) {
	var lines []string
	for _, t := range allTools() {
		lines = append(lines, strings.TrimSpace(strings.ToUpper(t.name)+" "+t.usage), "    "+t.help)
	}
	c.Help(lines...)
}

func debugRewrite(c *command.Ctx) { rewriteFile(c, true) }

// debugError replies an error that does not count as one, as in Redis.
func debugError(c *command.Ctx) {
	c.W.RawString("-")
	c.W.RawString(strings.NewReplacer("\r", " ", "\n", " ").Replace(string(c.Args[2])))
	c.W.RawString("\r\n")
}

func debugLog(c *command.Ctx) {
	c.Host.Log("DEBUG LOG: " + string(c.Args[2]))
	c.W.OK()
}

func debugMemcheck(c *command.Ctx) {
	if err := c.KS.MemCheck(); err != nil {
		c.Err("-ERR " + err.Error())
		return
	}
	c.W.OK()
}

// debugPackedThreshold checks the argument. In Redis it is the size from which an
// element of a list gets a node that is no listpack; here every node is one.
func debugPackedThreshold(c *command.Ctx) {
	const sizeMax = 4<<30 - 1<<20
	n, ok := config.ParseMemory(string(c.Args[2]))
	if !ok || n > sizeMax {
		c.Err("-ERR argument must be a memory value bigger than 1 and smaller than 4gb")
		return
	}
	c.W.OK()
}

func debugActiveExpire(c *command.Ctx) {
	c.Host.SetActiveExpire(leadingInt(c.Args[2]) != 0)
	c.W.OK()
}

// leadingInt reads the digits at the start of a text, 0 without any, as C's
// atoi does.
func leadingInt(b []byte) int64 {
	end := 0
	for end < len(b) && (b[end] >= '0' && b[end] <= '9' || end == 0 && b[end] == '-') {
		end++
	}
	n, err := strconv.ParseInt(string(b[:end]), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// debugSleep stops the world: the row is exclusive. Text that is no number
// counts as 0.
func debugSleep(c *command.Ctx) {
	const usecPerSec = 1e6
	if seconds, ok := num.ParseFloat(c.Args[2]); ok && seconds > 0 {
		c.Host.Sleep(int64(seconds * usecPerSec))
	}
	c.W.OK()
}
