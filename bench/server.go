//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Starting and ending one server process.

// side is one of the two programs compared.
type side struct {
	name   string // "ours" or "peer"
	binary string
}

const (
	startTimeout = 15 * time.Second
	stopTimeout  = 30 * time.Second
	startTries   = 3 // another program may take the free port first
	maxClients   = 11_000
)

// isRedis tells whether the binary is Redis's or Valkey's, by its name.
func (s side) isRedis() bool {
	base := filepath.Base(s.binary)
	return strings.HasPrefix(base, "redis-server") || strings.HasPrefix(base, "valkey-server")
}

// commandLine returns the arguments of a server without persistence. Both
// sides get the same; kvorum's own binary wants its subcommand first.
func (s side) commandLine(port, dir string, extra []string) []string {
	var args []string
	if !s.isRedis() {
		args = append(args, "server")
	}
	args = append(args, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
		"--daemonize", "no", "--dir", dir, "--maxclients", strconv.Itoa(maxClients))
	return append(args, extra...)
}

// server is a running process. Its methods may be used from several goroutines
// but stop, which is for the owner.
type server struct {
	cmd  *exec.Cmd
	addr string
	port string
	dir  string // temporary, removed by stop
	done chan struct{}
}

// startServer starts s on a free port and waits until it answers PING.
func startServer(ctx context.Context, s side, extra []string) (*server, error) {
	var err error
	for range startTries {
		var srv *server
		if srv, err = tryStart(ctx, s, extra); err == nil {
			return srv, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, err
}

func tryStart(ctx context.Context, s side, extra []string) (*server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "kvorum-bench-")
	if err != nil {
		return nil, err
	}
	srv := &server{port: port, addr: "127.0.0.1:" + port, dir: dir, done: make(chan struct{})}
	srv.cmd = exec.CommandContext(ctx, s.binary, s.commandLine(port, dir, extra)...)
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	defer log.Close()
	srv.cmd.Stdout, srv.cmd.Stderr = log, log
	// A group of its own: an interrupt at the terminal is handled here, once.
	srv.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := srv.cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	go func() {
		_ = srv.cmd.Wait() // how a server that was told to stop ends is of no interest
		close(srv.done)
	}()
	if err := srv.awaitReady(ctx); err != nil {
		err = fmt.Errorf("start %s: %w; its log ends: %s", displayPath(s.binary), err, srv.logTail())
		return nil, errors.Join(err, srv.stop())
	}
	return srv, nil
}

func (s *server) awaitReady(ctx context.Context) error {
	for end := time.Now().Add(startTimeout); time.Now().Before(end); {
		if c, err := dialControl(s.addr); err == nil {
			_, err = c.do("PING")
			c.close()
			if err == nil {
				return nil
			}
		}
		select {
		case <-s.done:
			return errors.New("it ended")
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
	return errors.New("it does not answer PING")
}

func (s *server) pid() int { return s.cmd.Process.Pid }

// alive tells whether the process still runs.
func (s *server) alive() bool {
	select {
	case <-s.done:
		return false
	default:
		return true
	}
}

// stop ends the process by its pid, first politely, and removes its directory.
func (s *server) stop() error {
	if s.alive() {
		_ = s.cmd.Process.Signal(syscall.SIGTERM) // an error means that it is already gone
		select {
		case <-s.done:
		case <-time.After(stopTimeout):
			_ = s.cmd.Process.Kill()
			<-s.done
		}
	}
	return os.RemoveAll(s.dir)
}

func (s *server) logTail() string {
	b, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return err.Error()
	}
	const tail = 600
	return strings.TrimSpace(string(b[max(0, len(b)-tail):]))
}

// freePort asks the kernel for a port nobody listens on.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}

// findBinary turns a name from the command line into an absolute path.
func findBinary(name string) (string, error) {
	p, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("program %s: %w", name, err)
	}
	return filepath.Abs(p)
}

// displayPath shortens a path for the report: relative where it lies below the
// working directory, else only its name.
func displayPath(p string) string {
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, p); err == nil && !strings.HasPrefix(rel, "..") {
			return rel
		}
	}
	return filepath.Base(p)
}
