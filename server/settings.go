package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"kvorum/command"
	"kvorum/config"
	"kvorum/logx"
	"kvorum/object/hash"
	"kvorum/object/list"
	"kvorum/object/set"
	"kvorum/object/stream"
	"kvorum/object/zset"
)

// hookConfig connects directives with what they change. A hook reads the
// configuration under the caller's lock and publishes copies.
func (s *Server) hookConfig() {
	s.cfg.OnChange(s.applyEngine,
		"requirepass", "proto-max-bulk-len", "notify-keyspace-events", "maxmemory-policy", "lfu-log-factor",
		"lfu-decay-time", "slowlog-log-slower-than", "latency-tracking", "hll-sparse-max-bytes", "tracking-table-max-keys",
		"hash-max-listpack-entries", "hash-max-listpack-value", "list-max-listpack-size", "list-compress-depth", "set-max-intset-entries",
		"stream-node-max-bytes", "stream-node-max-entries",
		"set-max-listpack-entries", "set-max-listpack-value", "zset-max-listpack-entries", "zset-max-listpack-value",
		"latency-monitor-threshold", "rdb-version", "rdbcompression",
		"maxmemory-samples", "maxmemory-eviction-tenacity", "lazyfree-lazy-eviction", "lazyfree-lazy-expire")
	s.cfg.OnChange(s.applyMaxMemory, "maxmemory")
	s.cfg.OnChange(s.applyMaxClients, "maxclients")
	s.cfg.OnChange(func() error { s.maxInput.Store(s.cfg.Int("client-query-buffer-limit")); return nil }, "client-query-buffer-limit")
	s.cfg.OnChange(func() error { s.protected.Store(s.cfg.Bool("protected-mode")); return nil }, "protected-mode")
	s.cfg.OnChange(func() error { s.applyKeepAlive(); return nil }, "tcp-keepalive")
	s.cfg.OnChange(func() error { s.slow.setMax(s.cfg.Int("slowlog-max-len")); return nil }, "slowlog-max-len")
	s.cfg.OnChange(func() error { s.idleSec.Store(s.cfg.Int("timeout")); return nil }, "timeout")
	s.cfg.OnChange(s.applyOutputLimits, "client-output-buffer-limit")
	s.cfg.OnChange(s.applyClientLimit, "maxmemory-clients", "maxmemory")
	s.cfg.OnChange(s.applyLogLevel, "loglevel")
	s.cfg.OnChange(func() error { return s.relisten(errListenPort) }, "port")
	s.cfg.OnChange(func() error { return s.relisten(errListenBind) }, "bind")
}

// applyEngine publishes the settings of the engine.
func (s *Server) applyEngine() error {
	next := *s.eng.Settings()
	next.Requirepass = s.cfg.String("requirepass")
	next.Limits.MaxBulk = s.cfg.Int("proto-max-bulk-len")
	next.NotifyMask = uint32(s.cfg.NotifyEvents())
	next.SlowlogUsec = s.cfg.Int("slowlog-log-slower-than")
	next.LatencyTrack = s.cfg.Bool("latency-tracking")
	next.HLLSparseMax = s.cfg.Int("hll-sparse-max-bytes")
	next.DumpForm = command.DumpForm{
		Version: int(s.cfg.Int("rdb-version")), Compress: s.cfg.Bool("rdbcompression"), TrustSum: s.persist.skipChecksum.Load(),
	}
	next.TrackingMax = s.cfg.Int("tracking-table-max-keys")
	next.LatencyMs = s.cfg.Int("latency-monitor-threshold")
	next.Packing = s.packing()
	next.Memory = s.memoryLimit()
	next.LazyExpire = s.cfg.Bool("lazyfree-lazy-expire")
	next.LFU = nil
	if next.Memory.Policy.LFU() {
		next.LFU = &command.LFU{
			LogFactor: int(s.cfg.Int("lfu-log-factor")),
			DecayTime: int(s.cfg.Int("lfu-decay-time")),
		}
	}
	s.eng.Apply(next)
	s.slow.setOn(next.SlowlogUsec >= 0)
	return nil
}

// packing returns the limits within which collections stay packed.
func (s *Server) packing() (p command.Packing) {
	p.Hash = hash.Limits{Entries: s.limit("hash-max-listpack-entries"), Value: s.limit("hash-max-listpack-value")}
	p.List = list.LimitsOf(s.limit("list-max-listpack-size"))
	p.List.Depth = s.limit("list-compress-depth")
	p.Set = set.Limits{
		Integers: s.limit("set-max-intset-entries"),
		Entries:  s.limit("set-max-listpack-entries"), Value: s.limit("set-max-listpack-value"),
	}
	p.Stream = stream.Limits{Bytes: s.limit("stream-node-max-bytes"), Entries: s.limit("stream-node-max-entries")}
	p.ZSet = zset.Limits{Entries: s.limit("zset-max-listpack-entries"), Value: s.limit("zset-max-listpack-value")}
	return p
}

func (s *Server) limit(name string) int { return int(s.cfg.Int(name)) }

func (s *Server) applyLogLevel() error {
	if level, ok := logx.ParseLevel(s.cfg.Enum("loglevel")); ok {
		s.log.SetLevel(level)
	}
	return nil
}

// ConfigGet implements command.Host.
func (s *Server) ConfigGet(patterns []string) []config.Pair {
	s.cfgMu.RLock()
	defer s.cfgMu.RUnlock()
	return s.cfg.Get(patterns...)
}

// ConfigSet implements command.Host.
func (s *Server) ConfigSet(pairs [][2]string, sess *command.Session) error {
	s.cfgMu.Lock()
	defer s.cfgMu.Unlock()
	err := s.cfg.Set(pairs, config.SetContext{
		AllowProtected: allowed(s.protectFor, sess), Loading: s.persist.loading.Load() != nil,
	})
	if err == nil {
		s.logIneffective()
	}
	return err
}

// ConfigRewrite implements command.Host. The new text replaces the file in one
// step: whoever reads it meanwhile, or after a crash, finds the old or the new.
func (s *Server) ConfigRewrite(all bool) error {
	switch {
	case s.file == "" && all:
		return errors.New("ERR CONFIG-REWRITE-FORCE-ALL failed: Bad address")
	case s.file == "":
		return errors.New("ERR The server is running without a config file")
	}
	s.rewriteMu.Lock()
	defer s.rewriteMu.Unlock()
	err := s.rewriteFile(all)
	switch {
	case err != nil && all:
		return fmt.Errorf("ERR CONFIG-REWRITE-FORCE-ALL failed: %s", strerror(err))
	case err != nil:
		s.log.Warningf("CONFIG REWRITE failed: %s", strerror(err))
		return fmt.Errorf("ERR Rewriting config file: %s", strerror(err))
	case !all:
		s.log.Noticef("CONFIG REWRITE executed with success.")
	}
	return nil
}

func (s *Server) rewriteFile(all bool) error {
	old, err := os.ReadFile(s.file)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	s.cfgMu.RLock()
	text := s.cfg.Rewrite(old, config.RewriteOptions{
		Extra: []config.Lines{{Option: "user", Lines: []string{defaultUserLine(s.cfg.String("requirepass"))}}},
		All:   all,
	})
	s.cfgMu.RUnlock()
	return replaceFile(s.file, text)
}

// replaceFile writes a new file beside path, brings it to the disk and gives it
// the name. It has the permissions of the old file.
//
// COMPAT: rewrite-mode: Redis makes a file that everybody may read.
func replaceFile(path string, text []byte) (err error) {
	const suffixBytes = 8
	f, err := os.OpenFile(path+"."+newRunID()[:suffixBytes], os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // the first error is the one to tell
		}
	}()
	if old, statErr := os.Stat(path); statErr == nil {
		err = f.Chmod(old.Mode().Perm())
	}
	if err == nil {
		_, err = f.Write(text)
	}
	if syncErr := f.Sync(); err == nil {
		err = syncErr
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir brings the names in a folder to the disk.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
