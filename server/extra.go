package server

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"kvorum/command"
	"kvorum/config"
	"kvorum/logx"
)

// extraLines collects the directives of a configuration that have no value to
// keep: renamed commands, users, modules.
type extraLines struct {
	table    *command.Table // with the commands renamed so far
	users    []config.Line
	modules  []string // paths of loadmodule
	settings int      // lines with the settings of modules
}

// take is config.Loader.Extra.
func (x *extraLines) take(line config.Line) error {
	switch name := line.Args[0]; name {
	case "rename-command":
		table, err := x.table.Renamed(line.Args[1], line.Args[2])
		if err != nil {
			return err
		}
		x.table = table
	case "user":
		x.users = append(x.users, line)
	case "loadmodule":
		x.modules = append(x.modules, line.Args[1])
	default:
		x.settings++
	}
	return nil
}

// check looks at what the lines mean together with the loaded values. An error
// stops the start.
func (x *extraLines) check(cfg *config.Config) error {
	const problem = "Users are not built in yet. The one user line that can be kept is that of the user default " +
		"with all rights and the password that requirepass sets"
	if cfg.String("aclfile") != "" {
		return &config.LoadError{Problem: "aclfile: users are not built in yet, and without those of the file everybody would have all rights"}
	}
	for _, line := range x.users {
		if !sameAsRequirepass(line.Args, cfg.String("requirepass")) {
			return &config.LoadError{Line: line.Number, Text: line.Text, Problem: problem}
		}
	}
	if x.settings > 0 && len(x.modules) == 0 {
		return errors.New("Module Configuration detected without loadmodule directive or no ApplyConfig call: aborting")
	}
	return nil
}

// sameAsRequirepass reports whether a user line says no more than requirepass
// does: it is how CONFIG REWRITE of Redis writes the user that everybody is.
// To ignore a line that says less than that would open the server.
//
// COMPAT: user-lines: all other users wait for ACL.
func sameAsRequirepass(args []string, requirepass string) bool {
	if args[1] != "default" {
		return false
	}
	on, noPass, passwords := false, false, []string{}
	missing := map[string]bool{"keys": true, "channels": true, "commands": true}
	for _, rule := range args[2:] {
		switch {
		case rule == "on":
			on = true
		case rule == "nopass":
			noPass, passwords = true, nil
		case rule == "~*" || rule == "allkeys":
			delete(missing, "keys")
		case rule == "&*" || rule == "allchannels":
			delete(missing, "channels")
		case rule == "+@all" || rule == "allcommands":
			delete(missing, "commands")
		case strings.HasPrefix(rule, ">"):
			noPass, passwords = false, append(passwords, hashPassword(rule[1:]))
		case strings.HasPrefix(rule, "#"):
			noPass, passwords = false, append(passwords, strings.ToLower(rule[1:]))
		case rule != "sanitize-payload" && rule != "skip-sanitize-payload":
			return false
		}
	}
	if !on || len(missing) > 0 {
		return false
	}
	if requirepass == "" {
		return noPass
	}
	return !noPass && slices.Equal(slices.Compact(passwords), []string{hashPassword(requirepass)})
}

// hashPassword is the form in which a user line shows a password.
func hashPassword(password string) string {
	sum := sha256.Sum256([]byte(password))
	return hex.EncodeToString(sum[:])
}

// defaultUserLine is the user line that CONFIG REWRITE writes.
func defaultUserLine(requirepass string) string {
	if requirepass == "" {
		return "user default on nopass sanitize-payload ~* &* +@all"
	}
	return "user default on sanitize-payload #" + hashPassword(requirepass) + " ~* &* +@all"
}

// logIneffective names, once each, the directives that have been set and have
// no effect. cfgMu is held, or nobody else has the server yet.
func (s *Server) logIneffective() {
	for d := range s.cfg.Ineffective {
		if !s.toldIneffective[d.Name] {
			s.toldIneffective[d.Name] = true
			s.log.Noticef("The directive %s has no effect: %s", d.Name, d.NoEffect)
		}
	}
}

// log names the modules that are not there.
func (x *extraLines) log(log *logx.Logger) {
	for _, path := range x.modules {
		log.Warningf("The directive loadmodule has no effect: modules cannot be loaded: %s", path)
	}
}
