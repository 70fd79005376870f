package lint

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// tree loads the repository once for all checks.
var tree = sync.OnceValues(func() (*Tree, error) { return Load(os.DirFS(root)) })

// root is the repository, seen from this package's folder.
var root = filepath.Join("..", "..")

// architectureLinesMax keeps the tour short enough to be read in one go.
const architectureLinesMax = 300

func load(t *testing.T) *Tree {
	t.Helper()
	tr, err := tree()
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func report(t *testing.T, findings []Finding) {
	t.Helper()
	for _, f := range findings {
		t.Errorf("%s", f)
	}
}

func TestArrowsPointDown(t *testing.T) { report(t, CheckArrows(load(t))) }

func TestBannedThingsStayOut(t *testing.T) { report(t, CheckBans(load(t))) }

func TestFilesAndFunctionsFit(t *testing.T) {
	text, err := os.ReadFile("exempt.txt")
	if err != nil {
		t.Fatal(err)
	}
	exempt, err := ParseExemptions(string(text))
	if err != nil {
		t.Fatal(err)
	}
	tr := load(t)
	report(t, CheckSizes(tr, exempt))
	fileLines, funcLines := Medians(tr)
	t.Logf("median lines: files %d (aim 160), functions %d (aim 12)", fileLines, funcLines)
}

func TestEverythingExportedIsExplained(t *testing.T) { report(t, CheckDocs(load(t))) }

func TestArchitectureListsGoroutines(t *testing.T) { report(t, CheckGoroutines(load(t))) }

func TestMarksInCommentsHaveTopics(t *testing.T) { report(t, CheckComments(load(t))) }

func TestArchitectureIsShort(t *testing.T) {
	if n := strings.Count(load(t).Texts["ARCHITECTURE.md"], "\n"); n > architectureLinesMax {
		t.Errorf("ARCHITECTURE.md has %d lines, cap %d", n, architectureLinesMax)
	}
}

func TestPinnedFunctionsAreInlinable(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go command to ask")
	}
	pins, stray := Pins(load(t))
	report(t, stray)
	pins, err := pinsOfBuild(root, pins)
	if err != nil {
		t.Fatal(err)
	}
	if len(pins) == 0 {
		return
	}
	out, err := inlineReport(root, pins)
	if err != nil {
		t.Fatal(err)
	}
	report(t, CheckPins(pins, out))
}
