package config

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"kvorum/internal/datadriven"
)

// The scripts hold what a real server replied to CONFIG GET and CONFIG SET; a
// wrong text, range, order of checks or rollback shows as another reply.
func TestScript(t *testing.T) {
	datadriven.Dir(t, "testdata/script", func(t *testing.T) datadriven.Exec {
		c := New(Options{Dir: "/"})
		if err := c.Load([]byte("port 0"), Loader{}); err != nil {
			t.Fatal(err)
		}
		return func(_ string, _ int, args [][]byte) []byte {
			if args == nil {
				return nil
			}
			return configCommand(c, args)
		}
	})
}

// configCommand answers as a server does in RESP2.
func configCommand(c *Config, args [][]byte) []byte {
	var words []string
	for _, arg := range args {
		words = append(words, string(arg))
	}
	var b bytes.Buffer
	verb, words := strings.ToUpper(words[1]), words[2:]
	switch {
	case verb == "GET":
		pairs := c.Get(words...)
		fmt.Fprintf(&b, "*%d\r\n", 2*len(pairs))
		for _, p := range pairs {
			fmt.Fprintf(&b, "$%d\r\n%s\r\n$%d\r\n%s\r\n", len(p.Name), p.Name, len(p.Text), p.Text)
		}
	case verb == "SET" && len(words) < 2:
		b.WriteString("-ERR wrong number of arguments for 'config|set' command\r\n")
	case verb == "SET" && len(words)%2 != 0:
		b.WriteString("-ERR syntax error\r\n")
	case verb == "SET":
		var pairs [][2]string
		for i := 0; i < len(words); i += 2 {
			pairs = append(pairs, [2]string{words[i], words[i+1]})
		}
		err := c.Set(pairs, SetContext{})
		var refused *SetError
		switch {
		case errors.As(err, &refused):
			fmt.Fprintf(&b, "-%s\r\n", refused)
		case err != nil:
			fmt.Fprintf(&b, "-unexpected %v\r\n", err)
		default:
			b.WriteString("+OK\r\n")
		}
	}
	return b.Bytes()
}
