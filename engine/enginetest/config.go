package enginetest

import (
	"strconv"

	"kvorum/command"
	"kvorum/engine"
	"kvorum/num"
)

// quote returns a word as it is, or quoted when it has blanks or bytes that
// are not printable.
func quote(word []byte) string {
	plain := len(word) > 0
	for _, c := range word {
		if c <= ' ' || c > '~' || c == '"' {
			plain = false
		}
	}
	if plain {
		return string(word)
	}
	return strconv.Quote(string(word))
}

// configSpec is the row of CONFIG for the settings that an engine has.
func (s *Server) configSpec() *command.Spec {
	return &command.Spec{
		Name: "config", Since: "2.0.0", Group: "server", Complexity: "O(1)", Arity: -2,
		Subs: []*command.Spec{{
			Name: "set", Since: "2.0.0", Group: "server", Complexity: "O(N)", Arity: -4,
			Flags: command.Admin, Mode: command.Exclusive,
			Handler: func(c *command.Ctx) {
				settings := *s.Engine.Settings()
				for i := 2; i+1 < len(c.Args); i += 2 {
					if !configure(&settings, string(c.Args[i]), c.Args[i+1]) {
						c.Err("-ERR Unknown option or number of arguments for CONFIG SET - '" + string(c.Args[i]) + "'")
						return
					}
				}
				s.Engine.Apply(settings)
				c.W.OK()
			},
		}},
	}
}

// lfuDefaults are the parameters of frequency counters.
var lfuDefaults = command.LFU{LogFactor: 10, DecayTime: 1}

// frequencies returns the parameters in force, for changing them.
func frequencies(s *engine.Settings) *command.LFU {
	lfu := lfuDefaults
	if s.LFU != nil {
		lfu = *s.LFU
	}
	return &lfu
}

// configure changes one setting and reports whether the engine has it.
func configure(s *engine.Settings, name string, value []byte) bool {
	switch name {
	case "proto-max-bulk-len":
		n, ok := num.ParseMemory(value)
		s.Limits.MaxBulk = int64(n)
		return ok
	case "notify-keyspace-events":
		s.NotifyMask = ^uint32(0)
		if len(value) == 0 {
			s.NotifyMask = 0
		}
	case "maxmemory-policy":
		s.LFU = nil
		if string(value) == "allkeys-lfu" || string(value) == "volatile-lfu" {
			s.LFU = frequencies(s)
		}
	case "lfu-log-factor": // after maxmemory-policy
		n, ok := num.ParseInt64(value)
		s.LFU = frequencies(s)
		s.LFU.LogFactor = int(n)
		return ok
	case "lfu-decay-time":
		n, ok := num.ParseInt64(value)
		s.LFU = frequencies(s)
		s.LFU.DecayTime = int(n)
		return ok
	case "hll-sparse-max-bytes":
		n, ok := num.ParseMemory(value)
		s.HLLSparseMax = int64(n)
		return ok
	case "stream-node-max-bytes":
		n, ok := num.ParseMemory(value)
		s.Packing.Stream.Bytes = int(n)
		return ok
	case "stream-node-max-entries":
		n, ok := num.ParseInt64(value)
		s.Packing.Stream.Entries = int(n)
		return ok
	case "requirepass":
		s.Requirepass = string(value)
	default:
		n, ok := num.ParseInt64(value)
		return ok && s.Packing.Limit(name, int(n))
	}
	return true
}
