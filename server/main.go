package server

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"syscall"

	"kvorum/config"
	"kvorum/logx"
)

// Version is kvorum's own version; the Makefile stamps releases.
var Version = "0.1.0"

// RedisVersion is the version of Redis that kvorum stands for.
const RedisVersion = "7.2.4"

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
	cfg, file, err := loadConfig(args)
	if err != nil {
		if le, ok := err.(*config.LoadError); ok {
			fmt.Fprint(os.Stderr, le.Report(RedisVersion))
		} else {
			fmt.Fprintln(os.Stderr, err)
		}
		return 1
	}
	log, err := openLog(cfg)
	if err != nil {
		fmt.Fprintf(os.Stderr, "\n*** FATAL CONFIG FILE ERROR (Redis %s) ***\nCan't open the log file: %s\n", RedisVersion, err)
		return 1
	}
	s, err := New(cfg, file, log)
	if err != nil {
		log.Warningf("%s", err)
		return 1
	}
	s.banner(args)
	s.handleSignals()
	if err := s.writePidFile(); err != nil {
		log.Warningf("Failed to write PID file: %s", err)
	}
	if err := s.Run(); err != nil {
		log.Warningf("%s", err)
		return 1
	}
	s.removePidFile()
	return 0
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

// loadConfig reads the configuration that the arguments name.
func loadConfig(args []string) (cfg *config.Config, file string, err error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, "", fmt.Errorf("server: working directory: %w", err)
	}
	cfg = config.New(config.Options{Dir: dir, Chdir: chdir})
	cl := config.ParseArgs(args)
	var text, stdin []byte
	if cl.File != "" {
		if file, err = filepath.Abs(cl.File); err != nil {
			return nil, "", err
		}
		if text, err = os.ReadFile(file); err != nil {
			return nil, "", fmt.Errorf("Fatal error, can't open config file '%s': %s", file, cause(err))
		}
	}
	if cl.Stdin {
		if stdin, err = io.ReadAll(os.Stdin); err != nil {
			return nil, "", fmt.Errorf("server: reading the configuration from standard input: %w", err)
		}
	}
	return cfg, file, cfg.Load(cl.Text(text, stdin), config.Loader{Include: include})
}

func chdir(path string) (string, error) {
	if err := os.Chdir(path); err != nil {
		return "", cause(err)
	}
	return os.Getwd()
}

// include reads the files that an include directive names.
func include(pattern string) ([]byte, error) {
	names := []string{pattern}
	if strings.ContainsAny(pattern, "[*?") {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return nil, fmt.Errorf("Fatal error, can't open config file '%s': %s", pattern, err)
		}
		sort.Strings(found)
		names = found
	}
	var text []byte
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("Fatal error, can't open config file '%s': %s", name, cause(err))
		}
		text = append(append(text, b...), '\n')
	}
	return text, nil
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

func openLog(cfg *config.Config) (*logx.Logger, error) {
	level, _ := logx.ParseLevel(cfg.Enum("loglevel"))
	log := logx.New(logx.Options{Path: cfg.String("logfile"), Level: level})
	return log, log.Probe()
}

// banner logs what starts, as Redis does.
func (s *Server) banner(args []string) {
	s.log.Noticef("oO0OoO0OoO0Oo kvorum is starting oO0OoO0OoO0Oo")
	s.log.Noticef("kvorum version=%s, redis_version=%s, bits=64, pid=%d, just started", Version, RedisVersion, os.Getpid())
	if len(args) == 0 {
		s.log.Warningf("Warning: no config file specified, using the default config. In order to specify a config file use kvorum server /path/to/redis.conf")
	} else {
		s.log.Noticef("Configuration loaded")
	}
	for d := range s.cfg.Ineffective {
		s.log.Warningf("The directive %s has no effect: %s", d.Name, d.NoEffect)
	}
	s.log.Raw(logx.LevelNotice, fmt.Sprintf("kvorum %s (Redis %s compatible), %d loops, port %d\n PID: %d\n",
		Version, RedisVersion, len(s.loops), s.cfg.Int("port"), os.Getpid()))
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
		s.log.Warningf("User requested shutdown...")
		s.Stop()
		<-ch
		s.log.Warningf("You insist... exiting now.")
		os.Exit(1)
	}()
}

func (s *Server) writePidFile() error {
	path := s.cfg.String("pidfile")
	if path == "" {
		return nil
	}
	return os.WriteFile(path, []byte(fmt.Sprintf("%d\n", os.Getpid())), 0o644)
}

func (s *Server) removePidFile() {
	if path := s.cfg.String("pidfile"); path != "" {
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			s.log.Warningf("Failed to remove the PID file: %s", err)
		}
	}
}
