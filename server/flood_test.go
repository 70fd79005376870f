package server_test

import (
	"strings"
	"testing"

	"kvorum/server/servertest"
)

// A reply that is as long as the client says ends with the limit of its output, not
// with the memory.
func TestEndlessReplyStops(t *testing.T) {
	s := servertest.Start(t, "client-output-buffer-limit normal 1mb 0 0")
	other := s.Dial()
	other.Want(":1", "HSET", "hash", "field", "value")
	other.Want(":1", "SADD", "set", "member")
	for _, request := range [][]string{
		{"HRANDFIELD", "hash", "-9223372036854775807"}, {"HRANDFIELD", "hash", "-4000000000000000000", "WITHVALUES"},
		{"SRANDMEMBER", "set", "-9223372036854775807"},
	} {
		c := s.Dial()
		c.Send(request...)
		c.WantClosed()
		if log := s.Log.String(); !strings.Contains(log, " cmd="+strings.ToLower(request[0])+" ") || !strings.Contains(log, overLimit) {
			t.Errorf("%q: the log says\n%s", request, log)
		}
	}
	other.Want(":1", "SCARD", "set")
}
