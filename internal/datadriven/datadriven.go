// Package datadriven runs script tests: commands and the replies that a real
// server gave to them, byte for byte.
//
// A script is a text file of blocks. A block is a directive, commands in
// redis-cli quoting, "----", the expected reply lines, and an empty line:
//
//	# written by redis 7.0.15
//
//	run
//	SADD a 1 2 3
//	SINTERCARD 0 a
//	----
//	:3
//	-ERR numkeys should be greater than 0
//
// Comments (#) stand between blocks and between commands, never among replies.
// Directives and their options:
//
//	run              send each command, take one reply for each
//	read             take replies that arrive without a command (no commands follow)
//	  resp2 | resp3  protocol of the connection, fixed for its life (resp2)
//	  conn=NAME      which connection; without it one per protocol
//	  replies=N      replies per command, 0 for a command that blocks (1)
//	  skip-reply     take the replies, compare nothing
//	  match          lines /regexp/ match a whole line; rewriting keeps them
//	  sort           order the elements of each innermost aggregate
//	  sort=pairs     the same for flat lists of pairs
//	  until[=10s]    one command, repeated until its reply is the expected one
//
// A reply is shown as its lines on the wire. Bytes outside printable ASCII,
// blanks at the ends, and backslashes are escaped (\r \n \t \\ \xHH), an empty
// payload is "" and a payload of two quotes \x22\x22: equal lines mean equal bytes.
//
// The first comment of a file says who wrote the replies: "# written by redis
// 7.0.15" or, for what no other server has, "# written by hand: reason". A line
// "# needs 7.2" makes older servers skip the file when they are the oracle;
// without it the version of the writer counts (Valkey as Redis 7.2).
//
//	go test ./command/setcmd -run Script/sintercard -oracle HOST:PORT            check a server
//	go test ./command/setcmd -run Script/sintercard -oracle HOST:PORT -rewrite   write the replies
//
// HOST:PORT may be the path of a unix socket. Each file finds an empty server,
// fresh connections and the server's first configuration. One oracle serves one
// test process at a time: go test -p 1 for several packages.
//
// I1: expectations come from another server: -rewrite without -oracle, and
// against kvorum itself, is refused. I2: nothing sleeps for a fixed time.
//
// Tests only; no package of the program may import it.
package datadriven

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var (
	flagOracle  = flag.String("oracle", "", "run scripts against the real server at HOST:PORT or a socket path")
	flagRewrite = flag.Bool("rewrite", false, "replace the replies in scripts by those of -oracle")
)

// Exec runs one command on the connection conn, which speaks RESP proto (2 or 3),
// and returns the raw replies. A name keeps its protocol for the whole script; an
// unknown name is a new connection. args is never kept by the caller; the reply
// is read before the next call. With args nil it returns what the connection has
// pending, if anything: the late reply of a blocked command, a message.
type Exec func(conn string, proto int, args [][]byte) (rawReply []byte)

// Dir runs every *.txt file of a folder as a subtest named after the file.
// newExec is called once per file and returns an executor with empty state; it
// may use t.Cleanup. A folder without scripts fails.
func Dir(t *testing.T, dir string, newExec func(t *testing.T) Exec) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("datadriven: no scripts in %s (%v)", dir, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			var exec Exec
			if *flagOracle == "" {
				exec = newExec(t)
			}
			Run(t, file, exec)
		})
	}
}

// DirServer is Dir for scripts whose commands are not all answered at once, which
// only a server can run. newServer is called once per file and returns the
// address of a server, or the path of its socket; it may use t.Cleanup.
func DirServer(t *testing.T, dir string, newServer func(t *testing.T) (addr string)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("datadriven: no scripts in %s (%v)", dir, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			if *flagOracle != "" || *flagRewrite {
				Run(t, file, nil)
				return
			}
			RunServer(t, file, newServer(t))
		})
	}
}

// Run checks one script against exec, or, with -oracle, against the real server
// (exec is then not called and may be nil).
func Run(t *testing.T, path string, exec Exec) {
	t.Helper()
	switch {
	case *flagOracle != "":
		runOracle(t, path, *flagOracle, *flagRewrite)
	case *flagRewrite:
		t.Fatal("datadriven: -rewrite needs -oracle: expectations come from a real server")
	default:
		s := mustParse(t, path)
		if s.writer == "" {
			t.Fatalf("%s: no line \"# written by …\": have a real server write the replies with -oracle HOST:PORT -rewrite", path)
		}
		report(t, s, s.run(execTarget{exec}))
	}
}

// RunServer checks one script against a server over TCP or a unix socket: our
// own, or any other. The server's data is flushed first. It ignores -oracle.
func RunServer(t *testing.T, path, addr string) {
	t.Helper()
	s := mustParse(t, path)
	srv, err := dialServer(addr)
	if err != nil {
		t.Fatal(err)
	}
	report(t, s, s.run(srv))
	if err := srv.close(); err != nil {
		t.Error(err)
	}
}

func runOracle(t *testing.T, path, addr string, rewrite bool) {
	t.Helper()
	s := mustParse(t, path)
	if s.byHand {
		t.Skipf("%s is written by hand: no oracle has these replies", path)
	}
	srv, err := dialServer(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := srv.close(); err != nil {
			t.Error(err)
		}
	}()
	if srv.name == "kvorum" {
		t.Fatalf("datadriven: the oracle at %s is kvorum itself", addr)
	}
	if need := s.least(); older(srv.redisVersion, need) {
		t.Skipf("%s needs an oracle of version %s, this is %s", path, need, srv.version())
	}
	if !rewrite {
		if s.writer != srv.version() {
			t.Logf("%s was written by %s, checked with %s", path, s.writer, srv.version())
		}
		report(t, s, s.run(srv))
		return
	}
	faults := s.rewrite(srv)
	report(t, s, faults)
	if len(faults) > 0 {
		return // a half-true file is worse than the old one
	}
	s.setWriter(srv.version())
	if err := os.WriteFile(path, []byte(s.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

func mustParse(t *testing.T, path string) *script {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := parse(path, string(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func report(t *testing.T, s *script, faults []fault) {
	t.Helper()
	for _, f := range faults {
		t.Errorf("%s:%d: %s", s.path, f.line, f.text)
	}
}
