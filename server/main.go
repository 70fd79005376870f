package server

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"

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
	args = ownArgs(args)
	if status, done := answer(args); done {
		return status
	}
	b := &boot{args: args, log: logx.New(logx.Options{Role: logx.RoleChild})}
	b.supervisor.log = b.log
	status, err := b.start()
	if err != nil {
		b.complain(err)
	}
	return status
}

// answer serves what is no start of a server; done is false for one.
func answer(args []string) (status int, done bool) {
	if len(args) == 0 {
		return 0, false
	}
	switch args[0] {
	case "-v", "--version":
		fmt.Println(VersionLine())
		return 0, true
	case "-h", "--help":
		fmt.Fprint(os.Stderr, serverUsage)
		return 1, true // as Redis
	case "--test-memory":
		return testMemory(args[1:], memoryPasses, os.Stdout, os.Stderr), true
	case "--check-system":
		return checkSystem(os.Stdout), true
	}
	return 0, false
}

// boot is a server before it has its configuration.
type boot struct {
	args       []string
	dir        string // working directory at the start
	stdin      []byte // what standard input said, nil if it was not asked
	cfg        *config.Config
	file       string // absolute path, "" without one
	log        *logx.Logger
	supervisor supervisor
	daemon     *daemon // nil unless this is the part of a start that stays
	extra      extraLines
}

// start runs the server, or starts the process that does, and returns the exit
// status. An error is for complain.
func (b *boot) start() (status int, err error) {
	if b.daemon, err = daemonChild(); err != nil {
		return 1, err
	}
	if err := b.load(b.args); err != nil {
		return 1, err
	}
	b.supervisor.mode = b.cfg.Enum("supervised")
	if b.daemon == nil {
		b.warnOfSystem()
		b.supervisor.begin()
		if b.background() {
			return spawn(b.dir, b.stdin)
		}
	}
	s, err := newServer(b.cfg, b.file, b.log, b.extra.table)
	if err != nil {
		return 1, err
	}
	openSyslog(b.cfg, b.log)
	p := newProgram(s, b)
	s.banner(p.name, len(b.args) > 0)
	b.extra.log(b.log)
	p.begin()
	p.guard(nil, func() { err = s.Run() })
	if err != nil {
		p.removePidFile()
		return 1, err
	}
	return 0, nil
}

// warn logs what loading has to say. The part of a start that has ended has said
// it already.
func (b *boot) warn(text string) {
	if b.daemon == nil {
		b.log.Warningf("%s", text)
	}
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
       kvorum server --test-memory <megabytes>
       kvorum server --check-system

Examples:
       kvorum server (run the server with default conf)
       echo 'maxmemory 128mb' | kvorum server -
       kvorum server /etc/redis/6379.conf
       kvorum server --port 7777
       kvorum server --port 7777 --replicaof 127.0.0.1 8888
       kvorum server /etc/myredis.conf --loglevel verbose -
       kvorum server /etc/myredis.conf --loglevel verbose
`

// load reads the configuration that the arguments name and opens the log that
// it wants.
func (b *boot) load(args []string) error {
	dir, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("Fatal error, can't find the working directory: %s", strerror(err))
	}
	b.dir = dir
	b.cfg = config.New(config.Options{Dir: dir, Chdir: chdir, Warn: b.warn})
	if slices.Contains(args, "--sentinel") {
		return &config.LoadError{Problem: "Sentinel mode is not built in yet"}
	}
	cl := config.ParseArgs(args)
	var text []byte
	if cl.File != "" {
		if b.file, err = filepath.Abs(cl.File); err != nil {
			return err
		}
		if text, err = os.ReadFile(b.file); err != nil {
			return cannotOpen(b.file, err)
		}
	}
	if cl.Stdin {
		from := os.Stdin
		if b.daemon != nil {
			from = b.daemon.stdin
		} else {
			b.log.Noticef("Reading config from stdin")
		}
		if b.stdin, err = io.ReadAll(from); err != nil {
			return fmt.Errorf("Fatal error, can't read standard input: %s", strerror(err))
		}
	}
	if b.extra.table, err = commandTable(); err != nil {
		return fmt.Errorf("server: %w", err)
	}
	if err := b.cfg.Load(cl.Text(text, b.stdin), config.Loader{Include: include, Extra: b.extra.take}); err != nil {
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
func (s *Server) banner(name string, configured bool) {
	// COMPAT: server-identity: the log says what runs.
	s.log.Noticef("oO0OoO0OoO0Oo kvorum is starting oO0OoO0OoO0Oo")
	s.log.Noticef("kvorum version=%s, redis_version=%s, bits=64, pid=%d, just started", Version, RedisVersion, os.Getpid())
	if configured {
		s.log.Noticef("Configuration loaded")
	} else {
		s.log.Warningf("Warning: no config file specified, using the default config. In order to specify a config file use %s /path/to/redis.conf", name)
	}
	if _, _, ok := s.cfg.ReplicaOf(); ok {
		s.log.SetRole(logx.RoleReplica)
	} else {
		s.log.SetRole(logx.RoleMaster)
	}
	s.log.Noticef("monotonic clock: %s", clockName(&s.clock))
	s.logIneffective()
}

// logo is shown when asked for, or to somebody at a terminal; otherwise a line
// says as much.
func (s *Server) logo() {
	port := s.cfg.Int("port")
	quiet := s.cfg.String("logfile") != "" || s.cfg.Bool("syslog-enabled") || !isTerminal(os.Stdout)
	if quiet && !s.cfg.Bool("always-show-logo") {
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
