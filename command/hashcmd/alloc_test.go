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
		"HSET e:# f1 v f2 w n 1 x 0.5\nHEXPIRE e:# 1000 FIELDS 3 f1 n x",
		"HSET te f# value n 1\nHEXPIRE te 1000 FIELDS 1 f#",
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

		"HGET timed":             "HGET e:# f1\nHGET e:# f2",
		"HGET timed large":       "HGET te f#",
		"HSET and HEXPIRE":       "HSET e:# f1 value#\nHEXPIRE e:# 1000 FIELDS 1 f1",
		"HSET and HEXPIRE large": "HSET te f# value#\nHEXPIRE te 1000 FIELDS 1 f#",
		"HEXPIRE again":          "HEXPIRE e:# 2000 FIELDS 2 f1 n\nHPEXPIRE te 2000000 FIELDS 1 f#",
		"HPERSIST":               "HPERSIST e:# FIELDS 1 n\nHEXPIRE e:# 1000 NX FIELDS 1 n",
		"HTTL":                   "HTTL e:# FIELDS 2 f1 f2\nHPEXPIRETIME te FIELDS 1 f#",
		"HINCRBY timed":          "HINCRBY e:# n 1",
		"HINCRBYFLOAT timed":     "HINCRBYFLOAT e:# x 0.5",
		"HGETALL timed":          "HGETALL e:#\nHKEYS te\nHLEN te\nHRANDFIELD te",
		"HDEL timed":             "HSET e:# new value\nHEXPIRE e:# 5 FIELDS 1 new\nHDEL e:# new",
		"past":                   "HSET e:# new value\nHEXPIRE e:# 0 FIELDS 1 new",
	},
}

func TestHotCommandsDoNotAllocate(t *testing.T) { hot.Gate(t) }

func BenchmarkServe(b *testing.B) { hot.Bench(b) }
