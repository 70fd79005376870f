package command

import "strings"

// Usage returns the name of a command or subcommand with its arguments, as
// HELP shows them:
//
//	KILL (<ip:port>|[ID <client-id>] ...)
func (s *Spec) Usage() string {
	var b strings.Builder
	b.WriteString(strings.ToUpper(s.Name))
	for i := range s.Args {
		b.WriteByte(' ')
		s.Args[i].usage(&b)
	}
	return b.String()
}

func (a *Arg) usage(b *strings.Builder) {
	if a.Optional {
		b.WriteByte('[')
		defer b.WriteByte(']')
	}
	a.usageOnce(b)
	switch {
	case !a.Multiple:
	case len(a.Args) > 0:
		b.WriteString(" ...")
	default:
		b.WriteString(" [")
		a.usageOnce(b)
		b.WriteString(" ...]")
	}
}

func (a *Arg) usageOnce(b *strings.Builder) {
	b.WriteString(a.Token)
	if a.Type == "pure-token" {
		return
	}
	if a.Token != "" {
		b.WriteByte(' ')
	}
	switch a.Type {
	case "oneof":
		a.usageParts(b, "(", "|", ")")
	case "block":
		a.usageParts(b, "", " ", "")
	default:
		name := a.Display
		if name == "" {
			name = a.Name
		}
		b.WriteString("<" + name + ">")
	}
}

func (a *Arg) usageParts(b *strings.Builder, open, between, end string) {
	b.WriteString(open)
	for i := range a.Args {
		if i > 0 {
			b.WriteString(between)
		}
		a.Args[i].usage(b)
	}
	b.WriteString(end)
}

// HelpOfRows replies the help of a container from the rows of its subcommands:
// the handler of HELP for families whose rows say enough.
// COMPAT: help-texts: in our words.
func (c *Ctx) HelpOfRows() {
	var lines []string
	for _, sub := range c.Spec.Parent.Subs {
		if sub != c.Spec {
			lines = append(lines, sub.Usage(), "    "+sub.Summary)
		}
	}
	c.Help(lines...)
}

// HelpOfRows is the handler of a HELP subcommand.
func HelpOfRows(c *Ctx) { c.HelpOfRows() }
