package interop

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"kvorum/test/peer"
)

func TestMain(m *testing.M) { peer.Main(m) }

// optional are features that scenarios need and that a server of the comparison
// may not have. One that all have is to leave this list.
var optional = []struct {
	name string
	has  func(r *recorder) bool
}{
	{"tracking", (*recorder).tracksKeys},
	{"pubsub", (*recorder).publishes},
}

// programs are the libraries with what runs all scenarios of one against a site.
var programs = []struct {
	name    string
	library string // pattern of what the library calls itself
	run     func(r *recorder, lacks []string)
}{
	{"go-redis", `^go-redis\b.* 9\.\d+\.\d+$`, runGoRedis},
	{"rueidis", `^rueidis 1\.\d+\.\d+$`, runRueidis},
	{"ioredis", `^ioredis 6\.\d+\.\d+$`, func(r *recorder, lacks []string) { runNode(r, "ioredis", lacks) }},
	{"node-redis", `^node-redis 6\.\d+\.\d+$`, func(r *recorder, lacks []string) { runNode(r, "node-redis", lacks) }},
}

// A library's everyday program notices no difference between kvorum, with one
// loop and with several, and a real server. A failure prints the first lines of
// the transcripts that differ.
func TestLibrariesSeeNoDifference(t *testing.T) {
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			sites := []*site{
				start(t, peer.StartOracle),
				start(t, peer.StartKvorum, "--io-threads", "1"),
				start(t, peer.StartKvorum, "--io-threads", "3"),
			}
			lacks := lacking(t, sites)
			var want []line
			for i, s := range sites {
				r := &recorder{TB: t, site: s}
				p.run(r, lacks)
				if s.srv.AtLeast("7.2.0") && !regexp.MustCompile(p.library).MatchString(r.library) {
					t.Errorf("%s: CLIENT INFO says that the library is %q", s.srv, r.library)
				}
				if i == 0 {
					want = r.lines
					t.Logf("%d lines", len(want))
					continue
				}
				if !sites[0].srv.AtLeast("7.2.0") {
					inWordsOf72(want)
				}
				compare(t, sites[0].srv, s.srv, want, r.lines)
			}
		})
	}
}

// start runs a server on a port of its own.
func start(t *testing.T, how func(testing.TB, ...string) *peer.Server, args ...string) *site {
	t.Helper()
	port := peer.ReservePort(t)
	return &site{how(t, append(args, "--bind", "127.0.0.1", "--port", strconv.Itoa(port))...), port}
}

// lacking returns the optional features that one of the servers does not have.
func lacking(t *testing.T, sites []*site) []string {
	t.Helper()
	var out []string
	for _, o := range optional {
		if slices.ContainsFunc(sites, func(s *site) bool { return !o.has(&recorder{TB: t, site: s}) }) {
			t.Logf("without %s", o.name)
			out = append(out, o.name)
		}
	}
	return out
}

// inWordsOf72 brings the texts of an older server to what they became.
func inWordsOf72(lines []line) {
	for i := range lines {
		lines[i].text = strings.Replace(lines[i].text, "otherwise the HELLO AUTH <user>", "otherwise the HELLO <proto> AUTH <user>", 1)
	}
}

func compare(t *testing.T, theirs, ours *peer.Server, want, got []line) {
	t.Helper()
	const most = 10 // differences shown
	different := 0
	for i := range max(len(want), len(got)) {
		var w, g line
		if i < len(want) {
			w = want[i]
		}
		if i < len(got) {
			g = got[i]
		}
		if w == g {
			continue
		}
		t.Errorf("%s, line %d\n  %-12s %s\n  %-12s %s", w.scenario, i, theirs.Name, w.text, ours.Name, g.text)
		if different++; different == most || w.scenario != g.scenario {
			t.Fatalf("%s differs from %s; its log:\n%s", ours, theirs, ours.Log())
		}
	}
}

// nodeAtLeast is the oldest node that the programs are known to run with.
const nodeAtLeast = 18

// noNode in the environment leaves the Node libraries out.
const noNode = "KVORUM_NO_NODE"

// node returns the program that runs the Node libraries, or skips the test.
func node(t testing.TB) string {
	t.Helper()
	if os.Getenv(noNode) != "" {
		t.Skip("the Node libraries are left out: " + noNode)
	}
	bin, err := exec.LookPath("node")
	if err != nil {
		t.Skipf("the Node libraries need node %d (make deps): %v", nodeAtLeast, err)
	}
	out, err := exec.Command(bin, "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	major, _, _ := strings.Cut(strings.TrimPrefix(string(out), "v"), ".")
	if n, err := strconv.Atoi(major); err != nil || n < nodeAtLeast {
		t.Skipf("the Node libraries need node %d, this is %s", nodeAtLeast, out)
	}
	if _, err := os.Stat(filepath.Join("node", "node_modules")); err != nil {
		t.Skipf("the Node libraries are not installed (make deps): %v", err)
	}
	return bin
}

// runNode runs node/main.mjs against the site. The program writes its transcript,
// a JSON array of scenario and text a line. Two scenarios are not part of it:
// "!restart" asks for the server to be started anew, which an empty line then
// confirms, and "!library" tells what CLIENT INFO says about the library.
func runNode(r *recorder, library string, lacks []string) {
	where, err := json.Marshal(map[string]any{"host": "127.0.0.1", "port": r.port, "path": r.srv.Sock(), "lacks": lacks})
	r.ok(err)
	ctx, cancel := context.WithTimeout(context.Background(), 6*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, node(r.TB), filepath.Join("node", "main.mjs"), library, string(where))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	in, err := cmd.StdinPipe()
	r.ok(err)
	out, err := cmd.StdoutPipe()
	r.ok(err)
	r.ok(cmd.Start())
	readErr := r.read(out, in)
	if readErr != nil {
		_ = cmd.Process.Kill() // it may wait for an answer
	}
	if err := cmd.Wait(); err != nil || readErr != nil {
		r.Fatalf("%s: %s: %v %v\n%s", r.srv, library, err, readErr, stderr.String())
	}
}

// read takes the transcript of a node process.
func (r *recorder) read(out io.Reader, in io.Writer) error {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var l [2]string
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return fmt.Errorf("%q: %w", lines.Bytes(), err)
		}
		switch r.scenario = l[0]; r.scenario {
		case "!restart":
			if err := r.srv.Restart(); err != nil {
				return err
			}
			if _, err := io.WriteString(in, "\n"); err != nil {
				return err
			}
		case "!library":
			r.library = l[1]
		default:
			r.add(l[1])
		}
	}
	return lines.Err()
}
