// Package driver carries out what the machine of package repl decides: it owns the
// machine and the connection to the master, and asks the server, a Node, for the rest.
//
//	commands, connections of replicas ─► Post ─► run ─► machine ─► actions ─► Node
//	link: bytes from the master ─────────┘
//
// Goroutines: run, which alone touches the machine under the mutex and carries out
// actions in order; one for the link to the master, while there is one.
//
// Who may call it: Post, Ask and Call from any goroutine, Call from none that is in a
// batch of the engine or holds a lock, for it waits for the actions. Methods of Node
// are called by run or by the link's goroutine, as each says; they may wait for the
// gate.
//
// I1: actions are carried out in the order of the machine, one at a time. I2: after
// Hangup nothing more of that connection reaches the Node.
package driver

import (
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"kvorum/logx"
	"kvorum/repl"
)

// Node is the server, as replication needs it.
type Node interface {
	// View returns the state of the stream and the data.
	View() repl.View
	// NowMs returns a monotonic time in milliseconds.
	NowMs() int64
	Log(level logx.Level, text string)

	// Reply, Refuse, Stream and Drop, StopSnapshot and FreeSnapshot below are the actions of the same names, for connections of
	// replicas.
	Reply(peer repl.PeerID, text string)
	Refuse(peer repl.PeerID, text string)
	Stream(peer repl.PeerID, from int64)
	Drop(peer repl.PeerID)
	// TakeSnapshot begins one, of what the filter lets through; begun and ended are called later, by any goroutine,
	// begun at most once, ended exactly once.
	TakeSnapshot(number uint64, filter string, begun func(offset int64), ended func(ok bool))
	// GiveSnapshot sends it to a replica and calls sent when that is done.
	GiveSnapshot(peer repl.PeerID, number uint64, eof bool, sent func())
	StopSnapshot(number uint64)
	FreeSnapshot(number uint64)
	Control(args []string)
	AcksChanged()
	KeepStream()
	// Configured follows a change of the configuration; kept tells whether the stream is
	// recorded for replicas. Stopped is called at the end of Run.
	Configured(kept bool)
	Stopped()
	ForgetStream()

	// Load reads a snapshot from r and keeps it beside the data, by the link's
	// goroutine. alive is to be called now and then while that takes time. It returns
	// the number of keys loaded and of those that there are.
	Load(r io.Reader, size int64, alive func()) (keys, kept int64, err error)
	// Adopt brings what Load made into use, at an offset of the stream.
	Adopt(offset int64)
	// Discard throws it away.
	Discard()
	// Apply executes the whole commands at the start of a piece of the master's stream,
	// adds them to this server's own, and returns how many bytes that were. asked
	// reports that the master wants an acknowledgement. It may leave off as Hold says.
	// By the link's goroutine.
	Apply(stream []byte) (used int, asked bool, err error)
	// Hold reports whether the stream has to wait before it is executed, of which so many
	// bytes have been read and not been executed. By the link's goroutine.
	Hold(waiting int) bool
	// BeginApply and EndApply are called before the first and after the last Apply of a
	// connection, which may be closed at any time, but is the driver's otherwise.
	BeginApply(conn net.Conn)
	EndApply()

	// HistoryChanged tells the name of the history that this server's stream is of from
	// its end on, "" if the data are no known state of any, before anything follows that
	// comes of the change.
	HistoryChanged(id string)

	PauseWrites()
	ResumeWrites()
	RoleChanged(replica bool)
}

// tickTime is the time between Ticks of the machine.
const tickTime = 100 * time.Millisecond

// Driver runs a machine.
type Driver struct {
	node Node

	mu      sync.Mutex // guards what follows
	machine *repl.Machine
	queue   []posted

	wake  chan struct{}
	ended chan struct{} // closed when run has ended
	link  *link         // run's own
	told  string        // likewise: by HistoryChanged
	dial  Dialer
}

type posted struct {
	event repl.Event
	link  *link         // it came from: void if that is not the one in use; nil: from elsewhere
	done  chan struct{} // closed when its actions are carried out; may be nil
}

// New returns a driver of a machine. Run starts it.
func New(machine *repl.Machine, node Node, dial Dialer) *Driver {
	return &Driver{machine: machine, node: node, dial: dial, wake: make(chan struct{}, 1), ended: make(chan struct{})}
}

// Post gives the machine an event, soon.
func (d *Driver) Post(e repl.Event) { d.post(posted{event: e}) }

// Call gives the machine an event and waits until its actions are carried out, or until
// the driver has ended.
func (d *Driver) Call(e repl.Event) {
	done := make(chan struct{})
	d.post(posted{event: e, done: done})
	select {
	case <-done:
	case <-d.ended:
	}
}

// Sync waits until all that was posted before has been carried out.
func (d *Driver) Sync() { d.Call(nil) }

// Ask lets fn look at the machine. It must not change it, nor wait for anything.
func (d *Driver) Ask(fn func(m *repl.Machine)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	fn(d.machine)
}

// Prepare lets fn change the machine in a way that leads to no actions at once.
func (d *Driver) Prepare(fn func(m *repl.Machine)) { d.Ask(fn) }

func (d *Driver) post(p posted) {
	d.mu.Lock()
	d.queue = append(d.queue, p)
	d.mu.Unlock()
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// Run carries out events until stop is closed; then it ends the link.
func (d *Driver) Run(stop <-chan struct{}) {
	defer close(d.ended)
	tick := time.NewTicker(tickTime)
	defer tick.Stop()
	d.carryOut(nil)
	for {
		select {
		case <-stop:
			d.hangup()
			d.node.Stopped()
			return
		case <-tick.C:
			view, now := d.node.View(), d.node.NowMs()
			d.mu.Lock()
			d.machine.Tick(now, view)
			d.mu.Unlock()
			d.carryOut(nil)
		case <-d.wake:
			d.drain()
		}
	}
}

// drain gives the machine what is queued.
func (d *Driver) drain() {
	for {
		d.mu.Lock()
		if len(d.queue) == 0 {
			d.mu.Unlock()
			return
		}
		p := d.queue[0]
		d.queue = d.queue[1:]
		d.mu.Unlock()
		if p.event != nil && (p.link == nil || p.link == d.link) {
			d.step(p.event)
		}
		if p.done != nil {
			close(p.done)
		}
	}
}

func (d *Driver) step(e repl.Event) {
	if _, ok := e.(repl.NoOne); ok {
		d.hangup() // the history begun with this event is to begin where the stream ends
	}
	view, now := d.node.View(), d.node.NowMs()
	d.mu.Lock()
	if _, ok := e.(askedAck); ok {
		d.machine.AckNow(now, view)
	} else {
		d.machine.Step(now, view, e)
	}
	kept := d.machine.Kept()
	d.mu.Unlock()
	d.carryOut(nil)
	if _, ok := e.(repl.Configured); ok {
		d.node.Configured(kept)
	}
}

// carryOut does what the machine has decided. Only run changes the machine, so its
// actions stay while the mutex is free.
func (d *Driver) carryOut(actions []repl.Action) {
	d.mu.Lock()
	actions = append(actions, d.machine.Ready()...)
	d.machine.Advance()
	id := d.machine.Saved()
	d.mu.Unlock()
	if slices.ContainsFunc(actions, adopts) {
		d.tell("") // until the data are there that it is the history of
	} else {
		d.tell(id)
	}
	for _, a := range actions {
		d.do(a)
		if adopts(a) {
			d.tell(id)
		}
	}
	if len(actions) > 0 {
		d.mu.Lock()
		d.machine.Settled()
		d.mu.Unlock()
	}
}

func adopts(a repl.Action) bool {
	_, ok := a.(repl.Adopt)
	return ok
}

func (d *Driver) tell(id string) {
	if id != d.told {
		d.told = id
		d.node.HistoryChanged(id)
	}
}

func (d *Driver) do(a repl.Action) {
	n := d.node
	switch a := a.(type) {
	case repl.Log:
		n.Log(a.Level, a.Text)
	case repl.Reply:
		n.Reply(a.Peer, a.Text)
	case repl.Refuse:
		n.Refuse(a.Peer, a.Text)
	case repl.Stream:
		n.Stream(a.Peer, a.From)
	case repl.Drop:
		n.Drop(a.Peer)
	case repl.TakeSnapshot:
		n.TakeSnapshot(a.Snapshot, a.Filter, func(offset int64) {
			d.Post(repl.SnapshotBegun{Snapshot: a.Snapshot, Offset: offset})
		}, func(ok bool) { d.Post(repl.SnapshotEnded{Snapshot: a.Snapshot, OK: ok}) })
	case repl.GiveSnapshot:
		n.GiveSnapshot(a.Peer, a.Snapshot, a.EOF, func() { d.Post(repl.PayloadSent{Peer: a.Peer}) })
	case repl.StopSnapshot:
		n.StopSnapshot(a.Snapshot)
	case repl.FreeSnapshot:
		n.FreeSnapshot(a.Snapshot)
	case repl.Control:
		n.Control(a.Command)
	case repl.AcksChanged:
		n.AcksChanged()
	case repl.KeepStream:
		n.KeepStream()
	case repl.ForgetStream:
		n.ForgetStream()
	case repl.PauseWrites:
		n.PauseWrites()
	case repl.ResumeWrites:
		n.ResumeWrites()
	case repl.RoleChanged:
		n.RoleChanged(a.Replica)
	default:
		d.doLink(a)
	}
}
