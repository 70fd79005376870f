package sim

import (
	"bytes"
	"container/heap"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"kvorum/repl"
	"kvorum/rng"
)

var (
	flagSeed   = flag.Uint64("seed", 0, "the one world to run; 0: many")
	flagWorlds = flag.Int("worlds", 300, "how many worlds")
)

const (
	tickMs     = 100
	reachBytes = 400 // of the stream that stay in reach
	delayMost  = 60
	resendMs   = 50
	payloadMs  = 300 // that a snapshot takes at most
	lostMost   = 60  // bytes of a log
)

// item is something that happens at a time.
type item struct {
	at, seq int64
	run     func()
}

type agenda []item

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	return a[i].at < a[j].at || a[i].at == a[j].at && a[i].seq < a[j].seq
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(item)) }
func (a *agenda) Pop() any {
	last := len(*a) - 1
	x := (*a)[last]
	*a = (*a)[:last]
	return x
}

// world is one deployment.
type world struct {
	t     *testing.T
	rnd   *rng.Rand
	now   int64
	seq   int64
	todo  agenda
	nodes []*node
	cut   map[[2]int]bool // pairs that cannot reach each other
	conns repl.PeerID
	trace []string
}

// node is a server: its machine, its stream, which stands for its data, and its
// connections.
type node struct {
	w    *world
	id   int
	m    *repl.Machine
	log  []byte // the data: everything that was ever applied
	base int64  // offset of log[0]
	kept bool
	from int64 // where the stream in reach begins at least
	past []name

	up        *conn // to the master
	pending   *payload
	receive   bool
	peers     map[repl.PeerID]*conn
	fulls     int
	snapshots map[uint64]*payload
	dead      bool // another node has taken its place
}

// name is that of the history that a server's stream is of from an offset on, "" if that
// is not known.
type name struct {
	from int64
	id   string
}

type payload struct {
	log        []byte
	base, from int64
}

// conn is a connection of a replica with its master. Each end sees it go by itself.
type conn struct {
	id                  repl.PeerID
	replica, master     *node
	replicaUp, masterUp bool
	up, down            direction
	sent                int64
	streaming           bool
}

// direction is what is on its way to one end of a connection.
type direction struct {
	queue []item
	last  int64 // when the last of it arrives
}

func (w *world) after(ms int64, run func()) {
	w.seq++
	heap.Push(&w.todo, item{w.now + ms, w.seq, run})
}

func (w *world) reaches(a, b *node) bool {
	return !a.dead && !b.dead && !w.cut[[2]int{min(a.id, b.id), max(a.id, b.id)}]
}

func (w *world) delay() int64 { return 1 + int64(w.rnd.Intn(delayMost)) }

func (n *node) end() int64 { return n.base + int64(len(n.log)) }

func (n *node) view() repl.View {
	start := max(n.from, n.end()-reachBytes)
	return repl.View{Start: start, End: n.end(), Synced: -1}
}

// step gives the machine an event and does what it says.
func (n *node) step(e repl.Event) {
	n.m.Step(n.w.now, n.view(), e)
	n.act()
}

func (n *node) act() {
	// What actions cause comes later, never from within.
	id := n.m.Saved()
	n.note(id)
	for _, a := range n.m.Ready() {
		n.do(a)
		if _, ok := a.(repl.Adopt); ok {
			n.past = nil // a log of these data begins here
			n.note(id)
		}
	}
	n.m.Advance()
	n.m.Settled()
}

// note writes down the name of the history, as in a log.
func (n *node) note(id string) {
	if k := len(n.past); k == 0 || n.past[k-1].id != id {
		n.past = append(n.past, name{n.end(), id})
	}
}

// restartFromLog ends a server and starts it from its log, whose end may be lost. It goes on
// with the history that the log is of there.
func (w *world) restartFromLog(n *node) {
	for _, c := range n.ordered() {
		n.closePeer(c.id)
	}
	n.hangup()
	lost := int64(0)
	if w.rnd.Intn(2) == 0 && len(n.past) > 0 {
		lost = min(int64(w.rnd.Intn(lostMost)), n.end()-n.past[0].from)
	}
	n.log = n.log[:int64(len(n.log))-lost]
	id := ""
	for _, p := range n.past {
		if p.from <= n.end() {
			id = p.id
		}
	}
	w.trace = append(w.trace, fmt.Sprintf("%d: %d: restart at %d of %q, %d bytes lost", w.now, n.id, n.end(), id, lost))
	link := n.m.Link()
	n.m = repl.New(w.config(n.id), w.newID)
	n.snapshots, n.kept = map[uint64]*payload{}, false
	if link.Host != "" {
		n.m.Follow(link.Host, link.Port)
	}
	if id == "" {
		n.base, n.past = -int64(len(n.log)), nil
		return
	}
	n.past = []name{{n.end(), id}}
	n.m.Restore(w.now, id, n.end())
	n.kept, n.from = true, max(n.base, n.end()-int64(w.rnd.Intn(reachBytes)))
}

func (n *node) do(a repl.Action) {
	w := n.w
	switch a := a.(type) {
	case repl.Log:
		w.trace = append(w.trace, fmt.Sprintf("%d: %d: %s", w.now, n.id, a.Text))
	case repl.KeepStream:
		if !n.kept {
			n.kept, n.from = true, n.end()
		}
	case repl.ForgetStream:
		n.kept = false
	case repl.Dial:
		n.dial(w.nodes[a.Port])
	case repl.Hangup:
		n.hangup()
	case repl.Send:
		n.request(a.Args)
	case repl.Receive:
		n.receive = true
		n.takePayload()
	case repl.Adopt:
		p := n.pending
		if p.from != a.Offset {
			w.fail("node %d adopts offset %d of a payload made at %d", n.id, a.Offset, p.from)
		}
		n.log, n.base, n.from = bytes.Clone(p.log), p.base, a.Offset
		n.fulls++
		n.pending = nil
	case repl.Discard:
		n.pending = nil
	case repl.Apply, repl.RoleChanged, repl.PauseWrites, repl.ResumeWrites, repl.StopSnapshot, repl.FreeSnapshot, repl.AcksChanged:
	case repl.Reply:
		if c := n.peers[a.Peer]; c != nil {
			for line := range strings.SplitSeq(strings.TrimSuffix(a.Text, "\n"), "\n") {
				n.reply(c, strings.TrimSuffix(line, "\r"))
			}
		}
	case repl.Refuse:
		if c := n.peers[a.Peer]; c != nil {
			for line := range strings.SplitSeq(strings.TrimSuffix(a.Text, "\n"), "\n") {
				n.reply(c, strings.TrimSuffix(line, "\r"))
			}
		}
	case repl.Stream:
		if c := n.peers[a.Peer]; c != nil {
			c.streaming, c.sent = true, a.From
			n.pump(c)
		}
	case repl.Drop:
		n.closePeer(a.Peer)
	case repl.TakeSnapshot:
		n.snapshot(a.Snapshot)
	case repl.GiveSnapshot:
		n.give(a)
	case repl.Control:
		n.append([]byte("~"))
	default:
		w.fail("unknown action %T", a)
	}
}

// dial connects to another server.
func (n *node) dial(to *node) {
	w := n.w
	w.conns++
	c := &conn{id: w.conns, replica: n, master: to}
	n.up = c
	w.after(w.delay(), func() {
		if n.up != c {
			return
		}
		if !w.reaches(n, to) {
			n.up = nil
			n.step(repl.LinkDown{Reason: "Connection refused"})
			return
		}
		c.replicaUp, c.masterUp = true, true
		to.peers[c.id] = c
		n.step(repl.LinkUp{})
	})
}

// hangup closes the replica's end.
func (n *node) hangup() {
	c := n.up
	n.up, n.receive, n.pending = nil, false, nil
	if c != nil {
		c.replicaUp = false
		n.w.after(n.w.delay(), func() { c.master.lose(c) })
	}
}

// lose ends the master's end of a connection.
func (n *node) lose(c *conn) {
	if c.masterUp && n.peers[c.id] == c {
		c.masterUp = false
		delete(n.peers, c.id)
		n.step(repl.PeerGone{Peer: c.id})
	}
}

// closePeer closes the master's end.
func (n *node) closePeer(id repl.PeerID) {
	c := n.peers[id]
	if c == nil {
		return
	}
	c.masterUp = false
	delete(n.peers, id)
	n.w.after(n.w.delay(), func() { c.replica.linkLost(c) })
}

func (n *node) linkLost(c *conn) {
	if n.up == c && c.replicaUp {
		c.replicaUp = false
		n.up, n.receive, n.pending = nil, false, nil
		n.step(repl.LinkDown{Reason: "closed"})
	}
}

// request carries a request of the replica to its master.
func (n *node) request(args []string) {
	if c := n.up; c != nil {
		n.w.carry(c, &c.up, func() {
			if c.masterUp {
				c.master.serve(c, args)
			}
		})
	}
}

// carry brings a message over one direction of a connection. Nothing overtakes, and
// what cannot pass waits, as in TCP.
func (w *world) carry(c *conn, d *direction, run func()) {
	d.last = max(d.last, w.now+w.delay())
	d.queue = append(d.queue, item{at: d.last, run: run})
	w.after(d.last-w.now, func() { w.arrive(c, d) })
}

func (w *world) arrive(c *conn, d *direction) {
	for len(d.queue) > 0 && d.queue[0].at <= w.now {
		if c.replica.dead || c.master.dead {
			return
		}
		if !w.reaches(c.replica, c.master) {
			w.after(resendMs, func() { w.arrive(c, d) })
			return
		}
		it := d.queue[0]
		d.queue = d.queue[1:]
		it.run()
	}
}

// serve answers as the commands of a server do.
func (n *node) serve(c *conn, args []string) {
	switch args[0] {
	case "PING":
		n.reply(c, "+PONG")
	case "REPLCONF":
		if args[1] == "ACK" {
			offset, _ := strconv.ParseInt(args[2], 10, 64)
			n.step(repl.Ack{Peer: c.id, Offset: offset, Synced: -1})
			return
		}
		n.reply(c, "+OK")
	case "PSYNC":
		offset, _ := strconv.ParseInt(args[2], 10, 64)
		info := repl.PeerInfo{Addr: fmt.Sprintf("node%d:1", c.replica.id), IP: "node", Port: c.replica.id, EOF: true, PSYNC2: true}
		n.step(repl.Psync{Peer: c.id, Info: info, ID: args[1], Offset: offset, Failover: len(args) > 3})
	}
}

// deliver carries something from the master to its replica, in order.
func (n *node) deliver(c *conn, run func()) {
	n.w.carry(c, &c.down, func() {
		if c.replicaUp && c.replica.up == c {
			run()
		}
	})
}

func (n *node) reply(c *conn, line string) {
	n.deliver(c, func() { c.replica.step(repl.LinkLine{Line: line}) })
}

// snapshot makes one. What it holds is what there is now.
func (n *node) snapshot(number uint64) {
	w := n.w
	p, m := &payload{log: bytes.Clone(n.log), base: n.base, from: n.end()}, n.m
	w.after(0, func() {
		if n.m != m {
			return // it was restarted
		}
		if n.end() != p.from { // the cut is made at once or not at all
			p.log, p.from = bytes.Clone(n.log), n.end()
		}
		n.snapshots[number] = p
		n.step(repl.SnapshotBegun{Snapshot: number, Offset: p.from})
		w.after(int64(w.rnd.Intn(payloadMs)), func() {
			if n.m == m {
				n.step(repl.SnapshotEnded{Snapshot: number, OK: w.rnd.Intn(20) > 0})
			}
		})
	})
}

// give sends a payload.
func (n *node) give(a repl.GiveSnapshot) {
	c, w := n.peers[a.Peer], n.w
	if c == nil {
		return
	}
	p := n.snapshots[a.Snapshot]
	n.reply(c, "$EOF:"+repl.NoID)
	w.after(int64(w.rnd.Intn(payloadMs)), func() {
		if c.masterUp {
			n.deliver(c, func() {
				c.replica.pending = p
				c.replica.takePayload()
			})
			n.step(repl.PayloadSent{Peer: c.id})
		}
	})
}

// takePayload loads what has come, once the machine wants it.
func (n *node) takePayload() {
	if !n.receive || n.pending == nil {
		return
	}
	n.receive = false
	n.w.after(0, func() {
		if n.pending != nil {
			n.step(repl.Loaded{OK: true, Keys: int64(len(n.pending.log)), Kept: int64(len(n.log))})
		}
	})
}

// append adds to the stream of a master and hands it on.
func (n *node) append(b []byte) {
	n.log = append(n.log, b...)
	for _, c := range n.ordered() {
		n.pump(c)
	}
}

// ordered returns the connections of replicas in a fixed order.
func (n *node) ordered() (list []*conn) {
	for id := repl.PeerID(1); id <= n.w.conns; id++ {
		if c := n.peers[id]; c != nil {
			list = append(list, c)
		}
	}
	return list
}

// pump sends a replica what is new.
func (n *node) pump(c *conn) {
	if !c.streaming || c.sent >= n.end() {
		return
	}
	at := c.sent
	data := bytes.Clone(n.log[at-n.base:])
	c.sent = n.end()
	n.deliver(c, func() { c.replica.apply(c, at, data) })
}

// apply takes a piece of stream. R1: it is the next, and leads to a prefix of what the
// master has.
func (n *node) apply(c *conn, at int64, data []byte) {
	if n.m.Link().State != repl.LinkConnected {
		return // as bytes that come behind a Hangup
	}
	if at != n.end() {
		n.w.fail("node %d at %d gets the stream of node %d at %d", n.id, n.end(), c.master.id, at)
	}
	n.step(repl.LinkActive{})
	n.append(data)
	theirs := c.master.log
	if c.master.base != n.base || len(theirs) < len(n.log) || !bytes.Equal(theirs[:len(n.log)], n.log) {
		// The master may have been given other data since it sent this.
		if c.masterUp {
			n.w.fail("the data of node %d are no prefix of those of node %d", n.id, c.master.id)
		}
	}
}

func (w *world) fail(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("at %d ms: %s\n%s", w.now, fmt.Sprintf(format, args...), strings.Join(w.trace[max(0, len(w.trace)-60):], "\n"))
}

func newWorld(t *testing.T, seed uint64, size int) *world {
	w := &world{t: t, rnd: rng.New(seed), cut: map[[2]int]bool{}}
	for i := range size {
		n := w.newNode(i)
		w.nodes = append(w.nodes, n)
		w.tick(n)
	}
	return w
}

func (w *world) config(i int) repl.Config {
	return repl.Config{
		Port: i, DisklessSync: true, DisklessDelay: int64(w.rnd.Intn(3)) * 500, PingPeriod: 1000, Timeout: 5000, BacklogTTL: 20_000, MaxLag: 10_000,
	}
}

// newNode returns a server without data.
func (w *world) newNode(id int) *node {
	n := &node{w: w, id: id, peers: map[repl.PeerID]*conn{}, snapshots: map[uint64]*payload{}}
	n.m = repl.New(w.config(id), w.newID)
	return n
}

func (w *world) newID() string {
	return fmt.Sprintf("%016x%024x", w.rnd.Uint64(), w.rnd.Uint64())
}

func (w *world) tick(n *node) {
	w.after(tickMs, func() {
		if n.dead {
			return
		}
		n.m.Tick(w.now, n.view())
		n.act()
		w.tick(n)
	})
}

// run lets time pass.
func (w *world) run(ms int64) {
	for end := w.now + ms; len(w.todo) > 0 && w.todo[0].at <= end; {
		it := heap.Pop(&w.todo).(item)
		w.now = it.at
		it.run()
	}
}

// write adds to the data of a server that is a master.
func (w *world) write(n *node) {
	if !n.m.IsReplica() {
		n.append(fmt.Appendf(nil, "%c", 'a'+n.id))
	}
}

// disturb does something at random.
func (w *world) disturb() {
	a, b := w.rnd.Intn(len(w.nodes)), w.rnd.Intn(len(w.nodes))
	switch w.rnd.Intn(9) {
	case 0:
		if a != b {
			w.cut[[2]int{min(a, b), max(a, b)}] = true
		}
	case 1, 2:
		clear(w.cut)
	case 3:
		w.nodes[a].step(repl.NoOne{By: "test"})
	case 4:
		if a != b && !w.above(b, a) {
			w.nodes[a].step(repl.ReplicaOf{Host: "node", Port: b, By: "test"})
		}
	case 6:
		w.restartFromLog(w.nodes[a])
	case 5:
		if c := w.nodes[a].up; c != nil && c.replicaUp {
			w.nodes[a].linkLost(c)
			w.after(w.delay(), func() { c.master.lose(c) })
		}
	default:
		for range w.rnd.Intn(40) {
			w.write(w.nodes[a])
		}
	}
}

// above reports whether node a is a replica, however far, of node b.
func (w *world) above(a, b int) bool {
	for range w.nodes {
		if a == b {
			return true
		}
		l := w.nodes[a].m.Link()
		if l.Host == "" {
			return false
		}
		a = l.Port
	}
	return true
}

// TestReplicationUnderFaults: whatever happens, R1 holds; healed, all agree.
func TestReplicationUnderFaults(t *testing.T) {
	first, last := uint64(1), uint64(*flagWorlds)
	if *flagSeed != 0 {
		first, last = *flagSeed, *flagSeed
	}
	fulls := 0
	for seed := first; seed <= last && !t.Failed(); seed++ {
		w := newWorld(t, seed, 2+int(seed%4))
		w.trace = append(w.trace, fmt.Sprint("seed ", seed))
		for range 150 {
			w.disturb()
			w.run(int64(w.rnd.Intn(700)))
		}
		w.heal()
		for _, n := range w.nodes {
			fulls += n.fulls
		}
	}
	t.Logf("worlds %d to %d: %d full synchronizations", first, last, fulls)
}

// heal ends all cuts and puts all servers below node 0, in chains: then all come to have
// the same data.
func (w *world) heal() {
	clear(w.cut)
	w.nodes[0].step(repl.NoOne{By: "test"})
	for i, n := range w.nodes[1:] {
		to := w.rnd.Intn(i + 1)
		if l := n.m.Link(); l.Host == "" || l.Port != to {
			n.step(repl.NoOne{By: "test"})
			n.step(repl.ReplicaOf{Host: "node", Port: to, By: "test"})
		}
	}
	w.run(60_000)
	w.write(w.nodes[0])
	least := len(w.nodes[0].log)
	w.run(5000)
	for _, n := range w.nodes {
		if len(n.log) < least || !bytes.HasPrefix(w.nodes[0].log, n.log) {
			w.fail("node %d has %d bytes, node 0 %d; link %+v", n.id, len(n.log), len(w.nodes[0].log), n.m.Link())
		}
	}
}
