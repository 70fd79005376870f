package lint

import (
	"bytes"
	"fmt"
	"go/build"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
)

// canInline is a line of the compiler's -m report. Columns do not matter: one
// function starts per line.
var canInline = regexp.MustCompile(`(?m)^(?:\./)?([^:\n]+\.go):([0-9]+):[0-9]+: can inline `)

// CheckPins judges the pins against the compiler's report, the output of
// go build -gcflags=-m with paths relative to the root.
func CheckPins(pins []Pin, report []byte) []Finding {
	inlinable := map[string]bool{}
	for _, m := range canInline.FindAllSubmatch(report, -1) {
		inlinable[filepath.ToSlash(string(m[1]))+":"+string(m[2])] = true
	}
	var out []Finding
	for _, p := range pins {
		pos := fmt.Sprintf("%s:%d", p.File, p.Line)
		switch {
		case !p.Body:
			out = append(out, Finding{pos, "inline", p.Name + " is assembly: it cannot be inlined"})
		case !inlinable[pos]:
			out = append(out, Finding{pos, "inline", p.Name + " is pinned but the compiler cannot inline it: go build -gcflags=-m=2 tells its cost (budget 80)"})
		}
	}
	return sorted(out)
}

// pinsOfBuild keeps the pins in files that the default build of this machine
// compiles; the others are judged where they are built.
func pinsOfBuild(root string, pins []Pin) ([]Pin, error) {
	var out []Pin
	for _, p := range pins {
		dir, name := path.Split(p.File)
		ok, err := build.Default.MatchFile(filepath.Join(root, filepath.FromSlash(dir)), name)
		if err != nil {
			return nil, fmt.Errorf("lint: build constraints of %s: %w", p.File, err)
		}
		if ok {
			out = append(out, p)
		}
	}
	return out, nil
}

// inlineReport asks the compiler about the packages of the pins. The go command
// replays the report from its cache when nothing changed.
func inlineReport(root string, pins []Pin) ([]byte, error) {
	args := []string{"build", "-o", "/dev/null", "-gcflags=-m"}
	for _, p := range pins {
		if dir := "./" + path.Dir(p.File); !slices.Contains(args, dir) {
			args = append(args, dir)
		}
	}
	cmd := exec.Command("go", args...)
	cmd.Dir = root
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("lint: go %v: %w\n%s", args, err, out.Bytes())
	}
	return out.Bytes(), nil
}
