package servercmd

import "kvorum/command"

// debugReplicate feeds words to replicas as if they were a command, which they need not
// be; no log gets them. A replica has no stream of its own to put them into.
func debugReplicate(c *command.Ctx) {
	if c.Feed != nil {
		c.Feed.AppendControl(c.DB.Index(), c.Args[2:]...)
	}
	c.W.OK()
}
