package streamcmd_test

import (
	"testing"

	"kvorum/command"
	"kvorum/command/streamcmd"
	"kvorum/engine/enginetest"
)

// hot are the requests whose handlers must not allocate.
var hot = enginetest.Hot{
	Families: [][]*command.Spec{streamcmd.Specs()},
	Fill: []string{
		"XADD s:# 1-1 f v\nXADD a:# 5-1 f v\nXADD p:# 6-1 f v\nXADD q:# 6-1 f v",
		"XGROUP CREATE p:# g 0\nXGROUP CREATE q:# g 0\nXADD p:# 7-1 f v\nXADD p:# 7-2 f v\nXADD p:# 7-3 f v",
	},
	Requests: map[string]string{
		"XADD":               "XADD s:# * field1 value field2 #",
		"XADD MAXLEN":        "XADD t:# MAXLEN 50 * field value",
		"XADD MAXLEN ~":      "XADD t:# MAXLEN ~ 50 * field value",
		"XADD seq":           "XADD a:# 5-* field value",
		"XLEN":               "XLEN s:#",
		"XRANGE":             "XRANGE s:# - + COUNT 10",
		"XREVRANGE":          "XREVRANGE s:# + - COUNT 1",
		"XREAD":              "XREAD COUNT 10 STREAMS s:# 0",
		"XREAD id":           "XREAD COUNT 10 STREAMS s:# 0-1",
		"XREAD nothing":      "XREAD STREAMS s:# $",
		"XREADGROUP and ack": "XADD p:# 7-* f v\nXREADGROUP GROUP g c STREAMS p:# >\nXACK p:# g 7-1 7-2\nXDEL p:# 7-1",
		"XREADGROUP history": "XREADGROUP GROUP g c COUNT 2 STREAMS p:# 0",
		"XREADGROUP NOACK":   "XADD q:# * f v\nXREADGROUP GROUP g c NOACK STREAMS q:# >",
		"XCLAIM":             "XCLAIM p:# g d 0 7-5\nXCLAIM p:# g c 0 7-5",
		"XAUTOCLAIM":         "XAUTOCLAIM p:# g d 0 0 COUNT 2",
		"XPENDING":           "XPENDING p:# g",
		"XPENDING range":     "XPENDING p:# g - + 2 c",
		"XTRIM":              "XADD t:# * f v\nXTRIM t:# MAXLEN 5",
		"XINFO STREAM":       "XINFO STREAM s:#",
	},
}

func TestHotCommandsDoNotAllocate(t *testing.T) { hot.Gate(t) }

func BenchmarkServe(b *testing.B) { hot.Bench(b) }
