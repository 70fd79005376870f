package conncmd

import (
	"kvorum/command"
)

var resetSpec = &command.Spec{
	Name: "reset", Since: "6.2.0", Group: "connection", Complexity: "O(1)",
	Summary: "Brings the connection back to the state of a new one.",
	Arity:   1, Flags: command.NoScript | command.Loading | command.Stale | command.Fast | command.NoAuth | command.AllowBusy, Categories: command.CatConnection,
	AtOnce:          true,
	WhileSubscribed: true,
	Handler:         reset,
}

func reset(c *command.Ctx) {
	s := c.Sess
	leaveMonitor(c)
	c.Discard()
	untrack(c)
	s.DB = c.KS.DB(0)
	if s.Sub != nil {
		c.Bus.Drop(s.Sub)
		s.Flags &^= command.Subscribed
		s.Track.SetSubscribed(false)
		c.W.Raw(s.TakePushes())
	}
	speak(c, 2)
	s.Name = "" // what CLIENT SETINFO said about the library stays true
	s.User = string(defaultUser)
	s.Flags &^= command.NoEvict | command.NoTouch | command.Authenticated | command.ReplyOff | command.ReplySkipNext
	if !c.Host.PasswordSet() {
		s.Flags |= command.Authenticated
	}
	c.W.Simple("RESET")
}

// leaveMonitor ends what MONITOR began. What was told already stands in front of
// the reply.
func leaveMonitor(c *command.Ctx) {
	if c.Sess.Flags&command.Monitor != 0 {
		c.Sess.Flags &^= command.Monitor
		c.W.Raw(c.Host.StopMonitor(c.Sess))
	}
}
