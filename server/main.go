package server

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"

	"kvorum/command"
	"kvorum/config"
	"kvorum/logx"
)

// Version is kvorum's own version; the Makefile stamps releases.
var Version = "0.1.0"

// RedisVersion is the version of Redis that kvorum stands for.
const RedisVersion = command.RedisVersion

// VersionLine is what --version prints.
func VersionLine() string {
	return fmt.Sprintf("Redis server v=%s sha=00000000:0 malloc=kvorum bits=64 build=%s kvorum=%s %s/%s",
		RedisVersion, "0", Version, runtime.GOOS, runtime.GOARCH)
}

func newRunID() string {
	var b [20]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic(err) // documented never to happen
	}
	return hex.EncodeToString(b[:])
}

// Main is redis-server: args are the words behind the program's name. It
// returns the exit status.
func Main(args []string) int {
	if len(args) == 1 {
		switch args[0] {
		case "-v", "--version":
			fmt.Println(VersionLine())
			return 0
		case "-h", "--help":
			fmt.Print(serverUsage)
			return 0
		}
	}
	b := &boot{log: logx.New(logx.Options{Role: logx.RoleChild})}
	if err := b.load(args); err != nil {
		b.complain(err)
		return 1
	}
	s, err := newServer(b.cfg, b.file, b.log, b.extra.table)
	if err != nil {
		b.log.Warningf("%s", err)
		return 1
	}
	s.banner(len(args) > 0)
	b.extra.log(b.log)
	s.handleSignals()
	s.writePidFile()
	defer s.removePidFile()
	if err := s.Run(); err != nil {
		b.log.Warningf("%s", err)
		return 1
	}
	return 0
}

// boot is a server before it has its configuration.
type boot struct {
	cfg  *config.Config
	file string // absolute path, "" without one
	log  *logx.Logger

	extra extraLines
}

// complain tells why the start ends: mistakes in the configuration on standard
// error, all else in the log.
func (b *boot) complain(err error) {
	if le, ok := err.(*config.LoadError); ok {
		fmt.Fprint(os.Stderr, le.Report(RedisVersion))
		return
	}
	b.log.Warningf("%s", err)
}

const serverUsage = `Usage: kvorum server [/path/to/redis.conf] [options] [-]
       kvorum server - (read config from stdin)
       kvorum server -v or --version
       kvorum server -h or --help

Examples:
       kvorum server (run the server with default conf)
       echo 'maxmemory 128mb' | kvorum server -
       kvorum server /etc/redis/6379.conf
       kvorum server --port 7777
       kvorum server /etc/myredis.conf --loglevel verbose -
`

// load reads the configuration that the arguments name and opens the log that
// it wants.
func (b *boot) load(args []string) error {
	dir, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("Fatal error, can't find the working directory: %s", strerror(err))
	}
	b.cfg = config.New(config.Options{Dir: dir, Chdir: chdir, Warn: func(text string) { b.log.Warningf("%s", text) }})
	if slices.Contains(args, "--sentinel") {
		return &config.LoadError{Problem: "Sentinel mode is not built in yet"}
	}
	cl := config.ParseArgs(args)
	var text, stdin []byte
	if cl.File != "" {
		if b.file, err = filepath.Abs(cl.File); err != nil {
			return err
		}
		if text, err = os.ReadFile(b.file); err != nil {
			return cannotOpen(b.file, err)
		}
	}
	if cl.Stdin {
		b.log.Noticef("Reading config from stdin")
		if stdin, err = io.ReadAll(os.Stdin); err != nil {
			return fmt.Errorf("Fatal error, can't read standard input: %s", strerror(err))
		}
	}
	if b.extra.table, err = commandTable(); err != nil {
		return fmt.Errorf("server: %w", err)
	}
	if err := b.cfg.Load(cl.Text(text, stdin), config.Loader{Include: include, Extra: b.extra.take}); err != nil {
		return err
	}
	if err := b.extra.check(b.cfg); err != nil {
		return err
	}
	if level, ok := logx.ParseLevel(b.cfg.Enum("loglevel")); ok {
		b.log.SetLevel(level)
	}
	b.log.SetPath(b.cfg.String("logfile"))
	if err := b.log.Probe(); err != nil {
		return &config.LoadError{Problem: "Can't open the log file: " + strerror(err)}
	}
	return nil
}

func cannotOpen(file string, err error) error {
	return fmt.Errorf("Fatal error, can't open config file '%s': %s", file, strerror(err))
}

func chdir(path string) (string, error) {
	if err := os.Chdir(path); err != nil {
		return "", errors.New(strerror(err))
	}
	return os.Getwd()
}

// cause strips the operation and path that Go puts before a system error.
func cause(err error) error {
	for {
		u, ok := err.(interface{ Unwrap() error })
		if !ok {
			return err
		}
		err = u.Unwrap()
	}
}

// banner logs what starts, as Redis does.
func (s *Server) banner(configured bool) {
	s.log.Noticef("oO0OoO0OoO0Oo kvorum is starting oO0OoO0OoO0Oo")
	s.log.Noticef("kvorum version=%s, redis_version=%s, bits=64, pid=%d, just started", Version, RedisVersion, os.Getpid())
	if configured {
		s.log.Noticef("Configuration loaded")
	} else {
		s.log.Warningf("Warning: no config file specified, using the default config. In order to specify a config file use kvorum server /path/to/redis.conf")
	}
	s.log.SetRole(logx.RoleMaster)
	s.logIneffective()
	s.logo()
}

// logo is shown when asked for, or to somebody at a terminal; otherwise a line
// says as much.
func (s *Server) logo() {
	port := s.cfg.Int("port")
	if !s.cfg.Bool("always-show-logo") && (s.cfg.String("logfile") != "" || !isTerminal(os.Stdout)) {
		s.log.Noticef("Running mode=standalone, port=%d.", port)
		return
	}
	s.log.Raw(logx.LevelNotice, fmt.Sprintf(logoText, Version, RedisVersion, len(s.loops), port, os.Getpid()))
}

const logoText = `
      |  .  .
   ___|_/  /     kvorum %s, compatible with Redis %s
  /   | \ /
  \___|  V       Event loops: %d
      |  |       Port: %d
   ---+--+---    PID: %d

`

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (s *Server) handleSignals() {
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGTERM, syscall.SIGINT)
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE)
	go func() {
		sig := <-ch
		name := "SIGTERM"
		if sig == syscall.SIGINT {
			name = "SIGINT"
		}
		s.log.Warningf("Received %s scheduling shutdown...", name)
		s.Shutdown()
		<-ch
		s.log.Warningf("You insist... exiting now.")
		os.Exit(1)
	}()
}

func (s *Server) writePidFile() {
	path := s.cfg.String("pidfile")
	if path == "" {
		return
	}
	if err := os.WriteFile(path, fmt.Appendf(nil, "%d\n", os.Getpid()), 0o644); err != nil {
		s.log.Warningf("Failed to write PID file: %s", strerror(err))
	}
}

func (s *Server) removePidFile() {
	path := s.cfg.String("pidfile")
	if path == "" {
		return
	}
	s.log.Noticef("Removing the pid file.")
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		s.log.Warningf("Failed to remove the PID file: %s", strerror(err))
	}
}
