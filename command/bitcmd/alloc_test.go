package bitcmd_test

import (
	"strings"
	"testing"

	"kvorum/command/all"
	"kvorum/engine/enginetest"
)

// hot are the requests whose handlers must not allocate.
var hot = enginetest.Hot{
	Families: all.Families(),
	Fill: []string{
		"MSET key:# abcdefghijklmnop int:# 12345",
		"SETBIT large:# 159999 1",
	},
	Requests: map[string]string{
		"SETBIT":            "SETBIT key:# 5 1\nSETBIT key:# 5 0",
		"SETBIT same":       "SETBIT key:# 100 0",
		"SETBIT blob":       "SETBIT large:# 100000 1\nSETBIT large:# 100000 0",
		"SETBIT grows":      "SETBIT grow:# 800 1\nDEL grow:#",
		"SETBIT error":      "SETBIT key:# -1 1",
		"GETBIT":            "GETBIT key:# 5",
		"GETBIT int":        "GETBIT int:# 5",
		"GETBIT absent":     "GETBIT absent:# 5",
		"BITCOUNT":          "BITCOUNT key:#",
		"BITCOUNT blob":     "BITCOUNT large:# 3 -3",
		"BITCOUNT int":      "BITCOUNT int:# 0 -1 BIT",
		"BITPOS":            "BITPOS large:# 1",
		"BITPOS range":      "BITPOS key:# 0 1 100 BIT",
		"BITOP":             "BITOP AND dest:# key:# large:#",
		"BITOP NOT":         "BITOP NOT dest:# key:#",
		"BITFIELD":          "BITFIELD key:# INCRBY u5 ##3 1 GET i7 9 OVERFLOW SAT SET u8 3 999",
		"BITFIELD_RO":       "BITFIELD_RO key:# GET u5 0 GET i7 9",
		"BITFIELD 16 reads": "BITFIELD key:#" + strings.Repeat(" GET u8 1", 16),
	},
}

func TestHotCommandsDoNotAllocate(t *testing.T) { hot.Gate(t) }

func BenchmarkServe(b *testing.B) { hot.Bench(b) }
