package server

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"

	"kvorum/config"
)

// What ps shows of a process is the memory in which the kernel put its
// arguments, as it is now:
//
//	arg_start           arg_end = env_start               env_end
//	| kvorum\0 server\0 | HOME=/root\0 PATH=/bin\0 ...... |
//	| redis-server *:6379 [cluster]\0\0\0\0\0\0\0\0\0\0\0 |
//
// So a title is written over the arguments, and over the environment behind them
// when it is longer (the kernel then shows all up to the first zero byte). Both
// have been copied before: the environment by the Go runtime, the arguments, to
// which os.Args refers in place, by ownArgs. The addresses are in
// /proc/self/stat, and /proc/self/mem lets the process write there without
// pointers.

// ownArgs lets os.Args and the words in args be copies, so that a title does not
// change them.
func ownArgs(args []string) []string {
	for i, arg := range os.Args {
		os.Args[i] = strings.Clone(arg)
	}
	own := make([]string, len(args))
	for i, arg := range args {
		own[i] = strings.Clone(arg)
	}
	return own
}

// titleArea is the memory that ps shows. The zero value is none.
type titleArea struct {
	start int64 // address
	size  int   // bytes
	used  int   // bytes that are not zero at its start, at most
}

// findTitleArea finds the memory of the arguments, if this system tells.
func findTitleArea() titleArea {
	b, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return titleArea{}
	}
	// The name of the program, in brackets, may contain anything.
	_, rest, ok := strings.Cut(string(b[bytes.LastIndexByte(b, ')')+1:]), " ")
	words := strings.Fields(rest)
	// Of proc(5)'s numbering, in which the first word behind the name is 3.
	const first, argStart, envEnd = 3, 48, 51
	if !ok || len(words) <= envEnd-first {
		return titleArea{}
	}
	var at [envEnd - argStart + 1]int64 // arg_start arg_end env_start env_end
	for i := range at {
		if at[i], err = strconv.ParseInt(words[argStart-first+i], 10, 64); err != nil {
			return titleArea{}
		}
	}
	start, end := at[0], at[1]
	if at[2] == end && at[3] > end {
		end = at[3]
	}
	if start == 0 || end-start < 2 {
		return titleArea{}
	}
	return titleArea{start: start, size: int(end - start), used: int(end - start)}
}

// set shows a title, cut to what there is room for.
func (a *titleArea) set(title string) error {
	if a.size == 0 {
		return nil
	}
	f, err := os.OpenFile("/proc/self/mem", os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("server: process title: %w", err)
	}
	defer f.Close()
	b := make([]byte, max(a.used, min(len(title), a.size-1)+1))
	n := copy(b[:min(len(b), a.size-1)], title)
	if _, err := f.WriteAt(b, a.start); err != nil {
		return fmt.Errorf("server: process title: %w", err)
	}
	a.used = n
	return nil
}

// title fills in proc-title-template. name is how the program was started.
func (s *Server) title(name string) string {
	cfg := s.cfg
	bind, unix := "*", cfg.String("unixsocket")
	if addrs := cfg.Bind(); len(addrs) > 0 {
		bind = addrs[0]
	}
	port, tlsPort := cfg.Int("port"), cfg.Int("tls-port")
	listen := "unixsocket:" + unix
	if port != 0 {
		listen = fmt.Sprintf("%s:%d", bind, port)
	}
	file := s.file
	if file == "" {
		file = "-"
	}
	values := map[string]string{
		"title": name, "listen-addr": listen, "server-mode": "", "config-file": file,
		"port": strconv.FormatInt(port, 10), "tls-port": strconv.FormatInt(tlsPort, 10), "unixsocket": unix,
	}
	title, ok := config.ExpandTitle(cfg.String("proc-title-template"), func(variable string) (string, bool) {
		v, known := values[variable]
		return v, known
	})
	if !ok {
		return name // the template has been checked when it was set
	}
	return title
}
