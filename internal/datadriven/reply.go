package datadriven

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// node is one RESP value. Lines in wire order: head, payload, kids.
type node struct {
	head    []byte // first line without CRLF, type byte included
	payload []byte // of $ = !
	hasBody bool   // payload is a line of its own
	kids    []node
}

// depthMax bounds nesting, so that bad input cannot exhaust the stack.
const depthMax = 128

// errIncomplete: the bytes end inside a reply.
var errIncomplete = errors.New("datadriven: the reply is cut off")

// decode reads one reply and returns what follows it. An attribute and the
// reply it belongs to count as one.
func decode(b []byte) (node, []byte, error) { return decodeAt(b, 0) }

func decodeAt(b []byte, depth int) (node, []byte, error) {
	end := bytes.Index(b, []byte("\r\n"))
	if end < 0 {
		return node{}, nil, errIncomplete
	}
	if end == 0 || depth > depthMax {
		return node{}, nil, fmt.Errorf("datadriven: not a reply: %s", escape(b[:min(len(b), 64)]))
	}
	n := node{head: b[:end]}
	rest := b[end+2:]
	switch b[0] {
	case '+', '-', ':', '_', ',', '#', '(':
		return n, rest, nil
	case '$', '=', '!':
		return decodeBulk(n, rest)
	case '*', '~', '>', '%', '|':
		return decodeAggregate(n, rest, depth)
	}
	return node{}, nil, fmt.Errorf("datadriven: unknown reply type in %s", escape(n.head))
}

func decodeBulk(n node, rest []byte) (node, []byte, error) {
	size, err := strconv.Atoi(string(n.head[1:]))
	switch {
	case err != nil || size < -1:
		return node{}, nil, fmt.Errorf("datadriven: bad length in %s", escape(n.head))
	case size == -1:
		return n, rest, nil
	case len(rest) < size+2:
		return node{}, nil, errIncomplete
	case rest[size] != '\r' || rest[size+1] != '\n':
		return node{}, nil, fmt.Errorf("datadriven: no CRLF after the payload of %s", escape(n.head))
	}
	n.payload, n.hasBody = rest[:size], true
	return n, rest[size+2:], nil
}

func decodeAggregate(n node, rest []byte, depth int) (node, []byte, error) {
	count, err := strconv.Atoi(string(n.head[1:]))
	if err != nil || count < -1 {
		return node{}, nil, fmt.Errorf("datadriven: bad count in %s", escape(n.head))
	}
	switch n.head[0] {
	case '%':
		count *= 2
	case '|':
		count = count*2 + 1 // and the reply that carries the attribute
	}
	for i := 0; i < count; i++ {
		var kid node
		if kid, rest, err = decodeAt(rest, depth+1); err != nil {
			return node{}, nil, err
		}
		n.kids = append(n.kids, kid)
	}
	return n, rest, nil
}

// appendLines renders the value, a line each for heads and payloads.
func (n *node) appendLines(dst []string) []string {
	dst = append(dst, escape(n.head))
	if n.hasBody {
		dst = append(dst, escapePayload(n.payload))
	}
	for i := range n.kids {
		dst = n.kids[i].appendLines(dst)
	}
	return dst
}

// sortKids orders the elements of aggregates without aggregates inside; maps,
// and with pairs every list of even length, keep pairs together.
func (n *node) sortKids(pairs bool) {
	inner := len(n.kids) > 1 && n.head[0] != '|'
	for i := range n.kids {
		n.kids[i].sortKids(pairs)
		inner = inner && len(n.kids[i].kids) == 0
	}
	if !inner {
		return
	}
	step := 1
	if n.head[0] == '%' || pairs && len(n.kids)%2 == 0 {
		step = 2
	}
	type item struct {
		key  string
		kids []node
	}
	var items []item
	for group := range slices.Chunk(n.kids, step) {
		var lines []string
		for i := range group {
			lines = group[i].appendLines(lines)
		}
		items = append(items, item{strings.Join(lines, "\n"), slices.Clone(group)})
	}
	slices.SortStableFunc(items, func(a, b item) int { return strings.Compare(a.key, b.key) })
	for i, it := range items {
		copy(n.kids[i*step:], it.kids)
	}
}

// escapePayload is escape with a visible form of the empty payload.
func escapePayload(b []byte) string {
	switch string(b) {
	case "":
		return `""`
	case `""`:
		return `\x22\x22`
	}
	return escape(b)
}

// escape renders bytes as one line of printable ASCII without blanks at its ends.
// Different bytes give different lines.
func escape(b []byte) string {
	out := make([]byte, 0, len(b))
	for i, c := range b {
		switch {
		case c == '\\':
			out = append(out, `\\`...)
		case c == '\r':
			out = append(out, `\r`...)
		case c == '\n':
			out = append(out, `\n`...)
		case c == '\t':
			out = append(out, `\t`...)
		case c < ' ' || c > '~' || c == ' ' && (i == 0 || i == len(b)-1):
			out = fmt.Appendf(out, `\x%02x`, c)
		default:
			out = append(out, c)
		}
	}
	return string(out)
}
