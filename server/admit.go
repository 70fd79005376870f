package server

import (
	"strings"

	"kvorum/netloop"
)

// What clients are told that are not let in.
const (
	errMaxClients = "-ERR max number of clients reached\r\n"

	errProtected = "-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the default user. " +
		"In this mode connections are only accepted from the loopback interface. " +
		"If you want to connect from external computers to Redis you may adopt one of the following solutions: " +
		"1) Just disable protected mode sending the command 'CONFIG SET protected-mode no' from the loopback interface " +
		"by connecting to Redis from the same host the server is running, however MAKE SURE Redis is not publicly accessible " +
		"from internet if you do so. Use CONFIG REWRITE to make this change permanent. " +
		"2) Alternatively you can just disable the protected mode by editing the Redis configuration file, " +
		"and setting the protected mode option to 'no', and then restarting the server. " +
		"3) If you started the server manually just for testing, restart it with the '--protected-mode no' option. " +
		"4) Set up an authentication password for the default user. " +
		"NOTE: You only need to do one of the above things in order for the server to start accepting connections from the outside.\r\n"
)

// refuse counts a new connection in, or returns what to tell it instead.
// COMPAT: accept-order: the end of one that another loop has not heard of counts.
func (s *Server) refuse(c *netloop.Conn) string {
	if s.clients.Add(1) > s.maxClients.Load() {
		s.clients.Add(-1)
		return errMaxClients
	}
	if s.protected.Load() && !s.PasswordSet() && !c.Unix() && !c.RemoteIP().IsLoopback() {
		s.clients.Add(-1)
		return errProtected
	}
	return ""
}

// logAccepted says that somebody connected.
func (s *Server) logAccepted(c *netloop.Conn) {
	if c.Unix() {
		s.log.Verbosef("Accepted connection to %s", s.sockets.unix.Addr())
		return
	}
	ip, addr := c.RemoteIP().String(), c.RemoteAddr()
	s.log.Verbosef("Accepted %s:%s", ip, addr[strings.LastIndexByte(addr, ':')+1:])
}
