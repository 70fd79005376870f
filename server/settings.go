package server

import (
	"kvorum/command"
	"kvorum/logx"
)

// hookConfig connects directives with what they change. A hook reads the
// configuration under the caller's lock and publishes copies.
func (s *Server) hookConfig() {
	s.cfg.OnChange(s.applyEngine,
		"requirepass", "proto-max-bulk-len", "notify-keyspace-events", "maxmemory-policy", "lfu-log-factor",
		"lfu-decay-time", "slowlog-log-slower-than", "latency-tracking")
	s.cfg.OnChange(func() error { s.maxClients.Store(s.cfg.Int("maxclients")); return nil }, "maxclients")
	s.cfg.OnChange(func() error { s.maxInput.Store(s.cfg.Int("client-query-buffer-limit")); return nil }, "client-query-buffer-limit")
	s.cfg.OnChange(func() error { s.keepAlive.Store(s.cfg.Int("tcp-keepalive")); return nil }, "tcp-keepalive")
	s.cfg.OnChange(s.applyLogLevel, "loglevel")
}

// applyEngine publishes the settings of the engine.
func (s *Server) applyEngine() error {
	set := *s.eng.Settings()
	set.Requirepass = s.cfg.String("requirepass")
	set.Limits.MaxBulk = s.cfg.Int("proto-max-bulk-len")
	set.NotifyMask = uint32(s.cfg.NotifyEvents())
	set.SlowlogUsec = s.cfg.Int("slowlog-log-slower-than")
	set.LatencyTrack = s.cfg.Bool("latency-tracking")
	set.LFU = nil
	switch s.cfg.Enum("maxmemory-policy") {
	case "allkeys-lfu", "volatile-lfu":
		set.LFU = &command.LFU{
			LogFactor: int(s.cfg.Int("lfu-log-factor")),
			DecayTime: int(s.cfg.Int("lfu-decay-time")),
		}
	}
	s.eng.Apply(set)
	return nil
}

func (s *Server) applyLogLevel() error {
	if level, ok := logx.ParseLevel(s.cfg.Enum("loglevel")); ok {
		s.log.SetLevel(level)
	}
	return nil
}

var _ command.Host = (*Server)(nil)
