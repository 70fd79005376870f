package listcmd_test

import (
	"strings"
	"testing"

	"kvorum/command"
	"kvorum/command/listcmd"
	"kvorum/engine/enginetest"
)

// hot are the requests whose handlers must not allocate.
var hot = enginetest.Hot{
	Families: [][]*command.Spec{listcmd.Specs()},
	Fill: []string{
		"RPUSH list:# a b",
		strings.Repeat("RPUSH queue twenty-bytes-or-so:#\n", 19) + "RPUSH queue twenty-bytes-or-so:#",
	},
	Requests: map[string]string{
		"LPUSH":                  "LPUSH long value:#",
		"RPUSH":                  "RPUSH long value:#",
		"LPUSH and LPOP":         "LPUSH list:# value\nLPOP list:#",
		"RPUSH of a new, RPOP":   "RPUSH new:# value\nRPOP new:#",
		"RPUSH and LPOP":         "RPUSH queue value:#\nLPOP queue",
		"LPOP count":             "RPUSH list:# a b c\nLPOP list:# 3",
		"LMOVE":                  "RPUSH list:# value\nLMOVE list:# list:# LEFT RIGHT\nRPOP list:#",
		"LMPOP":                  "RPUSH list:# value\nLMPOP 1 list:# LEFT",
		"LINDEX":                 "LINDEX queue 500",
		"LSET":                   "LSET queue 500 value",
		"LLEN":                   "LLEN queue",
		"LINSERT and LREM":       "LINSERT list:# BEFORE a #\nLREM list:# 1 #",
		"LPOS":                   "LPOS list:# a",
		"LRANGE 100":             "LRANGE queue 0 99",
		"LRANGE 600":             "LRANGE queue 0 599",
		"RPUSH and LTRIM":        "RPUSH list:# b\nLTRIM list:# 0 1",
		"LRANGE from the middle": "LRANGE queue 300 310",
	},
}

func TestHotCommandsDoNotAllocate(t *testing.T) { hot.Gate(t) }

func TestHotCommandsOnPressedNodesDoNotAllocate(t *testing.T) {
	pressed := hot
	pressed.Depth = 1
	pressed.Gate(t)
}

func BenchmarkServe(b *testing.B) { hot.Bench(b) }
