package conncmd

import (
	"kvorum/command"
)

var clientSetinfoSpec = &command.Spec{
	Name: "setinfo", Since: "7.2.0", Group: "connection", Complexity: "O(1)",
	Summary: "Notes the name or the version of the library that a client uses.",
	Arity:   4, Flags: command.NoScript | command.Loading | command.Stale, Categories: command.CatConnection,
	Tips: []string{"request_policy:all_nodes", "response_policy:all_succeeded"},
	Args: []command.Arg{
		{Name: "attr", Type: "oneof", Args: []command.Arg{
			{Name: "libname", Type: "string", Token: "LIB-NAME"},
			{Name: "libver", Type: "string", Token: "LIB-VER"},
		}},
	},
	Handler: clientSetinfo,
}

func clientSetinfo(c *command.Ctx) {
	var dst *string
	switch {
	case c.Is(2, "lib-name"):
		dst = &c.Sess.LibName
	case c.Is(2, "lib-ver"):
		dst = &c.Sess.LibVer
	default:
		c.Err("-ERR Unrecognized option '" + text(c.Args[2]) + "'")
		return
	}
	if !printable(c.Args[3]) {
		c.Err("-ERR " + text(c.Args[2]) + " cannot contain spaces, newlines or special characters.")
		return
	}
	*dst = string(c.Args[3])
	c.W.OK()
}
