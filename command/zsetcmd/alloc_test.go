package zsetcmd_test

import (
	"testing"

	"kvorum/command"
	"kvorum/command/zsetcmd"
	"kvorum/engine/enginetest"
)

// hot are the requests whose handlers must not allocate.
var hot = enginetest.Hot{
	Families: [][]*command.Spec{zsetcmd.Specs()},
	Fill: []string{
		"ZADD small:# 1 a 1 b",
		"ZADD board # member:# # other:1# # other:2# # other:3# # other:4# # other:5# # other:6#",
	},
	Requests: map[string]string{
		"ZADD":              "ZADD board # member:#",
		"ZADD moves":        "ZADD board 1 mover\nZADD board 100 mover",
		"ZADD and ZREM":     "ZADD board 7 new:#\nZREM board new:#",
		"ZADD packed":       "ZADD small:# 1 a\nZADD small:# 2 a",
		"ZADD new, ZPOPMIN": "ZADD new:# 1 a\nZPOPMIN new:#",
		"ZADD GT CH":        "ZADD board GT CH # member:#",
		"ZINCRBY":           "ZINCRBY board 0.5 member:#",
		"ZSCORE":            "ZSCORE board member:#",
		"ZSCORE packed":     "ZSCORE small:# b",
		"ZRANK":             "ZRANK board member:# WITHSCORE",
		"ZPOPMIN":           "ZADD board -5 first\nZPOPMIN board",
		"ZPOPMAX":           "ZADD board 1000 last\nZPOPMAX board 1",
		"ZMPOP":             "ZADD board -5 first\nZMPOP 1 board MIN",
		"ZRANGE":            "ZRANGE board 10 30 WITHSCORES",
		"ZRANGEBYSCORE":     "ZRANGEBYSCORE board 10 20 LIMIT 0 10",
		"ZREVRANGEBYSCORE":  "ZREVRANGEBYSCORE board 20 10",
		"ZCOUNT":            "ZCOUNT board 10 (20",
		"ZRANGEBYLEX":       "ZRANGEBYLEX small:# [a [b",
		"ZRANDMEMBER":       "ZRANDMEMBER board",
		"ZREMRANGEBYRANK":   "ZADD board -5 first\nZREMRANGEBYRANK board 0 0",
		"ZREMRANGEBYSCORE":  "ZADD board -5 first\nZREMRANGEBYSCORE board -5 -5",
		"ZCARD":             "ZCARD board",
		"ZSCAN":             "ZSCAN board 0 COUNT 5",
		"ZSCAN packed":      "ZSCAN small:# 0",
	},
}

func TestHotCommandsDoNotAllocate(t *testing.T) { hot.Gate(t) }

func BenchmarkServe(b *testing.B) { hot.Bench(b) }
