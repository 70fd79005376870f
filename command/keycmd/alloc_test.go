package keycmd_test

import (
	"testing"

	"kvorum/command/all"
	"kvorum/engine/enginetest"
)

// hot are the requests whose handlers must not allocate.
var hot = enginetest.Hot{
	Families: all.Families(),
	Fill: []string{
		"SET key:# value\nSETEX ttl:# 1000 value",
	},
	Requests: map[string]string{
		"DEL absent":         "DEL absent:#",
		"DEL and back":       "DEL key:#\nSET key:# value",
		"UNLINK and back":    "UNLINK key:#\nSET key:# value",
		"DEL three":          "DEL a:# b:# c:#\nMSET a:# 1 b:# 2 c:# 3",
		"EXISTS":             "EXISTS key:#",
		"EXISTS three":       "EXISTS key:# absent:# ttl:#",
		"TYPE":               "TYPE key:#",
		"TOUCH":              "TOUCH key:# absent:#",
		"EXPIRE":             "EXPIRE ttl:# 1000",
		"EXPIRE GT":          "EXPIRE ttl:# 100000 XX GT",
		"EXPIRE deletes":     "EXPIRE key:# -1\nSET key:# value",
		"PEXPIREAT":          "PEXPIREAT ttl:# 33177117420123",
		"EXPIRE and PERSIST": "EXPIRE key:# 1000\nPERSIST key:#",
		"PERSIST":            "PERSIST key:#",
		"TTL":                "TTL ttl:#",
		"PTTL":               "PTTL ttl:#",
		"EXPIRETIME":         "EXPIRETIME ttl:#",
		"PEXPIRETIME":        "PEXPIRETIME ttl:#",
		"RENAME and back":    "RENAME key:# other:#\nRENAME other:# key:#",
		"MOVE refused":       "MOVE absent:# 1",
		"COPY":               "COPY key:# copy:# REPLACE",
		"OBJECT ENCODING":    "OBJECT ENCODING key:#",
		"RANDOMKEY":          "RANDOMKEY",
		"SCAN":               "SCAN 0 COUNT 10",
	},
}

func TestHotCommandsDoNotAllocate(t *testing.T) { hot.Gate(t) }

func BenchmarkServe(b *testing.B) { hot.Bench(b) }
