package sim

import (
	"bytes"
	"fmt"
	"testing"

	"kvorum/repl"
)

// Restarts: a server ends, with or without a word, and begins anew with what a file has of
// its data: all, an older state, or nothing, with or without the name of the history.

// saved is what a file holds.
type saved struct {
	log  []byte
	base int64
	id   string // of the history, "" if the file does not say
	end  int64
}

// save returns a file of the data as they are.
func (n *node) save() *saved {
	return &saved{bytes.Clone(n.log), n.base, n.m.Saved(), n.end()}
}

// restart has node n end, and another one begin in its place with a file, nil for none.
// silent: nobody is told, as when a machine loses its power.
func (w *world) restart(n *node, file *saved, silent bool) *node {
	w.trace = append(w.trace, fmt.Sprintf("%d: %d: restarts at %d, with a file: %v", w.now, n.id, n.end(), file != nil))
	link := n.m.Link()
	for _, c := range n.ordered() {
		if !silent {
			n.closePeer(c.id)
		}
	}
	if !silent {
		n.hangup()
	}
	n.dead, n.up = true, nil
	next := w.newNode(n.id)
	next.fulls = n.fulls
	if link.Host != "" {
		next.m.Follow(link.Host, link.Port)
	}
	if file != nil {
		next.log = bytes.Clone(file.log)
		next.base = -int64(len(file.log)) // a stream that begins here
		if file.id != "" {
			next.base, next.from = file.base, file.end
			next.m.Restore(w.now, file.id, file.end)
		}
	}
	w.nodes[n.id] = next
	next.act()
	w.tick(next)
	return next
}

// TestRestartsUnderFaults: R1 holds, and healed all agree, when servers restart at any
// time with whatever is left of their data.
func TestRestartsUnderFaults(t *testing.T) {
	first, last := uint64(1), uint64(*flagWorlds)
	if *flagSeed != 0 {
		first, last = *flagSeed, *flagSeed
	}
	for seed := first; seed <= last && !t.Failed(); seed++ {
		w := newWorld(t, seed, 2+int(seed%4))
		w.trace = append(w.trace, fmt.Sprint("seed ", seed))
		files := make([]*saved, len(w.nodes))
		for range 150 {
			at := w.rnd.Intn(len(w.nodes))
			switch w.rnd.Intn(12) {
			case 0: // in good order
				files[at] = w.nodes[at].save()
				w.restart(w.nodes[at], files[at], false)
			case 1: // a crash: the file is an old one
				w.restart(w.nodes[at], files[at], w.rnd.Intn(2) == 0)
			case 2: // the log tells no history
				file := w.nodes[at].save()
				file.id = ""
				w.restart(w.nodes[at], file, w.rnd.Intn(2) == 0)
			case 3, 4:
				files[at] = w.nodes[at].save()
			case 5: // the disk is lost
				files[at] = nil
			default:
				w.disturb()
			}
			w.run(int64(w.rnd.Intn(700)))
		}
		w.heal()
	}
}

// TestRestartNeedsNoFullSync: in a chain each server restarts in good order, several times
// over, the master too, while it writes. Whose file tells the history goes on with it, and
// so do those below.
func TestRestartNeedsNoFullSync(t *testing.T) {
	for _, known := range []bool{true, false} {
		w := newWorld(t, 7, 4)
		for i, n := range w.nodes[1:] {
			n.step(repl.ReplicaOf{Host: "node", Port: i, By: "test"})
		}
		w.run(20_000)
		for range 3 {
			for i := range w.nodes {
				w.write(w.nodes[0])
				w.run(3000) // what is written is everywhere
				n := w.nodes[i]
				n.step(repl.Ending{On: true})
				w.run(200)
				file := n.save()
				if !known {
					file.id = ""
				}
				w.restart(n, file, false)
				w.run(500)
				w.write(w.nodes[0])
				w.run(30_000)
			}
		}
		for i, n := range w.nodes {
			// Without history a restart costs the server and all below it a full
			// synchronization each time.
			want := 0
			if i > 0 {
				want = 1
				if !known {
					want += 3 * (i + 1)
				}
			}
			if n.fulls != want {
				w.fail("history known: %v: node %d was given everything %d times, not %d", known, i, n.fulls, want)
			}
			if !bytes.Equal(n.log, w.nodes[0].log) && !bytes.HasPrefix(w.nodes[0].log, n.log) {
				w.fail("node %d differs", i)
			}
		}
	}
}
