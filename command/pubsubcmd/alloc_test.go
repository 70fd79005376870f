package pubsubcmd_test

import (
	"testing"

	"kvorum/command/all"
	"kvorum/engine/enginetest"
)

// hot are the requests whose handlers must not allocate: nobody is subscribed. What a
// message costs is measured in package pubsub.
var hot = enginetest.Hot{
	Families: all.Families(),
	Requests: map[string]string{
		"PUBLISH":  "PUBLISH channel:# message",
		"SPUBLISH": "SPUBLISH channel:# message",
		"NUMSUB":   "PUBSUB NUMSUB channel:# other",
		"NUMPAT":   "PUBSUB NUMPAT",
	},
}

func TestHotCommandsDoNotAllocate(t *testing.T) { hot.Gate(t) }

func BenchmarkServe(b *testing.B) { hot.Bench(b) }
