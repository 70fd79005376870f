package conncmd

import "kvorum/command"

// ClientLine returns the line of CLIENT LIST of a session, without a line end.
// now is the wall time in milliseconds, buffers the memory of the connection's
// buffers in bytes. On the loop that owns the session.
func ClientLine(s *command.Session, now int64, buffers int) string {
	return string(appendClient(nil, s, now, buffers))
}
