package setcmd_test

import (
	"testing"

	"kvorum/command/all"
	"kvorum/engine/enginetest"
)

// hot are the requests whose handlers must not allocate.
var hot = enginetest.Hot{
	Families: all.Families(),
	Fill: []string{
		"SADD s:# a b c\nSADD i:# 1 2 3\nSADD t m# n# o# p#",
	},
	Requests: map[string]string{
		"SADD":                "SADD s:# a",
		"SADD int":            "SADD i:# 1",
		"SADD large":          "SADD t m#",
		"SADD and SREM":       "SADD s:# new\nSREM s:# new",
		"SADD and SREM int":   "SADD i:# 99\nSREM i:# 99",
		"SADD and SREM large": "SADD t new:#\nSREM t new:#",
		"SADD of a new key":   "SADD n:# a b\nSREM n:# a b",
		"SISMEMBER":           "SISMEMBER s:# a\nSISMEMBER i:# 7\nSISMEMBER t m#",
		"SMISMEMBER":          "SMISMEMBER t m# nosuch",
		"SCARD":               "SCARD t",
		"SPOP":                "SADD p:# a b c\nSPOP p:#",
		"SPOP int":            "SADD q:# 1 2 3\nSPOP q:#",
		"SPOP large":          "SPOP t\nSADD t m#",
		"SRANDMEMBER":         "SRANDMEMBER t\nSRANDMEMBER s:#\nSRANDMEMBER i:#",
		"SMEMBERS":            "SMEMBERS t\nSMEMBERS i:#",
		"SMOVE":               "SMOVE s:# d:# a\nSMOVE d:# s:# a",
	},
}

func TestHotCommandsDoNotAllocate(t *testing.T) { hot.Gate(t) }

func BenchmarkServe(b *testing.B) { hot.Bench(b) }
