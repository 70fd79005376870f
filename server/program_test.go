package server

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"kvorum/logx"
)

// Lists as taskset takes them; what is none is refused as a whole.
func TestParseCPUList(t *testing.T) {
	for list, want := range map[string][]int{
		"0": {0}, "0,2,3": {0, 2, 3}, "0,2-3": {0, 2, 3}, "0-6:2": {0, 2, 4, 6}, "1-1": {1},
		"": nil, "a": nil, "1-": nil, "3-1": nil, "0-4:0": nil, "0:2": nil, "-1": nil, "0,,1": nil, "0-99999": nil,
	} {
		if have, ok := parseCPUList(list); ok != (want != nil) || !slices.Equal(have, want) {
			t.Errorf("%q: %v %v", list, have, ok)
		}
	}
}

// A score that cannot be written is an error with Redis's text, and the way back
// still leads to the base.
func TestOOMScoreThatCannotBeWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "score")
	if err := os.WriteFile(path, []byte("5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := oomScore{path: path}
	read := func() string {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(b[:bytes.IndexByte(b, '\n')]))
	}
	for _, step := range []struct {
		mode  int64
		value int
		want  string
	}{{oomOff, 3, "5"}, {oomRelative, 10, "15"}, {oomAbsolute, 70, "70"}, {oomAbsolute, -2000, "-1000"}, {oomRelative, 1999, "1000"}, {oomOff, 1, "5"}} {
		if err := o.apply(step.mode, step.value); err != nil || read() != step.want {
			t.Errorf("%+v: %s (%v)", step, read(), err)
		}
	}
	o.path = filepath.Join(path, "not a folder")
	if err := o.apply(oomRelative, 1); err == nil || err.Error() != "Unable to read oom_score_adj: Not a directory" {
		t.Errorf("have %v", err)
	}
	if err := o.apply(oomRelative, 1); err == nil || err.Error() != "Unable to write oom_score_adj: Not a directory" {
		t.Errorf("have %v", err)
	}
}

// A pass finds each word that does not keep what is written; here the area is
// sound, so it finds none.
func TestMemoryPassOfSoundMemory(t *testing.T) {
	if at := memoryPass(make([]byte, 1<<12), 1); at != -1 {
		t.Errorf("word %d", at)
	}
}

func listenDatagrams(t *testing.T, path string) *net.UnixConn {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func datagram(t *testing.T, conn *net.UnixConn) string {
	t.Helper()
	b := make([]byte, 4096)
	n, err := conn.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

// Lines reach the system log with facility, severity, ident and pid, also after
// it has been started anew; while it is away, or does not read, the log goes on.
func TestSyslog(t *testing.T) {
	dir, err := os.MkdirTemp("", "kv")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "log")
	conn := listenDatagrams(t, path)
	var lines bytes.Buffer
	log := logx.New(logx.Options{Stdout: &lines})
	y := &syslogger{ident: "me", facility: syslogFacility("local3"), paths: []string{filepath.Join(dir, "none"), path}}
	log.SetCopy(y.send)
	log.Noticef("one")
	want := regexp.MustCompile(`^<157>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d me\[\d+\]: one$`) // 19*8+5
	if have := datagram(t, conn); !want.MatchString(have) {
		t.Errorf("have %q", have)
	}
	log.Raw(logx.LevelWarning, "\nraw\nlines\n")
	for _, end := range []string{": raw", ": lines"} {
		if have := datagram(t, conn); !strings.HasPrefix(have, "<156>") || !strings.HasSuffix(have, end) {
			t.Errorf("have %q", have)
		}
	}
	conn.Close()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	log.Noticef("two")
	conn = listenDatagrams(t, path)
	y.retryAt = time.Time{} // the pause is over
	log.Noticef("three")
	if have := datagram(t, conn); !strings.HasSuffix(have, ": three") {
		t.Errorf("have %q", have)
	}
	for range 500 { // more than the socket holds
		log.Noticef("flood")
	}
	if y.retryAt.IsZero() {
		t.Error("the socket took it all")
	}
	log.Noticef("last")
	if !strings.HasSuffix(lines.String(), "* last\n") {
		t.Error("the log stopped")
	}
	if syslogFacility("user") != 1 || syslogFacility("local7") != 23 {
		t.Error("facilities")
	}
}
