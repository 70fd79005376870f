//go:build linux

package main

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// Connections that come and go in storms, and what looking at many resting ones
// costs the clients beside them.

const (
	stormConns  = 10_000
	quickStorm  = 1_000
	stormPeriod = time.Second // a storm begins this often, however long it lasts
	lookPeriod  = 200 * time.Millisecond

	// stormSources are the addresses 127.0.0.2 and up that take turns, each with its
	// own ports: closed connections keep theirs for a minute.
	stormSources = 32
)

// storm opens connections, sends a PING on each if asked to, and closes them all,
// once per period, until it is stopped. How fast it is depends on the server, how
// many connections it opens does not: a server that lets it wait is not stormed
// less.
type storm struct {
	addr  *syscall.SockaddrInet4
	count int
	ping  bool
	stop  chan struct{}
	done  chan error

	fds   []int
	turns int
	total int // connections opened
}

// startStorm starts a storm on a thread of its own.
func startStorm(addr string, count int, ping bool) (*storm, error) {
	to, err := net.ResolveTCPAddr("tcp4", addr)
	if err != nil {
		return nil, err
	}
	s := &storm{
		addr: &syscall.SockaddrInet4{Port: to.Port, Addr: [4]byte(to.IP.To4())}, count: count, ping: ping,
		stop: make(chan struct{}), done: make(chan error, 1),
	}
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		s.done <- s.rage()
	}()
	return s, nil
}

// end stops the storm and waits for it.
func (s *storm) end() error {
	close(s.stop)
	return <-s.done
}

func (s *storm) rage() error {
	defer s.closeAll()
	for next := time.Now(); !isClosed(s.stop); {
		if err := s.once(); err != nil {
			return err
		}
		if next = next.Add(stormPeriod); time.Now().After(next) {
			next = time.Now() // the storm was longer than that
			continue
		}
		select {
		case <-s.stop:
		case <-time.After(time.Until(next)):
		}
	}
	return nil
}

// once is one storm.
func (s *storm) once() error {
	request := []byte("PING\r\n")
	for range s.count {
		if err := s.open(); err != nil {
			return fmt.Errorf("storm: %w", err)
		}
		if !s.ping {
			continue
		}
		if _, err := syscall.Write(s.fds[len(s.fds)-1], request); err != nil {
			return fmt.Errorf("storm: write: %w", err)
		}
	}
	if s.ping {
		if err := s.hearPongs(); err != nil {
			return err
		}
	}
	s.closeAll()
	return nil
}

func (s *storm) open() error {
	const bindAddressNoPort = 24 // the port is chosen when the peer is known
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	s.fds = append(s.fds, fd)
	s.turns++
	from := &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, byte(2 + s.turns%stormSources)}}
	err = errors.Join(syscall.SetsockoptInt(fd, syscall.IPPROTO_IP, bindAddressNoPort, 1), syscall.Bind(fd, from))
	if err != nil {
		return err
	}
	s.total++
	for {
		if err = syscall.Connect(fd, s.addr); err != syscall.EINTR {
			break
		}
	}
	if err == syscall.EISCONN {
		err = nil
	}
	return err
}

// hearPongs reads the reply on every connection.
func (s *storm) hearPongs() error {
	want := "+PONG\r\n"
	b := make([]byte, len(want))
	for _, fd := range s.fds {
		n, err := syscall.Read(fd, b)
		for err == syscall.EINTR {
			n, err = syscall.Read(fd, b)
		}
		if err != nil || string(b[:n]) != want {
			return fmt.Errorf("storm: reply %q (%v)", b[:max(n, 0)], err)
		}
	}
	return nil
}

func (s *storm) closeAll() {
	for _, fd := range s.fds {
		_ = syscall.Close(fd) // nothing is left to be read
	}
	s.fds = s.fds[:0]
}

func connsStormScenario() *scenario {
	s := &scenario{
		name: "conns-storm",
		doc: fmt.Sprintf("once a second %d connections (quick: %d) are opened as fast as one thread can, and closed; GET over %d keys in an open loop beside it. "+
			"\"ping\" sends one PING on each connection before", stormConns, quickStorm, smallKeys),
		secs: 24,
		rows: []row{
			{"idle-p99", "GET p99 without storms", "µs", nil},
			{"plain-p99", "GET p99 beside storms", "µs", []must{{kind: ratioAtMost, bound: 1}}},
			{"plain-max", "slowest GET beside storms", "ms", nil},
			{"plain-rate", "connections opened and closed", "1/s", nil},
			{"plain-cpu", "server CPU per connection, with its share of the GETs", "µs", nil},
			{"ping-p99", "GET p99 beside storms with PING", "µs", []must{{kind: ratioAtMost, bound: 1}}},
			{"ping-max", "slowest GET beside storms with PING", "ms", nil},
			{"ping-rate", "connections opened, one PING, and closed", "1/s", nil},
			{"ping-cpu", "server CPU per connection, with its share of the GETs", "µs", nil},
		},
	}
	s.run = func(r *run) error {
		if err := r.start("--tcp-backlog", "4096", "--protected-mode", "no"); err != nil {
			return err
		}
		if err := r.loadKeys(smallKeys); err != nil {
			return err
		}
		idle, err := r.probeKeys(r.opt.secs(3, 1))
		if err != nil {
			return err
		}
		r.set("idle-p99", idle.hist.usec(0.99))
		for _, kind := range []string{"plain", "ping"} {
			if !r.wants(kind+"-p99", kind+"-max", kind+"-rate", kind+"-cpu") {
				continue
			}
			if err := r.storm(kind); err != nil {
				return err
			}
		}
		return nil
	}
	return s
}

// storm measures GETs beside storms of one kind.
func (r *run) storm(kind string) error {
	count := r.opt.pick(stormConns, quickStorm)
	r.log.add(fmt.Sprintf("own generator: storms of %d connections, once per %v, %s", count, stormPeriod, kind))
	before, err := processCPU(r.srv.pid())
	if err != nil {
		return err
	}
	st, err := startStorm(r.srv.addr, count, kind == "ping")
	if err != nil {
		return err
	}
	res, err := r.probeKeys(r.opt.secs(8, 2))
	if err := errors.Join(err, st.end()); err != nil {
		return err
	}
	after, err := processCPU(r.srv.pid())
	if err != nil {
		return err
	}
	r.set(kind+"-p99", res.hist.usec(0.99))
	r.set(kind+"-max", float64(res.hist.maxNs)/1e6)
	r.set(kind+"-rate", float64(st.total)/res.elapsed.Seconds())
	r.set(kind+"-cpu", float64(after-before)/1e3/float64(max(st.total, 1)))
	return nil
}

// probeKeys runs the open loop of GETs over the small keyspace.
func (r *run) probeKeys(d time.Duration) (*loadResult, error) {
	return r.open(r.probe(newRequest("GET", "key:"+holeKey), source{count: smallKeys}, d))
}

func connsLookScenario() *scenario {
	looks := []struct {
		name    string
		command []string
	}{
		{"info", []string{"INFO"}},
		{"info-all", []string{"INFO", "everything"}},
		{"list", []string{"CLIENT", "LIST"}},
	}
	s := &scenario{
		name: "conns-look",
		doc: fmt.Sprintf("%d clients that rest after one PING; every %v somebody asks for INFO or CLIENT LIST, beside GETs over %d keys in an open loop: "+
			"the slowest GET, less the slowest one while nobody asks", stormConns, lookPeriod, smallKeys),
		secs: 22,
		rows: []row{{"idle-max", "slowest GET while nobody asks", "ms", nil}},
	}
	for _, l := range looks {
		name := fmt.Sprintf("%s with %d clients", strconv.Quote(newRequest(l.command...).text), stormConns)
		s.rows = append(s.rows,
			row{l.name + "-stall", name + ": extra stall of other clients' GET", "ms", []must{{kind: oursAtMost, bound: 2}}},
			row{l.name + "-reply", name + ": median time to its reply", "ms", nil})
	}
	s.run = func(r *run) error {
		if err := r.start(); err != nil {
			return err
		}
		if err := r.loadKeys(smallKeys); err != nil {
			return err
		}
		p, err := openPoller(r.srv.addr, stormConns)
		if err != nil {
			return err
		}
		defer p.close()
		if err := r.pingAll(p); err != nil {
			return err
		}
		idle, err := r.probeKeys(r.opt.secs(4, 1))
		if err != nil {
			return err
		}
		r.set("idle-max", float64(idle.hist.maxNs)/1e6)
		for _, l := range looks {
			if !r.wants(l.name+"-stall", l.name+"-reply") {
				continue
			}
			if err := r.look(l.name, l.command, idle.hist.maxNs); err != nil {
				return err
			}
		}
		return nil
	}
	return s
}

// look measures GETs while a command is sent now and then.
func (r *run) look(name string, command []string, idleMaxNs int64) error {
	c, err := r.control()
	if err != nil {
		return err
	}
	defer c.close()
	r.log.add(fmt.Sprintf("own generator: `%s` every %v", newRequest(command...).text, lookPeriod))
	stop, done := make(chan struct{}), make(chan error, 1)
	var replies []float64
	go func() {
		t := time.NewTicker(lookPeriod)
		defer t.Stop()
		for {
			select {
			case <-stop:
				done <- nil
				return
			case <-t.C:
			}
			sent := time.Now()
			if _, err := c.do(command...); err != nil {
				done <- err
				return
			}
			replies = append(replies, float64(time.Since(sent))/1e6)
		}
	}()
	res, err := r.probeKeys(r.opt.secs(4, 1))
	close(stop)
	if err := errors.Join(err, <-done); err != nil {
		return err
	}
	r.set(name+"-stall", float64(max(res.hist.maxNs-idleMaxNs, 0))/1e6)
	r.set(name+"-reply", median(replies))
	return nil
}

// pingAll sends one PING on each connection of p and waits for the replies.
func (r *run) pingAll(p *poller) error {
	n := len(p.links)
	r.log.add(fmt.Sprintf("own generator: %d connections, `PING` once on each", n))
	ping := newRequest("PING").wire
	for i := range n {
		if err := p.send(i, ping); err != nil {
			return err
		}
	}
	const patience = 30 * time.Second
	for got, end := 0, time.Now().Add(patience); got < n; {
		events, err := p.wait(time.Second)
		if err != nil {
			return err
		}
		for _, ev := range events {
			done, err := p.receive(int(ev.Fd))
			if err != nil {
				return err
			}
			got += done
		}
		if time.Now().After(end) {
			return fmt.Errorf("%d of %d connections got no reply", n-got, n)
		}
	}
	return nil
}
