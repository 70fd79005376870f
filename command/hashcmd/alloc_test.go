package hashcmd_test

import (
	"testing"

	"kvorum/command/all"
	"kvorum/engine/enginetest"
)

// hot are the requests whose handlers must not allocate.
var hot = enginetest.Hot{
	Families: all.Families(),
	Fill: []string{
		"HSET h:# f1 v f2 w n 1 x 0.5\nHSET t f# value",
		"HSET t g# value h# value i# value n 1",
	},
	Requests: map[string]string{
		"HGET":                 "HGET h:# f1",
		"HGET large":           "HGET t f#",
		"HGET absent":          "HGET h:# nosuch\nHGET none f",
		"HMGET":                "HMGET h:# f1 f2 nosuch",
		"HSET overwrite":       "HSET h:# f1 value#",
		"HSET large overwrite": "HSET t f# value#",
		"HSET and HDEL":        "HSET h:# new value\nHDEL h:# new",
		"HSET and HDEL large":  "HSET t new:# value\nHDEL t new:#",
		"HSET of a new key":    "HSET n:# f v g w\nHDEL n:# f g",
		"HSETNX":               "HSETNX h:# f1 v",
		"HEXISTS":              "HEXISTS t f#",
		"HLEN":                 "HLEN h:#",
		"HSTRLEN":              "HSTRLEN t f#",
		"HGETALL":              "HGETALL h:#",
		"HKEYS":                "HKEYS t",
		"HINCRBY":              "HINCRBY h:# n 1",
		"HINCRBY large":        "HINCRBY t n 1",
		"HINCRBYFLOAT":         "HINCRBYFLOAT h:# x 0.5",
		"HRANDFIELD":           "HRANDFIELD t\nHRANDFIELD h:#",
	},
}

func TestHotCommandsDoNotAllocate(t *testing.T) { hot.Gate(t) }

func BenchmarkServe(b *testing.B) { hot.Bench(b) }
