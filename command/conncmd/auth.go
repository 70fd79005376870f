package conncmd

import (
	"kvorum/command"
)

var authSpec = &command.Spec{
	Name: "auth", Since: "1.0.0", Group: "connection", Complexity: "O(N) where N is the number of passwords defined for the user",
	Summary: "Proves with a password, or a user's name and password, who the client is.",
	Arity:   -2, Flags: command.NoScript | command.Loading | command.Stale | command.Fast | command.NoAuth | command.AllowBusy, Categories: command.CatConnection,
	History: []command.Change{
		{Since: "6.0.0", Text: "Added ACL style (username and password)."},
	},
	Args: []command.Arg{
		{Name: "username", Type: "string", Since: "6.0.0", Optional: true},
		{Name: "password", Type: "string"},
	},
	Handler: auth,
}

const (
	errNoPassword = "-ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?"
	errWrongPass  = "-WRONGPASS invalid username-password pair or user is disabled."
)

// defaultUser is who a client is that gives no name.
var defaultUser = []byte("default")

func auth(c *command.Ctx) {
	user, password := defaultUser, c.Args[1]
	switch {
	case len(c.Args) > 3:
		c.Err(command.ErrSyntax)
		return
	case len(c.Args) == 3:
		user, password = c.Args[1], c.Args[2]
	case !c.Host.PasswordSet():
		c.Err(errNoPassword)
		return
	}
	if login(c, user, password) {
		c.W.OK()
	}
}

// login makes the session an authenticated one, or replies the error.
func login(c *command.Ctx, user, password []byte) bool {
	if !c.Host.Login(user, password) {
		c.Err(errWrongPass)
		return false
	}
	c.Sess.Flags |= command.Authenticated
	c.Sess.User = string(user)
	return true
}
