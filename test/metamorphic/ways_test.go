package metamorphic

import (
	"fmt"
	"math/rand/v2"
	"strconv"

	"kvorum/resp"
	"kvorum/test/peer"
)

// way is one of the ways in which a stream is done.
type way struct {
	name       string
	loops      int
	thresholds func(r *rand.Rand) []string // pairs of directives and values
	// every is the number of requests after which other thresholds come; 0: never.
	every int
	// multi has requests in transactions.
	multi bool
}

// ways are all of them. The first is what the others are compared with.
var ways = []way{
	{name: "plain", loops: 1, thresholds: defaults},
	{name: "packed", loops: 1, thresholds: packed},
	{name: "spread", loops: 1, thresholds: spread},
	{name: "changing", loops: 1, thresholds: random, every: 40},
	{name: "loops", loops: 3, thresholds: random},
	{name: "multi", loops: 3, thresholds: random, multi: true},
}

// limits are the directives that decide on encodings, with the values of three ways
// and those that are drawn from otherwise.
var limits = []struct {
	name                     string
	normal, packed, unpacked string
	others                   []string
}{
	{"hash-max-listpack-entries", "128", "100000", "0", []string{"1", "2", "5", "20", "512"}},
	{"hash-max-listpack-value", "64", "100000", "0", []string{"1", "5", "20", "63", "65", "300"}},
	{"set-max-intset-entries", "512", "100000", "0", []string{"1", "3", "20", "100"}},
	{"set-max-listpack-entries", "128", "100000", "0", []string{"1", "2", "5", "20", "512"}},
	{"set-max-listpack-value", "64", "100000", "0", []string{"1", "5", "20", "63", "65", "300"}},
	{"zset-max-listpack-entries", "128", "100000", "0", []string{"1", "2", "5", "20", "512"}},
	{"zset-max-listpack-value", "64", "100000", "0", []string{"1", "5", "20", "63", "65", "300"}},
	{"list-max-listpack-size", "-2", "30000", "1", []string{"-1", "-2", "-3", "-4", "-5", "2", "3", "10", "100"}},
	{"list-compress-depth", "0", "0", "1", []string{"0", "1", "2", "5"}},
	{"stream-node-max-bytes", "4096", "0", "1", []string{"30", "100", "1000", "10000"}},
	{"stream-node-max-entries", "100", "0", "1", []string{"2", "3", "10", "1000"}},
}

func defaults(*rand.Rand) (args []string) {
	for _, l := range limits {
		args = append(args, l.name, l.normal)
	}
	return args
}

func packed(*rand.Rand) (args []string) {
	for _, l := range limits {
		args = append(args, l.name, l.packed)
	}
	return args
}

func spread(*rand.Rand) (args []string) {
	for _, l := range limits {
		args = append(args, l.name, l.unpacked)
	}
	return args
}

func random(r *rand.Rand) (args []string) {
	for _, l := range limits {
		args = append(args, l.name, l.others[r.IntN(len(l.others))])
	}
	return args
}

// outcome is what a stream led to.
type outcome struct {
	replies [][]byte
	digest  string
}

// runner does streams in one way.
type runner struct {
	way
	srv   *peer.Server
	admin *peer.Conn
	rand  *rand.Rand
	seen  map[string]bool // encodings of the data that streams have left
}

// run does a stream on an empty server.
func (r *runner) run(seed uint64, ops []op) (o outcome, err error) {
	r.rand = rand.New(rand.NewPCG(seed, 0x77617973))
	if _, err = r.admin.Must("FLUSHALL"); err != nil {
		return o, err
	}
	if err = r.configure(); err != nil {
		return o, err
	}
	var conns [connCount]*peer.Conn
	for i := range conns {
		if conns[i], err = r.srv.Dial(); err != nil {
			return o, err
		}
		defer conns[i].Close()
	}
	for i := 0; i < len(ops); {
		end := r.batchEnd(ops, i)
		replies, err := r.batch(conns[ops[i].conn], ops[i:end])
		if err != nil {
			return o, fmt.Errorf("%s, request %d: %w\n%s", r.name, i, err, r.srv.Log())
		}
		o.replies = append(o.replies, replies...)
		if r.every > 0 && end/r.every > i/r.every {
			if err := r.configure(); err != nil {
				return o, err
			}
		}
		i = end
	}
	v, err := r.admin.Must("DEBUG", "DIGEST")
	if err != nil {
		return o, err
	}
	o.digest = string(v.Str)
	return o, r.look()
}

// look notes the encodings of all values.
func (r *runner) look() error {
	list, err := r.admin.Must("KEYS", "*")
	if err != nil {
		return err
	}
	for _, key := range list.Elems {
		v, err := r.admin.Do("OBJECT", "ENCODING", string(key.Str))
		if err != nil {
			return err
		}
		r.seen[string(v.Str)] = true
	}
	return nil
}

func (r *runner) configure() error {
	_, err := r.admin.Must(append([]string{"CONFIG", "SET"}, r.thresholds(r.rand)...)...)
	return err
}

// batchMax is the number of requests of one connection that are sent at a time, or
// are in one transaction.
const batchMax = 12

// batchEnd returns the end of the batch that begins at request i.
func (r *runner) batchEnd(ops []op, i int) int {
	end := i + 1
	for most := i + 1 + r.rand.IntN(batchMax); end < min(most, len(ops)) && ops[end].conn == ops[i].conn; {
		end++
	}
	return end
}

// batch sends requests and returns a reply for each.
func (r *runner) batch(c *peer.Conn, ops []op) (replies [][]byte, err error) {
	var wire []byte
	if r.multi {
		wire = resp.AppendCommandStrings(wire, "MULTI")
	}
	for i := range ops {
		wire = resp.AppendCommandStrings(wire, ops[i].args...)
	}
	if r.multi {
		wire = resp.AppendCommandStrings(wire, "EXEC")
	}
	if err := c.Send(wire); err != nil {
		return nil, err
	}
	if r.multi {
		return r.execReplies(c, ops)
	}
	for range ops {
		reply, err := c.Reply()
		if err != nil {
			return nil, err
		}
		replies = append(replies, reply)
	}
	return replies, nil
}

// execReplies takes the replies to requests out of the reply to EXEC.
func (r *runner) execReplies(c *peer.Conn, ops []op) (replies [][]byte, err error) {
	for i := range len(ops) + 1 { // MULTI and each request
		reply, err := c.Reply()
		if err != nil {
			return nil, err
		}
		if i > 0 && string(reply) != "+QUEUED\r\n" {
			return nil, fmt.Errorf("%q replied %q", ops[i-1].args, reply)
		}
	}
	all, err := c.Reply()
	if err != nil {
		return nil, err
	}
	head := "*" + strconv.Itoa(len(ops)) + "\r\n"
	if string(all[:min(len(head), len(all))]) != head {
		return nil, fmt.Errorf("EXEC of %d requests replied %.200q", len(ops), all)
	}
	for all = all[len(head):]; len(all) > 0; {
		n, err := peer.Span(all)
		if err != nil || n == 0 {
			return nil, fmt.Errorf("EXEC: %q %v", all, err)
		}
		replies = append(replies, all[:n:n])
		all = all[n:]
	}
	return replies, nil
}
