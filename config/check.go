package config

import "strings"

// Words of enums, in the order in which errors list them. Bits are the
// package's own numbers; only for shutdownWords do they combine.
var (
	protectedActions  = []EnumValue{{"no", ActionNo}, {"yes", ActionYes}, {"local", ActionLocal}}
	authClients       = []EnumValue{{"no", 0}, {"yes", 1}, {"optional", 2}}
	supervisors       = []EnumValue{{"upstart", 3}, {"systemd", 2}, {"auto", 1}, {"no", 0}}
	logLevels         = []EnumValue{{"debug", 0}, {"verbose", 1}, {"notice", 2}, {"warning", 3}, {"nothing", 4}}
	syslogFacilities  = enumOf("user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7")
	aclPubsubDefaults = enumOf("allchannels", "resetchannels")
	shutdownWords     = []EnumValue{{"default", 0}, {"save", ShutdownSave}, {"nosave", ShutdownNoSave}, {"now", ShutdownNow}, {"force", ShutdownForce}}
	oomScoreModes     = []EnumValue{{"no", 0}, {"yes", 1}, {"relative", 1}, {"absolute", 2}}
	evictionPolicies  = enumOf("volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl",
		"allkeys-lru", "allkeys-lfu", "allkeys-random", "noeviction")
	sanitizeModes     = enumOf("no", "yes", "clients")
	fsyncModes        = enumOf("everysec", "always", "no")
	disklessLoads     = enumOf("disabled", "on-empty-db", "swapdb")
	propagationErrors = enumOf("ignore", "panic", "panic-on-replicas")
	endpointTypes     = enumOf("ip", "hostname", "unknown-endpoint")
)

// Bits of enable-debug-command, enable-protected-configs and
// enable-module-command.
const (
	ActionNo    = 0 // nobody
	ActionYes   = 1 // everybody
	ActionLocal = 2 // clients connected from this machine
)

// Bits of shutdown-on-sigint and shutdown-on-sigterm.
const (
	ShutdownSave   = 1 << iota // save even without save points
	ShutdownNoSave             // do not save
	ShutdownNow                // do not wait for replicas
	ShutdownForce              // go on after errors
)

func enumOf(names ...string) []EnumValue {
	values := make([]EnumValue, len(names))
	for i, name := range names {
		values[i] = EnumValue{Name: name, Bits: int64(i)}
	}
	return values
}

func validShutdown(bits int64) (problem string) {
	if bits&ShutdownSave != 0 && bits&ShutdownNoSave != 0 {
		return "shutdown options SAVE and NOSAVE can't be used simultaneously"
	}
	return ""
}

// clampHz keeps the frequency in the range in use; any number is accepted.
func clampHz(n int64) int64 {
	const hzMin, hzMax = 1, 500
	return min(max(n, hzMin), hzMax)
}

// clampWatchdog keeps the period of the watchdog, in milliseconds, from being so
// short that ordinary work would set it off: two rounds of ten a second, as in
// Redis at its usual frequency. 0 is off.
func clampWatchdog(n int64) int64 {
	const periodMsMin = 200
	if n == 0 {
		return 0
	}
	return max(n, periodMsMin)
}

func isPath(s string) bool { return strings.ContainsAny(s, `/\`) }

func checkDBFilename(s string) (problem string) {
	s = cString(s)
	if isPath(s) {
		return "dbfilename can't be a path, just a filename"
	}
	return ""
}

func checkAppendFilename(s string) (problem string) {
	s = cString(s)
	switch {
	case s == "":
		return "appendfilename can't be empty"
	case isPath(s):
		return "appendfilename can't be a path, just a filename"
	}
	return ""
}

func checkAppendDirname(s string) (problem string) {
	s = cString(s)
	switch {
	case s == "":
		return "appenddirname can't be empty"
	case isPath(s):
		return "appenddirname can't be a path, just a dirname"
	}
	return ""
}

func checkHostname(s string) (problem string) {
	s = cString(s)
	const hostnameBytesMax = 255
	if len(s) > hostnameBytesMax {
		return "Hostnames must be less than 256 characters"
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; !isAlnum(c) && c != '-' && c != '.' {
			return "Hostnames may only contain alphanumeric characters, hyphens or dots"
		}
	}
	return ""
}

func checkNodename(s string) (problem string) {
	// These would be taken for separators in the cluster's state file.
	if strings.ContainsAny(s, "!#$%&()*+:;<>?@[]^{|}~\x00") {
		return "Announced human node name contained invalid character"
	}
	return ""
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// ExpandTitle fills the variables of a process title: {name}, with "{{" for
// a brace. ok is false if a variable is not closed or variable refuses it.
func ExpandTitle(template string, variable func(name string) (string, bool)) (title string, ok bool) {
	var b strings.Builder
	for template != "" {
		before, rest, found := strings.Cut(template, "{")
		b.WriteString(before)
		if !found {
			break
		}
		if strings.HasPrefix(rest, "{") {
			b.WriteByte('{')
			template = rest[1:]
			continue
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return "", false
		}
		value, known := variable(name)
		if !known {
			return "", false
		}
		b.WriteString(value)
		template = after
	}
	return strings.Trim(b.String(), " "), true
}

func checkTitleTemplate(s string) (problem string) {
	s = cString(s)
	title, ok := ExpandTitle(s, func(name string) (string, bool) {
		switch name {
		case "title", "server-mode":
			return "", true
		case "listen-addr", "config-file", "port", "tls-port", "unixsocket":
			return "x", true
		}
		return "", false
	})
	if !ok || title == "" {
		return "template format is invalid or contains unknown variables"
	}
	return ""
}
