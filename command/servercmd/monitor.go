package servercmd

import (
	"kvorum/command"
)

var monitorSpec = &command.Spec{
	Name: "monitor", Since: "1.0.0", Group: "server",
	Summary: "Shows the commands of all clients as they are executed.",
	Arity:   1, Flags: command.Admin | command.NoScript | command.Loading | command.Stale,
	// What begins after the reply is shown, without exception.
	Mode:    command.Exclusive,
	Handler: monitor,
}

// monitor has no reply the second time, as in Redis.
func monitor(c *command.Ctx) {
	if c.Sess.Flags&command.Monitor != 0 {
		return
	}
	c.Sess.Flags |= command.Monitor
	c.Host.StartMonitor(c.Sess)
	c.W.OK()
}
