package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// The scratch tree, relative to its root:
//
//	*            links to the checkout's entries
//	src/         real directory
//	  *          links to the checkout's entries, programs excepted
//	  PROGRAM    links as told by programs below
//	tests/       real directory
//	  *          links to the checkout's entries
//	  assets/    real directory
//	    *.conf   copies, without the directives that 7.2 does not know
//	    *        links to the checkout's entries
//	  integration/  real directory
//	    *.tcl    links, or copies without what a directive of 8.0 adds (withoutDualChannel);
//	             the unit's own also without what its lines of code say (withoutCode)
//	  tmp/       real, empty: the suite puts server directories and logs here

// program is an executable that the suite starts as src/valkey-NAME or
// src/redis-NAME.
type program struct {
	name   string // without the prefix
	debian string // Debian's program of the same purpose, looked up in PATH
}

// programs lists the tools; the server is not among them, it is always ours.
var programs = []program{
	{"cli", "redis-cli"},
	{"benchmark", "redis-benchmark"},
	{"check-rdb", "redis-check-rdb"},
	{"check-aof", "redis-check-aof"},
}

// prefixes of program names: the suite of 8.0 starts valkey-*, which a
// checkout also installs under the old names.
var prefixes = []string{"valkey-", "redis-"}

// newDirectives are directives of Valkey 8.0 in the suite's configuration
// files that 7.2 refuses at start, as do servers that follow it. They only
// change what crash reports and DEBUG ASSERT do.
var newDirectives = []string{"enable-debug-assert", "hide-user-data-from-log"}

// buildOverlay fills the empty directory dir with the scratch tree over the
// checkout src, with server as the server, for the unit and what the skip file says
// of it. It returns the names of tools that were found nowhere; the tests that start
// them will fail.
func buildOverlay(dir, src, server, unit string, skips []skipLine) (missing []string, err error) {
	if err := linkEntries(dir, src, func(name string) bool { return name != "src" && name != "tests" }); err != nil {
		return nil, err
	}
	srcDir, testsDir := filepath.Join(dir, "src"), filepath.Join(dir, "tests")
	if err := os.MkdirAll(filepath.Join(testsDir, "tmp"), 0o755); err != nil {
		return nil, fmt.Errorf("suite: scratch tree: %w", err)
	}
	if err := linkEntries(testsDir, filepath.Join(src, "tests"), func(name string) bool { return name != "tmp" && name != "assets" && name != "integration" }); err != nil {
		return nil, err
	}
	if err := copyAssets(filepath.Join(testsDir, "assets"), filepath.Join(src, "tests", "assets")); err != nil {
		return nil, err
	}
	if err := copyIntegration(filepath.Join(testsDir, "integration"), filepath.Join(src, "tests", "integration"), unit, skips); err != nil {
		return nil, err
	}
	if err := os.Mkdir(srcDir, 0o755); err != nil {
		return nil, fmt.Errorf("suite: scratch tree: %w", err)
	}
	if err := linkEntries(srcDir, filepath.Join(src, "src"), func(name string) bool { return !isProgram(name) }); err != nil {
		return nil, err
	}
	for _, p := range prefixes {
		for _, role := range []string{"server", "sentinel"} {
			if err := os.Symlink(server, filepath.Join(srcDir, p+role)); err != nil {
				return nil, fmt.Errorf("suite: scratch tree: %w", err)
			}
		}
	}
	for _, p := range programs {
		target := findProgram(src, p)
		if target == "" {
			missing = append(missing, p.name)
			continue
		}
		for _, prefix := range prefixes {
			if err := os.Symlink(target, filepath.Join(srcDir, prefix+p.name)); err != nil {
				return nil, fmt.Errorf("suite: scratch tree: %w", err)
			}
		}
	}
	return missing, nil
}

// linkEntries links the entries of from that want accepts into the directory to.
func linkEntries(to, from string, want func(name string) bool) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return fmt.Errorf("suite: checkout: %w", err)
	}
	for _, e := range entries {
		if !want(e.Name()) {
			continue
		}
		if err := os.Symlink(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
			return fmt.Errorf("suite: scratch tree: %w", err)
		}
	}
	return nil
}

// copyAssets makes the directory to with the entries of from; configuration
// files lose the lines of newDirectives.
func copyAssets(to, from string) error {
	if err := os.Mkdir(to, 0o755); err != nil {
		return fmt.Errorf("suite: scratch tree: %w", err)
	}
	isConf := func(name string) bool { return strings.HasSuffix(name, ".conf") }
	if err := linkEntries(to, from, func(name string) bool { return !isConf(name) }); err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return fmt.Errorf("suite: checkout: %w", err)
	}
	for _, e := range entries {
		if !isConf(e.Name()) {
			continue
		}
		b, err := os.ReadFile(filepath.Join(from, e.Name()))
		if err != nil {
			return fmt.Errorf("suite: checkout: %w", err)
		}
		if err := os.WriteFile(filepath.Join(to, e.Name()), []byte(withoutNewDirectives(string(b))), 0o644); err != nil {
			return fmt.Errorf("suite: scratch tree: %w", err)
		}
	}
	return nil
}

// withoutNewDirectives returns the text of a configuration file without the
// lines of newDirectives.
func withoutNewDirectives(conf string) string {
	var kept []string
	for _, line := range strings.Split(conf, "\n") {
		if f := strings.Fields(line); len(f) > 0 && slices.Contains(newDirectives, f[0]) {
			continue
		}
		kept = append(kept, line)
	}
	return strings.Join(kept, "\n")
}

// integrationPrefix is what the names of units in this folder begin with.
const integrationPrefix = "integration/"

// copyIntegration makes the directory to with the entries of from, changed as
// withoutDualChannel says, and for the unit also as its lines of code say.
func copyIntegration(to, from, unit string, skips []skipLine) error {
	if err := os.Mkdir(to, 0o755); err != nil {
		return fmt.Errorf("suite: scratch tree: %w", err)
	}
	entries, err := os.ReadDir(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a checkout of units only
	}
	if err != nil {
		return fmt.Errorf("suite: checkout: %w", err)
	}
	for _, e := range entries {
		path := filepath.Join(from, e.Name())
		b, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("suite: checkout: %w", err)
		}
		changed := withoutDualChannel(string(b))
		if integrationPrefix+strings.TrimSuffix(e.Name(), ".tcl") == unit {
			if changed, err = withoutCode(changed, skips); err != nil {
				return err
			}
		}
		if changed == string(b) {
			err = os.Symlink(path, filepath.Join(to, e.Name()))
		} else {
			err = os.WriteFile(filepath.Join(to, e.Name()), []byte(changed), 0o644)
		}
		if err != nil {
			return fmt.Errorf("suite: scratch tree: %w", err)
		}
	}
	return nil
}

const dualChannel = "dual-channel-replication-enabled"

var dualChannelLoop = regexp.MustCompile(`foreach dualchannel \{["a-z ]*\}`)

// withoutDualChannel returns a test file without the lines that turn a directive of 8.0
// on or off, and with one round in place of one for each of its values.
func withoutDualChannel(text string) string {
	if !strings.Contains(text, "config set "+dualChannel) {
		return text
	}
	text = dualChannelLoop.ReplaceAllString(text, "foreach dualchannel {no}")
	return strings.Join(slices.DeleteFunc(strings.Split(text, "\n"), func(line string) bool {
		return strings.Contains(line, " config set "+dualChannel)
	}), "\n")
}

// withoutCode returns a test file without the commands that lines of kind skipCode
// name, or with what they put in the place of these. Errors: a line that names none,
// and one whose braces never close.
func withoutCode(text string, skips []skipLine) (string, error) {
	lines := strings.Split(text, "\n")
	for _, s := range skips {
		if s.kind != skipCode {
			continue
		}
		kept, depth, open := []string(nil), 0, false
		found := false
		for _, line := range lines {
			if !open && strings.HasPrefix(strings.TrimSpace(line), s.text) {
				open, found = true, true
				if s.with != "" {
					kept = append(kept, s.with)
				}
			}
			if !open {
				kept = append(kept, line)
				continue
			}
			depth += strings.Count(line, "{") - strings.Count(line, "}")
			open = depth > 0
		}
		if !found || open {
			return "", fmt.Errorf("suite: skip file, line %d: %q begins no command of the unit", s.line, s.text)
		}
		lines = kept
	}
	return strings.Join(lines, "\n"), nil
}

// isProgram reports whether name is one the scratch tree provides itself.
func isProgram(name string) bool {
	for _, prefix := range prefixes {
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		if rest == "server" || rest == "sentinel" {
			return true
		}
		for _, p := range programs {
			if rest == p.name {
				return true
			}
		}
	}
	return false
}

// findProgram returns the path of a tool: the checkout's if it is built, else
// Debian's, else "".
func findProgram(src string, p program) string {
	for _, prefix := range prefixes {
		path := filepath.Join(src, "src", prefix+p.name)
		if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
			return path
		}
	}
	path, err := exec.LookPath(p.debian)
	if err != nil {
		return ""
	}
	return path
}

// onPath reports whether PATH has the program.
func onPath(name string) bool {
	_, err := exec.LookPath(name)
	return err == nil
}
