package strcmd_test

import (
	"strings"
	"testing"

	"kvorum/command"
	"kvorum/command/strcmd"
	"kvorum/engine/enginetest"
)

// hot are the requests whose handlers must not allocate.
var hot = enginetest.Hot{
	Families: [][]*command.Spec{strcmd.Specs()},
	Fill: []string{
		"MSET key:# value int:# 1 float:# 1.5 range:# abc app:# x grow:# x",
		"SETEX ttl:# 1000 value",
	},
	Requests: map[string]string{
		"GET":             "GET key:#",
		"GET int":         "GET int:#",
		"GET absent":      "GET absent:#",
		"SET":             "SET key:# value:#",
		"SET int":         "SET int:# #",
		"SET grows":       "SET grow:# #xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
		"SET shrinks":     "SET grow:# x",
		"SET EX":          "SET ttl:# value EX 1000",
		"SET NX":          "SET key:# value NX",
		"SET GET":         "SET key:# value GET",
		"SETNX":           "SETNX key:# value",
		"SETEX":           "SETEX ttl:# 1000 value",
		"GETSET":          "GETSET key:# value",
		"GETEX":           "GETEX ttl:# EX 1000",
		"INCR":            "INCR int:#",
		"INCRBY":          "INCRBY int:# 5",
		"DECR":            "DECR int:#",
		"INCRBYFLOAT":     "INCRBYFLOAT float:# 0.1",
		"APPEND":          "APPEND app:# x",
		"SETRANGE":        "SETRANGE range:# 10 x",
		"GETRANGE":        "GETRANGE key:# 1 3",
		"STRLEN":          "STRLEN key:#",
		"MGET":            "MGET key:# int:# absent:#",
		"MSET":            "MSET key:# value int:# 7",
		"MSETNX":          "MSETNX key:# value int:# 7",
		"SET 4 KiB":       "SET large:# " + strings.Repeat("x", 4096),
		"GETDEL and back": "GETDEL key:#\nSET key:# value",
	},
}

func TestHotCommandsDoNotAllocate(t *testing.T) { hot.Gate(t) }

func BenchmarkServe(b *testing.B) { hot.Bench(b) }
