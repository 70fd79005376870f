package linear

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/anishathalye/porcupine"
)

// The model: a handful of string keys and what each command does to them. It is
// deliberately naive: a state is compared and copied whole.

// keyCount is the number of keys of a model.
const keyCount = 4

// cell is the value of a key.
type cell struct {
	there bool
	value string
}

// state is the values of all keys.
type state [keyCount]cell

// call is a command on keys by number.
type call struct {
	name   string
	keys   []int
	values []string
}

const (
	nilText   = "(nil)"
	errNotInt = "-ERR value is not an integer or out of range"
	errNoKey  = "-ERR no such key"
	errTooBig = "-ERR increment or decrement would overflow"
)

// words is the request of a call; name gives the name of a key.
func (c *call) words(name func(int) string) []string {
	out := []string{c.name}
	for i, k := range c.keys {
		out = append(out, name(k))
		if c.name == "MSET" || c.name == "MSETNX" {
			out = append(out, c.values[i])
		}
	}
	if c.name != "MSET" && c.name != "MSETNX" {
		out = append(out, c.values...)
	}
	return out
}

// step applies a call and returns the reply that it must have.
func (s state) step(c *call) (state, string) {
	k := c.keys[0]
	v := &s[k]
	switch c.name {
	case "GET":
		return s, v.text()
	case "SET":
		*v = cell{true, c.values[0]}
		return s, "+OK"
	case "GETSET":
		old := v.text()
		*v = cell{true, c.values[0]}
		return s, old
	case "GETDEL":
		old := v.text()
		*v = cell{}
		return s, old
	case "SETNX":
		if v.there {
			return s, ":0"
		}
		*v = cell{true, c.values[0]}
		return s, ":1"
	case "INCR":
		return s.incr(k)
	case "APPEND":
		*v = cell{true, v.value + c.values[0]}
		return s, fmt.Sprintf(":%d", len(v.value))
	case "STRLEN":
		return s, fmt.Sprintf(":%d", len(v.value))
	case "RENAME", "RENAMENX", "COPY":
		return s.transfer(c)
	}
	return s.many(c)
}

func (s state) incr(k int) (state, string) {
	n := int64(0)
	if s[k].there {
		var err error
		if n, err = strconv.ParseInt(s[k].value, 10, 64); err != nil {
			return s, errNotInt
		}
	}
	if n == math.MaxInt64 {
		return s, errTooBig
	}
	s[k] = cell{true, strconv.FormatInt(n+1, 10)}
	return s, ":" + s[k].value
}

// transfer is a command from one key to another.
func (s state) transfer(c *call) (state, string) {
	from, to := c.keys[0], c.keys[1]
	switch {
	case c.name == "COPY" && (!s[from].there || s[to].there):
		return s, ":0"
	case !s[from].there:
		return s, errNoKey
	case c.name == "RENAMENX" && s[to].there:
		return s, ":0"
	}
	value := s[from]
	if c.name != "COPY" {
		s[from] = cell{}
	}
	s[to] = value
	if c.name == "RENAME" {
		return s, "+OK"
	}
	return s, ":1"
}

// many is a command on several keys.
func (s state) many(c *call) (state, string) {
	switch c.name {
	case "DEL", "EXISTS":
		count := 0
		for _, k := range c.keys {
			if s[k].there {
				count++
			}
			if c.name == "DEL" {
				s[k] = cell{}
			}
		}
		return s, fmt.Sprintf(":%d", count)
	case "MGET":
		texts := make([]string, len(c.keys))
		for i, k := range c.keys {
			texts[i] = s[k].text()
		}
		return s, strings.Join(texts, " ")
	case "MSETNX":
		for _, k := range c.keys {
			if s[k].there {
				return s, ":0"
			}
		}
	}
	for i, k := range c.keys {
		s[k] = cell{true, c.values[i]}
	}
	if c.name == "MSETNX" {
		return s, ":1"
	}
	return s, "+OK"
}

func (c cell) text() string {
	if !c.there {
		return nilText
	}
	return strconv.Quote(c.value)
}

// model is the model for the checker. With perKey each operation touches one key
// and histories are taken apart by key.
func model(perKey bool) porcupine.Model {
	m := porcupine.Model{
		Init: func() any { return state{} },
		Step: func(s, in, out any) (bool, any) {
			next, reply := s.(state).step(in.(*call))
			return reply == out.(string), next
		},
		DescribeOperation: func(in, out any) string {
			return fmt.Sprintf("%s %s", strings.Join(in.(*call).words(strconv.Itoa), " "), out)
		},
	}
	if perKey {
		m.Partition = func(history []porcupine.Operation) [][]porcupine.Operation {
			parts := make([][]porcupine.Operation, keyCount)
			for _, op := range history {
				k := op.Input.(*call).keys[0]
				parts[k] = append(parts[k], op)
			}
			return parts
		}
	}
	return m
}
