package command

import "testing"

// HELP shows the arguments as the row has them: a wrong bracket there would
// mislead a person, so each form has its example.
func TestUsage(t *testing.T) {
	for want, args := range map[string][]Arg{
		"X":                          nil,
		"X <key>":                    {{Name: "key", Type: "key"}},
		"X <ip:port>":                {{Name: "old-format", Type: "string", Display: "ip:port"}},
		"X [<count>]":                {{Name: "count", Type: "integer", Optional: true}},
		"X <key> [<key> ...]":        {{Name: "key", Type: "key", Multiple: true}},
		"X [NOW]":                    {{Name: "now", Type: "pure-token", Token: "NOW", Optional: true}},
		"X [SAMPLES <count>]":        {{Name: "count", Type: "integer", Token: "SAMPLES", Optional: true}},
		"X (ON|OFF)":                 {{Name: "on", Type: "oneof", Args: []Arg{{Type: "pure-token", Token: "ON"}, {Type: "pure-token", Token: "OFF"}}}},
		"X <name> <value> ...":       {{Name: "data", Type: "block", Multiple: true, Args: []Arg{{Name: "name", Type: "string"}, {Name: "value", Type: "string"}}}},
		"X [AUTH <user> <password>]": {{Name: "auth", Type: "block", Token: "AUTH", Optional: true, Args: []Arg{{Name: "user", Type: "string"}, {Name: "password", Type: "string"}}}},
	} {
		spec := Spec{Name: "x", Args: args}
		if have := spec.Usage(); have != want {
			t.Errorf("have %s, want %s", have, want)
		}
	}
}
