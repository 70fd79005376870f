package interop

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"kvorum/test/peer"
)

// Masters and replicas of both kinds, in networks between which packets get lost, are
// late or go one way only.
//
//	KVORUM_CHAOS=N   each trouble N times in a row; `make chaos`

const (
	lossPermil = 50
	lateBy     = 200 * time.Millisecond
	writesEach = 400 // requests to each master at least for which a trouble lasts
)

// troubles are what links have to survive. round is called with the links up, under a
// load of writes to the masters.
var troubles = []struct {
	name    string
	timeout string         // repl-timeout, in seconds
	from    func(a *apart) // what is so from the first synchronization on, or nil
	round   func(*testing.T, *apart)
}{
	{"partition", "2", nil, partition},
	{"half-open", "2", nil, halfOpen},
	{"loss", "30", (*apart).lossy, throughLoss},
	{"delay", "30", (*apart).late, throughDelay},
}

// apart are masters in one network with their replicas in another.
type apart struct {
	*network
	pairs []*pair
}

type pair struct {
	m, r *server
	l    *writing // what writes to the master
}

// TestChaos: whatever happens to the packets between a master and its replica, the
// replica has the master's data soon after, and never needs them twice.
func TestChaos(t *testing.T) {
	rounds := chaosRounds(t)
	for _, trouble := range troubles {
		t.Run(trouble.name, func(t *testing.T) {
			t.Parallel() // mostly waiting
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			a := &apart{network: newNetwork(t, seed)}
			for _, ours := range [][2]bool{{true, true}, {false, true}, {true, false}} {
				p := &pair{m: a.start(t, 0, ours[0], trouble.timeout), r: a.start(t, 1, ours[1], trouble.timeout)}
				before := load(t, p.m, seed, 1)
				before.more(t, writesEach)
				before.stop()
				a.pairs = append(a.pairs, p)
			}
			if trouble.from != nil {
				trouble.from(a)
			}
			for _, p := range a.pairs {
				p.r.do(t, "REPLICAOF", a.host(0), strconv.Itoa(p.m.port))
			}
			a.up(t)
			for round := range rounds {
				for i, p := range a.pairs {
					p.l = load(t, p.m, seed+uint64(1+round*len(a.pairs)+i), 1)
				}
				trouble.round(t, a)
				for _, p := range a.pairs {
					p.l.stop()
				}
				a.healed(t)
			}
			for i := range a.ways {
				lost, passed := a.ways[i].lost.Load(), a.ways[i].passed.Load()
				t.Logf("from %s: %d packets lost of %d", a.host(i), lost, lost+passed)
			}
		})
	}
}

// chaosRounds is how often each trouble comes.
func chaosRounds(t *testing.T) int {
	text := os.Getenv("KVORUM_CHAOS")
	if text == "" {
		return 1
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("KVORUM_CHAOS=%s is not a number of rounds", text)
	}
	return n
}

// start runs a server in a network.
func (a *apart) start(t *testing.T, i int, ours bool, timeout string) *server {
	t.Helper()
	under := func(t testing.TB, args ...string) *peer.Server {
		return peer.StartUnder(t, []string{"ip", "netns", "exec", a.names[i]}, ours, args...)
	}
	return startNode(t, under, "--protected-mode", "no", "--repl-backlog-size", "64mb", "--repl-timeout", timeout)
}

// up waits until all links are up.
func (a *apart) up(t *testing.T) {
	t.Helper()
	for _, p := range a.pairs {
		p.r.await(t, "master_link_status", "up")
	}
}

// down waits until both ends of all links have noticed.
func (a *apart) down(t *testing.T) {
	t.Helper()
	for _, p := range a.pairs {
		p.m.await(t, "connected_slaves", "0")
		p.r.await(t, "master_link_status", "down")
	}
}

// more waits until each master has had more writes.
func (a *apart) more(t *testing.T) {
	t.Helper()
	for _, p := range a.pairs {
		p.l.more(t, writesEach)
	}
}

// healed ends the trouble and checks what has to be true after each: the link is up,
// the data are the same, the lag is gone and so are links that died, and there was no
// second full synchronization.
func (a *apart) healed(t *testing.T) {
	t.Helper()
	a.both(func(w *way) {
		w.permil.Store(0)
		w.delay.Store(0)
		w.blocked.Store(false)
	})
	a.up(t)
	for _, p := range a.pairs {
		inStep(t, p.m, p.r)
		p.m.await(t, "connected_slaves", "1")
		until(t, "that "+p.m.String()+" knows that nothing is missing", func() bool {
			line := p.m.info(t, "slave0") + ","
			return strings.Contains(line, ",state=online,offset="+p.m.info(t, "master_repl_offset")+",") && strings.Contains(line, ",lag=0,")
		})
		if full := p.m.info(t, "sync_full"); full != "1" {
			t.Errorf("%s: %s full synchronizations\n%s\n%s", p.m, full, p.m.Log(), p.r.Log())
		}
	}
}

// partition: no cable for longer than both sides wait for each other.
func partition(t *testing.T, a *apart) {
	a.more(t)
	a.unplug(t, true)
	a.down(t)
	a.more(t)
	a.unplug(t, false)
	a.up(t)
	a.more(t)
}

// halfOpen: packets go one way only, first from the masters and then to them, until both
// have noticed; nobody is told that a connection has ended.
func halfOpen(t *testing.T, a *apart) {
	for _, way := range []int{1, 0} {
		a.more(t)
		a.ways[way].blocked.Store(true)
		a.down(t)
		a.more(t)
		a.ways[way].blocked.Store(false)
		a.up(t)
	}
	// A replica that gives up a connection of whose end its master does not hear comes
	// back beside itself.
	a.ways[1].blocked.Store(true)
	for _, p := range a.pairs {
		if v, err := p.r.admin.Do("CLIENT", "KILL", "TYPE", "master"); err != nil || v.Int != 1 {
			t.Errorf("killed %d links: %v", v.Int, err)
		}
		p.r.await(t, "master_link_status", "down")
	}
	a.ways[1].blocked.Store(false)
	a.up(t)
	a.more(t)
}

// lossy: of twenty packets one is lost in each direction.
func (a *apart) lossy() { a.both(func(w *way) { w.permil.Store(lossPermil) }) }

func throughLoss(t *testing.T, a *apart) {
	a.lossy()
	for i := range a.ways {
		from := a.ways[i].lost.Load()
		until(t, "that packets get lost", func() bool { return a.ways[i].lost.Load() >= from+10 })
	}
	a.more(t)
	for _, p := range a.pairs {
		p.l.stop()
		inStep(t, p.m, p.r) // all of it arrives although the loss goes on
	}
}

// late: packets take their time in each direction.
func (a *apart) late() { a.both(func(w *way) { w.delay.Store(int64(lateBy)) }) }

func throughDelay(t *testing.T, a *apart) {
	a.late()
	a.more(t)
	for _, p := range a.pairs {
		from := time.Now()
		p.m.do(t, "SET", "late", "v")
		v, err := p.m.admin.Do("WAIT", "1", "20000")
		if took := time.Since(from); err != nil || v.Int != 1 || took < 2*lateBy {
			t.Errorf("%s: WAIT says %d replicas after %v, %v", p.m, v.Int, took, err)
		}
		p.l.stop()
		inStep(t, p.m, p.r)
	}
}
