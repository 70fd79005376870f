package datadriven

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// model is a tiny server: SET GET KEYS TICK ECHO, per-connection state not needed.
type model struct {
	data  map[string]string
	ticks int
	late  map[string]string // pending raw replies by connection
	seen  []string
}

func newModel() *model { return &model{data: map[string]string{}, late: map[string]string{}} }

func (m *model) exec(conn string, proto int, args [][]byte) []byte {
	if args == nil {
		raw := m.late[conn]
		delete(m.late, conn)
		return []byte(raw)
	}
	var words []string
	for _, a := range args {
		words = append(words, string(a))
	}
	m.seen = append(m.seen, fmt.Sprintf("%s/%d %q", conn, proto, words))
	bulk := func(s string) string { return fmt.Sprintf("$%d\r\n%s\r\n", len(s), s) }
	switch words[0] {
	case "SET":
		m.data[words[1]] = words[2]
		for c := range m.late {
			m.late[c] = bulk(words[2])
		}
		return []byte("+OK\r\n")
	case "GET":
		if v, ok := m.data[words[1]]; ok {
			return []byte(bulk(v))
		}
		if proto == 3 {
			return []byte("_\r\n")
		}
		return []byte("$-1\r\n")
	case "WAITSET":
		m.late[conn] = ""
		return nil
	case "KEYS": // in map order, as a real server
		out := fmt.Sprintf("*%d\r\n", len(m.data))
		for k := range m.data {
			out += bulk(k)
		}
		return []byte(out)
	case "TICK":
		m.ticks++
		return fmt.Appendf(nil, ":%d\r\n", m.ticks)
	}
	return fmt.Appendf(nil, "-ERR unknown command '%s'\r\n", words[0])
}

// check parses and runs a script on a fresh model.
func check(t *testing.T, text string) []fault {
	t.Helper()
	s, err := parse("x.txt", text)
	if err != nil {
		t.Fatal(err)
	}
	return s.run(execTarget{newModel().exec})
}

func TestScriptsPass(t *testing.T) {
	for name, text := range map[string]string{
		"several commands": "run\nSET a 1\n# between\nGET a\nGET b\nNOPE\n----\n+OK\n$1\n1\n$-1\n-ERR unknown command 'NOPE'\n",
		"two blocks":       "# head\n\nrun\nSET a 1\n----\n+OK\n\n# comment\nrun\nGET a\n----\n$1\n1\n",
		"resp3":            "run resp3\nGET a\n----\n_\n",
		"binary":           "run\nSET a \"\\x00\\xff\\r\\n \"\nGET a\n----\n+OK\n$5\n\\x00\\xff\\r\\n\\x20\n",
		"empty payload":    "run\nSET a \"\"\nGET a\nSET a '\"\"'\nGET a\n----\n+OK\n$0\n\"\"\n+OK\n$2\n\\x22\\x22\n",
		"sort":             "run skip-reply\nSET a 1\nSET b 1\nSET c 1\n\nrun sort\nKEYS *\n----\n*3\n$1\na\n$1\nb\n$1\nc\n",
		"match":            "run match\nTICK\nSET a /x/\nGET a\n----\n/:[0-9]+/\n+OK\n$3\n\\x2fx/\n",
		"until":            "run until\nTICK\n----\n:5\n",
		"late reply":       "run conn=b replies=0\nWAITSET\n\nrun\nSET a xy\n----\n+OK\n\nread conn=b\n----\n$2\nxy\n",
	} {
		t.Run(name, func(t *testing.T) {
			for _, f := range check(t, text) {
				t.Errorf("line %d: %s", f.line, f.text)
			}
		})
	}
}

func TestScriptsFailWhereTheyDiffer(t *testing.T) {
	for _, c := range []struct {
		name, text string
		line       int
		part       string
	}{
		{"wrong line", "run\nSET a 1\nGET a\n----\n+OK\n$1\n2\n", 7, "GET a (line 3)"},
		{"reply too long", "run\nGET a\nTICK\n----\n$-1\n", 3, "unexpected reply line"},
		{"reply too short", "run\nTICK\n----\n:1\n:2\n", 5, "end early"},
		{"no replies written", "run\nTICK\n", 2, "unexpected"},
		{"match", "run match\nTICK\n----\n/:[2-9]/\n", 4, "have :1"},
		{"regexp matches the whole line", "run match\nSET a 1\n----\n/O/\n", 4, "have +OK"},
		{"no match option", "run\nTICK\n----\n/:1/\n", 4, "have :1"},
		{"until", "run until=20ms\nTICK\n----\n:0\n", 4, "want :0"},
		{"reply where none is due", "run replies=0\nTICK\n", 2, "1 replies, want 0"},
		{"no reply", "read\n----\n:1\n", 1, "0 replies, want 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := check(t, c.text)
			if len(got) != 1 || got[0].line != c.line || !strings.Contains(got[0].text, c.part) {
				t.Errorf("have %v, want line %d: …%s…", got, c.line, c.part)
			}
		})
	}
}

func TestConnectionsKeepTheirProtocol(t *testing.T) {
	m := newModel()
	s, err := parse("x", "run\nTICK\n----\n:1\n\nrun resp3\nTICK\n----\n:2\n\nrun conn=b resp3\nTICK\n----\n:3\n")
	if err != nil {
		t.Fatal(err)
	}
	s.run(execTarget{m.exec})
	if want := []string{`resp2/2 ["TICK"]`, `resp3/3 ["TICK"]`, `b/3 ["TICK"]`}; !slices.Equal(m.seen, want) {
		t.Errorf("have %q, want %q", m.seen, want)
	}
}

func TestParseErrorsNameTheLine(t *testing.T) {
	for text, want := range map[string]string{
		"walk\nX\n":                                  "1: want run or read",
		"\nrun\n":                                    "2: run without a command",
		"run fast\nX\n":                              `1: unknown option "fast"`,
		"run replies=x\nX\n":                         "1: bad count",
		"run until=1\nX\n":                           "1: bad duration",
		"run until\nX\nY\n----\n:1\n":                "1: until takes exactly one",
		"run\nX \"a\n":                               "2: unbalanced quotes",
		"run\nX 'a'b\n":                              "2: text after a closing quote",
		"read\nX\n":                                  "1: read takes no commands",
		"run skip-reply\nX\n----\n:1\n":              "1: skip-reply and expected",
		"run match\nX\n----\n/(/\n":                  "4: error parsing regexp",
		"run conn=a\nX\n\nrun conn=a resp3\nX\n":     "4: connection \"a\" spoke RESP2",
		"run conn=a/b\nX\n":                          "1: unknown option",
		"# c\n\nrun resp2\nX\n----\n:1\n:2\n\nbad\n": "9: want run or read",
	} {
		if _, err := parse("f.txt", text); err == nil || !strings.HasPrefix(err.Error(), "f.txt:"+want) {
			t.Errorf("%q: have %v, want %s", text, err, want)
		}
	}
}

func TestParseKeepsTheFile(t *testing.T) {
	for _, text := range []string{
		"# written by redis 7.0.15\n# needs 7.0\n\nrun\nA\n# c\nB\n----\n:1\n\n\n# more\nread\n----\n:2\n",
		"run skip-reply\nA\n",
		"# only words\n",
		"run\nA\n----\n",
	} {
		s, err := parse("x", text)
		if err != nil {
			t.Fatal(err)
		}
		if s.String() != text {
			t.Errorf("have %q, want %q", s.String(), text)
		}
	}
}

func TestHeader(t *testing.T) {
	s, _ := parse("x", "# written by redis 7.0.15\n# needs 7.2\n\nrun\nA\n\n# written by valkey 8.0.1\nrun\nB\n")
	if s.writer != "redis 7.0.15" || s.needs != "7.2" || s.byHand {
		t.Errorf("have %+v", s)
	}
	s, _ = parse("x", "# written by hand: only kvorum has it\nrun\nA\n")
	if !s.byHand || s.writer == "" {
		t.Errorf("have %+v", s)
	}
}

func TestAnOlderOracleSkipsNewerScripts(t *testing.T) {
	for text, want := range map[string]string{
		"# written by redis 7.2.4\n":               "7.2",
		"# written by valkey 8.0.1\n":              "7.2",
		"# written by valkey 8.0.1\n# needs 8.0\n": "8.0",
		"# needs 7.0\n":                            "7.0",
		"# by me\n":                                "",
		"# written by hand: ours\n":                "",
	} {
		s, err := parse("x", text)
		if err != nil || s.least() != want {
			t.Errorf("%q: have %q (%v), want %q", text, s.least(), err, want)
		}
	}
}

func TestSplitArgsQuotesAsRedisCli(t *testing.T) {
	for line, want := range map[string][]string{
		`a  b` + "\t" + `c `:        {"a", "b", "c"},
		`"a b" 'c d' ""`:            {"a b", "c d", ""},
		`"\x00\xfF\n\r\t\b\a\q\""`:  {"\x00\xff\n\r\t\b\aq\""},
		`'\x00 \' "'`:               {`\x00 ' "`},
		`a"b c"`:                    {"ab c"},
		`"\x0"`:                     {"x0"},
		`a\x00`:                     {`a\x00`},
		"\xc3\xa9":                  {"é"},
		"":                          nil,
		strings.Repeat("x", 100000): {strings.Repeat("x", 100000)},
	} {
		args, err := splitArgs(line)
		var got []string
		for _, a := range args {
			got = append(got, string(a))
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%.50q: have %.50q, %v, want %.50q", line, got, err, want)
		}
	}
}

func TestEveryReplyTypeIsRenderedByItsLines(t *testing.T) {
	raw := "*3\r\n:-1\r\n%1\r\n+k\r\n~2\r\n#t\r\n,1.5\r\n=7\r\ntxt:a\r\n\r\n" +
		"|1\r\n+ttl\r\n:3\r\n!5\r\nERR x\r\n>1\r\n(123\r\n_\r\n*-1\r\n*0\r\n-ERR a b\r\n"
	var lines []string
	var replies int
	for rest := []byte(raw); len(rest) > 0; replies++ {
		n, r, err := decode(rest)
		if err != nil {
			t.Fatal(err)
		}
		lines, rest = n.appendLines(lines), r
	}
	want := []string{"*3", ":-1", "%1", "+k", "~2", "#t", ",1.5", "=7", `txt:a\r\n`,
		"|1", "+ttl", ":3", "!5", "ERR x", ">1", "(123", "_", "*-1", "*0", "-ERR a b"}
	if replies != 7 || !slices.Equal(lines, want) {
		t.Errorf("%d replies, have %q\nwant %q", replies, lines, want)
	}
	for i := range len(raw) - 1 {
		if n, _, err := decode([]byte(raw[:i])); err == nil && len(n.appendLines(nil)) == len(want) {
			t.Errorf("a cut at %d goes unnoticed", i)
		}
	}
}

func TestDecodeRefusesWhatIsNoReply(t *testing.T) {
	for _, raw := range []string{"hello\r\n", "\r\n", "$x\r\n", "$-2\r\n", "*?\r\n", "$1\r\nabc\r\n", strings.Repeat("*1\r\n", 200)} {
		if _, _, err := decode([]byte(raw)); err == nil || err == errIncomplete {
			t.Errorf("%.20q: have %v", raw, err)
		}
	}
}

func TestSortKeepsOuterOrderAndPairs(t *testing.T) {
	for _, c := range []struct {
		raw   string
		pairs bool
		want  string
	}{
		{"*2\r\n$1\r\n9\r\n*2\r\n+b\r\n+a\r\n", false, "*2 $1 9 *2 +a +b"},
		{"%2\r\n+b\r\n:1\r\n+a\r\n:2\r\n", false, "%2 +a :2 +b :1"},
		{"*4\r\n+b\r\n:1\r\n+a\r\n:2\r\n", true, "*4 +a :2 +b :1"},
		{"*4\r\n+b\r\n:1\r\n+a\r\n:2\r\n", false, "*4 +a +b :1 :2"},
	} {
		n, _, err := decode([]byte(c.raw))
		if err != nil {
			t.Fatal(err)
		}
		n.sortKids(c.pairs)
		if got := strings.Join(n.appendLines(nil), " "); got != c.want {
			t.Errorf("have %s, want %s", got, c.want)
		}
	}
}

func TestRewriteKeepsCommentsAndRegexps(t *testing.T) {
	old := "# a head\n\nrun\n# c\nSET a 1\nGET a\n----\n+NO\n\nrun match\nTICK\nGET a\n----\n/:[0-9]+/\n$1\n9\n\nrun skip-reply\nTICK\n\nrun\nGET b\n\nrun until\nTICK\n----\n:4\n"
	want := "# written by redis 7.0.15\n# a head\n\nrun\n# c\nSET a 1\nGET a\n----\n+OK\n$1\n1\n\nrun match\nTICK\nGET a\n----\n/:[0-9]+/\n$1\n1\n\nrun skip-reply\nTICK\n\nrun\nGET b\n----\n$-1\n\nrun until\nTICK\n----\n:4\n"
	s, err := parse("x", old)
	if err != nil {
		t.Fatal(err)
	}
	if faults := s.rewrite(execTarget{newModel().exec}); len(faults) > 0 {
		t.Fatal(faults)
	}
	s.setWriter("redis 7.0.15")
	if s.String() != want {
		t.Errorf("have\n%s\nwant\n%s", s.String(), want)
	}
	s, err = parse("x", want)
	if err != nil {
		t.Fatal(err)
	}
	if faults := s.run(execTarget{newModel().exec}); len(faults) > 0 {
		t.Error("what was written does not pass:", faults)
	}
}

func TestRewriteRefusesALostRegexp(t *testing.T) {
	s, err := parse("x", "run match\nTICK\n----\n/:[2-9]/\n")
	if err != nil {
		t.Fatal(err)
	}
	if faults := s.rewrite(execTarget{newModel().exec}); len(faults) != 1 || faults[0].line != 4 {
		t.Errorf("have %v", faults)
	}
}

func TestDirRunsEveryScript(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"one", "two"} {
		text := "# written by redis 7.0.15\n\nrun\nTICK\n----\n:1\n"
		if err := os.WriteFile(filepath.Join(dir, name+".txt"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	made := 0
	Dir(t, dir, func(t *testing.T) Exec { made++; return newModel().exec })
	if made != 2 {
		t.Errorf("%d states for 2 files", made)
	}
}

func TestOlder(t *testing.T) {
	for _, c := range []struct {
		have, need string
		want       bool
	}{
		{"7.0.15", "", false}, {"7.0.15", "7.0", false}, {"7.0.15", "7.2", true},
		{"7.2.4", "7.2", false}, {"8.0", "7.2.1", false}, {"7", "7.0", true}, {"x", "7", true},
	} {
		if got := older(c.have, c.need); got != c.want {
			t.Errorf("older(%s, %s) = %v", c.have, c.need, got)
		}
	}
}

func FuzzEscapeIsUnambiguous(f *testing.F) {
	f.Add([]byte(""), []byte(`""`))
	f.Add([]byte(" a"), []byte(`\x20a`))
	f.Add([]byte("a\r"), []byte(`a\r`))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		la, lb := escapePayload(a), escapePayload(b)
		if (la == lb) != (string(a) == string(b)) {
			t.Fatalf("%q and %q: %s and %s", a, b, la, lb)
		}
		if la == "" || strings.TrimSpace(la) != la || strings.ContainsAny(la, "\r\n") {
			t.Fatalf("%q is no line: %q", a, la)
		}
	})
}

func FuzzDecodeNeverPanics(f *testing.F) {
	f.Add([]byte("*2\r\n$1\r\na\r\n|1\r\n+a\r\n+b\r\n:1\r\n"))
	f.Add([]byte("*1000000000\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		n, rest, err := decode(raw)
		if err == nil && len(rest) >= len(raw) {
			t.Fatalf("%q: nothing consumed", raw)
		}
		n.sortKids(true)
	})
}
