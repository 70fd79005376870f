package check

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kvorum/resp"
)

func command(words ...string) string { return string(resp.AppendCommandStrings(nil, words...)) }

// cases are logs, by what their files hold, and what redis-check-aof 7.0.15 prints.
var cases = []struct {
	name  string
	files map[string]string
	check string   // the file to name
	flags []string // before it
	stdin string
	exit  int
	after string // the file last.aof afterwards, "" if it is as before
	want  string
}{
	{
		name:  "good",
		files: map[string]string{"a.aof": command("SET", "k", "v") + "#TS:5\r\n" + command("MULTI") + command("INCR", "n") + command("EXEC")},
		check: "a.aof",
		want: `Start checking Old-Style AOF
AOF analyzed: filename=a.aof, size=84, ok_up_to=84, ok_up_to_line=19, diff=0
AOF a.aof is valid
`,
	},
	{
		name:  "empty",
		files: map[string]string{"a.aof": ""},
		check: "a.aof",
		want:  "Start checking Old-Style AOF\nAOF a.aof is empty\n",
	},
	{
		name:  "short",
		files: map[string]string{"a.aof": command("SET", "k", "v") + "*2\r\n$3\r\nGET\r\n$5\r\nab"},
		check: "a.aof", exit: 1,
		want: `Start checking Old-Style AOF
0x              2c: Expected to read 7 bytes, got 2 bytes
AOF analyzed: filename=a.aof, size=46, ok_up_to=27, ok_up_to_line=12, diff=19
AOF a.aof is not valid. Use the --fix option to try fixing it.
`,
	},
	{
		name:  "open transaction",
		files: map[string]string{"last.aof": command("SET", "k", "v") + command("MULTI") + command("INCR", "n")},
		check: "last.aof", flags: []string{"--fix"}, stdin: "y\n", after: command("SET", "k", "v"),
		want: `Start checking Old-Style AOF
0x              3c: Reached EOF before reading EXEC for MULTI
AOF analyzed: filename=last.aof, size=63, ok_up_to=27, ok_up_to_line=16, diff=36
This will shrink the AOF last.aof from 63 bytes, with 36 bytes, to 27 bytes
Continue? [y/N]: Successfully truncated AOF last.aof
`,
	},
	{
		name:  "refused",
		files: map[string]string{"last.aof": command("SET", "k", "v") + "!!!"},
		check: "last.aof", flags: []string{"--fix"}, stdin: "n\n", exit: 1,
		want: `Start checking Old-Style AOF
AOF last.aof format error
AOF analyzed: filename=last.aof, size=30, ok_up_to=27, ok_up_to_line=8, diff=3
This will shrink the AOF last.aof from 30 bytes, with 3 bytes, to 27 bytes
Continue? [y/N]: Aborting...
`,
	},
	{
		name: "multi part",
		files: map[string]string{
			"m.manifest": "file b.aof seq 1 type b\nfile i.aof seq 1 type i\nfile last.aof seq 2 type i\n",
			"b.aof":      command("SET", "k", "v"), "i.aof": "", "last.aof": command("SET", "k", "v"),
		},
		check: "m.manifest",
		want: `Start checking Multi Part AOF
Start to check BASE AOF (RESP format).
AOF analyzed: filename=b.aof, size=27, ok_up_to=27, ok_up_to_line=8, diff=0
BASE AOF b.aof is valid
Start to check INCR files.
INCR AOF i.aof is empty
AOF analyzed: filename=last.aof, size=27, ok_up_to=27, ok_up_to_line=15, diff=0
INCR AOF last.aof is valid
All AOF files and manifest are valid
`,
	},
	{
		name: "damage in the middle",
		files: map[string]string{
			"m.manifest": "file i.aof seq 1 type i\nfile last.aof seq 2 type i\n",
			"i.aof":      command("SET", "k", "v") + "*1\r\n+", "last.aof": command("SET", "k", "v"),
		},
		check: "m.manifest", flags: []string{"--fix"}, exit: 1,
		want: `Start checking Multi Part AOF
Start to check INCR files.
0x              1f: Expected prefix '$', got: '+'
AOF analyzed: filename=i.aof, size=32, ok_up_to=27, ok_up_to_line=9, diff=5
Failed to truncate AOF i.aof because it is not the last file
`,
	},
	{
		name: "to a time",
		files: map[string]string{
			"m.manifest": "file last.aof seq 2 type i\n",
			"last.aof":   "#TS:10\r\n" + command("SET", "k", "v") + "#TS:20\r\n" + command("SET", "k", "w"),
		},
		check: "m.manifest", flags: []string{"--truncate-to-timestamp", "19"}, after: "#TS:10\r\n" + command("SET", "k", "v"),
		want: `Start checking Multi Part AOF
Start to check INCR files.
Successfully truncated AOF last.aof to timestamp 19
All AOF files and manifest are valid
`,
	},
	{
		name:  "nothing to cut",
		files: map[string]string{"last.aof": "#TS:10\r\n" + command("SET", "k", "v")},
		check: "last.aof", flags: []string{"--truncate-to-timestamp", "19"},
		want: "Start checking Old-Style AOF\nTruncate nothing in AOF last.aof to timestamp 19\nAOF last.aof is valid\n",
	},
	{
		name:  "everything to cut",
		files: map[string]string{"last.aof": "#TS:10\r\n" + command("SET", "k", "v")},
		check: "last.aof", flags: []string{"--truncate-to-timestamp", "9"}, exit: 1,
		want: "Start checking Old-Style AOF\nAOF last.aof has nothing before timestamp 9, aborting...\n",
	},
	{
		name:  "bad manifest",
		files: map[string]string{"m.manifest": "file a seq 1 type x\n"},
		check: "m.manifest", exit: 1,
		want: "Start checking Multi Part AOF\n\n*** FATAL AOF MANIFEST FILE ERROR ***\n\nReading the manifest file, at line 1\n\n>>> 'file a seq 1 type x'\n\nUnknown AOF file type\n\n",
	},
	{name: "no such file", check: "none", exit: 1, want: "Cannot open file none: No such file or directory\n"},
	{name: "usage", check: "x", flags: []string{"--what"}, exit: 1, want: "Usage: redis-check-aof [--fix|--truncate-to-timestamp $timestamp] <file.manifest|file.aof>\n"},
	{name: "time", check: "x", flags: []string{"--truncate-to-timestamp", "1x"}, exit: 1, want: "Invalid timestamp, aborting...\n"},
}

func TestCheckAOFPrintsWhatRedisPrints(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			out, exit, after := runCase(t, c.files, func(dir string) (string, int) {
				t.Chdir(dir)
				var out bytes.Buffer
				exit := AOF("redis-check-aof", append(c.flags[:len(c.flags):len(c.flags)], c.check), strings.NewReader(c.stdin), &out)
				return out.String(), exit
			})
			if out != c.want || exit != c.exit {
				t.Errorf("exit %d:\n%s", exit, out)
			}
			if want := c.after; want == "" && after != c.files["last.aof"] || want != "" && after != want {
				t.Errorf("the file holds %q", after)
			}
		})
	}
}

// The expectations above hold for the real program.
func TestCheckAOFAgainstTheRealOne(t *testing.T) {
	bin, err := exec.LookPath("redis-check-aof")
	if err != nil {
		t.Skip("needs redis-check-aof to compare with (Debian package redis-tools)")
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			out, exit, after := runCase(t, c.files, func(dir string) (string, int) {
				cmd := exec.Command(bin, append(c.flags[:len(c.flags):len(c.flags)], c.check)...)
				cmd.Dir, cmd.Stdin, cmd.Args[0] = dir, strings.NewReader(c.stdin), "redis-check-aof"
				out, _ := cmd.CombinedOutput()
				return string(out), cmd.ProcessState.ExitCode()
			})
			if strings.Contains(c.want, "FATAL") { // logged with a time there
				return
			}
			if out != c.want || exit != c.exit {
				t.Errorf("exit %d:\n%s", exit, out)
			}
			if c.after != "" && after != c.after {
				t.Errorf("the file holds %q", after)
			}
		})
	}
}

func runCase(t *testing.T, files map[string]string, run func(dir string) (string, int)) (out string, exit int, after string) {
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out, exit = run(dir)
	b, _ := os.ReadFile(filepath.Join(dir, "last.aof"))
	return out, exit, string(b)
}
