package netloop

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// CloseAfterWrite must deliver everything, however long it takes the client, and
// nothing that comes later.
func TestCloseAfterWriteDelivers(t *testing.T) {
	reply := pattern(1, 6<<20)
	h := &script{serve: func(l *Loop, c *Conn, in []byte) (int, int) {
		l.Out = append(l.Out, reply...)
		c.CloseAfterWrite()
		l.Out = append(l.Out, "tail"...)
		l.Post(func() { c.Send([]byte("too late")) })
		return 1, Again
	}}
	s := start(t, Config{}, h)
	ln := listen(t, s, "tcp")
	for range 3 {
		client := dial(t, ln)
		write(t, client, []byte("x"))
		expect(t, client, reply)
		expect(t, client, []byte("tail"))
		expectEnd(t, client)
	}
	if n := h.served.Load(); n != 3 {
		t.Errorf("Serve called %d times", n)
	}
}

// Close inside Serve drops the reply, ends the connection once, and the other
// connections of the batch are not harmed.
func TestCloseInsideServe(t *testing.T) {
	h := &script{serve: func(l *Loop, c *Conn, in []byte) (int, int) {
		if in[0] == 'x' {
			l.Out = append(l.Out, "lost"...)
			c.Close()
			c.Close()
			c.CloseAfterWrite()
			c.Send([]byte("lost too"))
			return 0, 0
		}
		l.Out = append(l.Out, in...)
		return len(in), 0
	}}
	s := start(t, Config{}, h)
	ln := listen(t, s, "tcp")
	a, b := dial(t, ln), dial(t, ln)
	await(t, "both", func() bool { return h.opened.Load() == 2 })
	on(t, s.Loops()[0], func() {
		write(t, a, []byte("x"))
		write(t, b, []byte("kept"))
	})
	expectEnd(t, a)
	expect(t, b, []byte("kept"))
}

// N7: when the first connection of a batch closes all others and new ones take
// their slots, the events of the old ones must not reach the new ones.
func TestStaleEventsAreDropped(t *testing.T) {
	h := &script{open: func(_ *Loop, c *Conn) bool { c.Data = false; return true }}
	h.serve = func(l *Loop, c *Conn, in []byte) (int, int) {
		if in[0] == 'k' {
			l.Each(func(other *Conn) bool {
				if other != c && other.Data == true {
					other.Close()
				}
				return true
			})
		}
		l.Out = append(l.Out, in...)
		return len(in), 0
	}
	s := start(t, Config{}, h)
	ln := listen(t, s, "tcp")
	for range 30 {
		before := h.opened.Load()
		killers := make([]net.Conn, 8)
		for i := range killers {
			killers[i] = dial(t, ln)
		}
		await(t, "all open", func() bool { return h.opened.Load() == before+8 })
		var fresh []net.Conn
		on(t, s.Loops()[0], func() {
			s.Loops()[0].Each(func(c *Conn) bool { c.Data = true; return true })
			for _, k := range killers {
				write(t, k, []byte("k"))
			}
			for range 4 {
				fresh = append(fresh, dial(t, ln))
			}
		})
		await(t, "fresh ones", func() bool { return h.opened.Load() == before+12 })
		for _, f := range fresh {
			write(t, f, []byte("hello"))
			expect(t, f, []byte("hello"))
			f.Close()
		}
		for _, k := range killers {
			k.Close()
		}
		await(t, "all gone", func() bool { return h.ended.Load() == before+12 })
	}
}

// Clients that come, talk, and go in every rude way leave nothing behind.
func TestOpenCloseStorm(t *testing.T) {
	h := &script{}
	s := start(t, Config{Loops: 2}, h)
	ln := listen(t, s, "tcp")
	const workers, rounds = 20, 50
	var all sync.WaitGroup
	for w := range uint64(workers) {
		all.Go(func() {
			r := rand.New(rand.NewPCG(w, 3))
			for range rounds {
				nc, err := net.Dial("tcp", ln.Addr())
				if err != nil {
					t.Errorf("dial: %v", err)
					return
				}
				c := nc.(*net.TCPConn)
				c.SetDeadline(time.Now().Add(patience))
				b := frame(pattern(w, r.IntN(200)))
				switch r.IntN(6) {
				case 0: // nothing
				case 1: // reset with a request on the way
					c.Write(b)
					c.SetLinger(0)
				case 2: // half a request
					c.Write(b[:len(b)/2])
				case 3: // half-closed: the reply must come all the same
					c.Write(b)
					c.CloseWrite()
					if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, b) {
						t.Errorf("half-closed: %d of %d bytes, %v", len(got), len(b), err)
					}
				case 4: // many replies unread
					c.Write(bytes.Repeat(b, 100))
				case 5:
					c.Write(b)
					got := make([]byte, len(b))
					if n, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, b) {
						t.Errorf("%d of %d bytes, %v", n, len(b), err)
					}
				}
				c.Close()
			}
		})
	}
	all.Wait()
	await(t, "all to be gone", func() bool {
		return h.ended.Load() == workers*rounds && s.Loops()[0].Len()+s.Loops()[1].Len() == 0
	})
}

// Posts of one goroutine run in order, all of them, on the loop; a loop may post
// to itself and to others.
func TestPostFromManyGoroutines(t *testing.T) {
	s := start(t, Config{Loops: 2}, &script{})
	const goroutines, each = 16, 2000
	var left atomic.Int64
	left.Store(2 * goroutines * each)
	next := make([][goroutines]int, 2) // on the loop only
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			for i := range each {
				for n, l := range s.Loops() {
					l.Post(func() {
						if next[n][g] != i {
							t.Errorf("goroutine %d: post %d ran, want %d", g, i, next[n][g])
						}
						next[n][g]++
						s.Loops()[1-n].Post(func() { left.Add(-1) })
					})
				}
			}
		})
	}
	all.Wait()
	await(t, "all posts", func() bool { return left.Load() == 0 })
}

// A sleeping loop is woken by every single post: a lost wakeup would hang here.
func TestPostWakesASleepingLoop(t *testing.T) {
	s := start(t, Config{}, &script{})
	for range 5000 {
		on(t, s.Loops()[0], func() {})
	}
}

// Publication: messages sent from other connections' Serve keep their place
// behind the receiver's own replies, and all arrive.
func TestSendKeepsOrder(t *testing.T) {
	h := &script{}
	h.serve = func(l *Loop, c *Conn, in []byte) (int, int) {
		for i := range in {
			if in[i] != 'p' {
				l.Out = append(l.Out, in[i])
				continue
			}
			l.Each(func(other *Conn) bool {
				other.Send([]byte("!"))
				return true
			})
		}
		return len(in), 0
	}
	s := start(t, Config{}, h)
	ln := listen(t, s, "tcp")
	clients := make([]net.Conn, 200)
	for i := range clients {
		clients[i] = dial(t, ln)
	}
	await(t, "all", func() bool { return h.opened.Load() == int64(len(clients)) })
	// All in one batch: everyone says r (its reply), the last one publishes twice.
	on(t, s.Loops()[0], func() {
		for _, c := range clients[:len(clients)-1] {
			write(t, c, []byte("r"))
		}
		write(t, clients[len(clients)-1], []byte("apbpc"))
	})
	expect(t, clients[len(clients)-1], []byte("a!b!c"))
	for _, c := range clients[:len(clients)-1] {
		got := make([]byte, 3)
		for n := 0; n < 3; {
			m, err := c.Read(got[n:])
			if err != nil {
				t.Fatal(err)
			}
			n += m
		}
		if s := string(got); s != "r!!" && s != "!!r" && s != "!r!" {
			t.Fatalf("got %q", s)
		}
	}
}

// Sends to a client that does not read queue up without loss.
func TestSendToSlowReader(t *testing.T) {
	s := start(t, Config{}, &script{})
	client := dial(t, listen(t, s, "tcp"))
	c := theConn(t, s.Loops()[0])
	const total = 12 << 20
	stream := pattern(7, total)
	r := rand.New(rand.NewPCG(7, 7))
	for at := 0; at < total; {
		on(t, c.Loop(), func() {
			for range 50 {
				n := min(total-at, r.IntN(40<<10))
				c.Send(stream[at : at+n])
				at += n
			}
		})
	}
	expect(t, client, stream)
	awaitOn(t, c.Loop(), "empty queue", func() bool { return c.PendingOut() == 0 && c.BufferBytes() == 0 })
}

// Paused connections keep their input, in order, and are served on Resume; the
// input is bounded by what was read and the socket.
func TestPauseKeepsInput(t *testing.T) {
	for _, network := range networks {
		t.Run(network, func(t *testing.T) {
			h := &script{}
			h.serve = func(l *Loop, c *Conn, in []byte) (int, int) {
				for i := range in {
					if in[i] == 'b' {
						l.Out = append(l.Out, '<')
						c.Pause()
						return i + 1, 0
					}
					l.Out = append(l.Out, in[i])
				}
				return len(in), 0
			}
			s := start(t, Config{}, h)
			client := dial(t, listen(t, s, network))
			c := theConn(t, s.Loops()[0])
			l := c.Loop()
			write(t, client, []byte("1b2b"))
			expect(t, client, []byte("1<"))
			resume := func() {
				on(t, l, func() {
					c.Send([]byte(">"))
					c.Resume()
				})
			}
			resume()
			expect(t, client, []byte(">2<"))
			// More than the buffers hold: the client must be held back, not the
			// server filled.
			flood := bytes.Repeat([]byte("f"), 16<<20)
			sent := make(chan error, 1)
			go func() {
				_, err := client.Write(flood)
				sent <- err
			}()
			for range 100 {
				on(t, l, func() {
					if n := c.InputBuffered(); n > readSize+readAheadMax {
						t.Errorf("%d bytes read while paused", n)
					}
				})
			}
			resume()
			expect(t, client, append([]byte(">"), flood...))
			if err := <-sent; err != nil {
				t.Fatal(err)
			}
			// Pause and Resume in one call.
			on(t, l, func() { c.Pause(); c.Resume(); c.Resume() })
			write(t, client, []byte("3"))
			expect(t, client, []byte("3"))
		})
	}
}

// Resume inside the same Serve that paused: the rest is served without new input.
func TestResumeInsideServe(t *testing.T) {
	h := &script{serve: func(l *Loop, c *Conn, in []byte) (int, int) {
		c.Pause()
		c.Resume()
		l.Out = append(l.Out, in[0])
		return 1, 0
	}}
	s := start(t, Config{}, h)
	client := dial(t, listen(t, s, "tcp"))
	write(t, client, []byte("abcdef"))
	expect(t, client, []byte("abcdef"))
}

// A client that hangs up while it waits is noticed, with and without unread input.
func TestHangUpWhilePausedCloses(t *testing.T) {
	h := &script{serve: func(l *Loop, c *Conn, in []byte) (int, int) {
		l.Out = append(l.Out, '<')
		c.Pause()
		return 1, 0
	}}
	s := start(t, Config{}, h)
	ln := listen(t, s, "tcp")
	for i, unread := range []string{"", "more", "more"} {
		client := dial(t, ln)
		write(t, client, []byte("b"))
		expect(t, client, []byte("<"))
		if unread != "" {
			write(t, client, []byte(unread))
		}
		if i == 2 {
			client.(*net.TCPConn).SetLinger(0)
		}
		client.Close()
		await(t, "Closed", func() bool { return h.ended.Load() == int64(i+1) })
	}
}

// A parked client that has only shut down its sending side gets its reply and
// has its remaining requests served.
func TestHalfClosedWhileParkedGetsItsReply(t *testing.T) {
	h := &script{serve: func(l *Loop, c *Conn, in []byte) (int, int) {
		for i := range in {
			if in[i] == 'b' {
				c.Park()
				return i + 1, 0
			}
			l.Out = append(l.Out, in[i])
		}
		return len(in), 0
	}}
	s := start(t, Config{}, h)
	client := dial(t, listen(t, s, "tcp"))
	write(t, client, []byte("1b23"))
	expect(t, client, []byte("1"))
	if err := client.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	c := theConn(t, s.Loops()[0])
	for range 100 {
		on(t, c.Loop(), func() {})
	}
	on(t, c.Loop(), func() {
		c.Send([]byte("late"))
		c.Resume()
	})
	expect(t, client, []byte("late23"))
	expectEnd(t, client)
}

// Tick runs when its delay has passed, runs at once when it asks for it, and does
// not run when nothing happens.
func TestTickPacing(t *testing.T) {
	var delay, ticks, last atomic.Int64
	delay.Store(-1)
	h := &script{tick: func(l *Loop, now int64) time.Duration {
		if now < last.Load() || now < l.Now {
			t.Error("time went back")
		}
		last.Store(now)
		ticks.Add(1)
		return time.Duration(delay.Load())
	}}
	s := start(t, Config{}, h)
	l := s.Loops()[0]
	on(t, l, func() {})
	on(t, l, func() {})
	quiet := ticks.Load()
	time.Sleep(50 * time.Millisecond) // that nothing happens has no event
	if n := ticks.Load() - quiet; n > 2 {
		t.Errorf("an idle loop went round %d times", n)
	}
	delay.Store(int64(5 * time.Millisecond))
	on(t, l, func() {})
	from, begin := ticks.Load(), time.Now()
	await(t, "ten ticks", func() bool { return ticks.Load() >= from+10 })
	if d := time.Since(begin); d < 40*time.Millisecond {
		t.Errorf("ten ticks of 5 ms took %v", d)
	}
	delay.Store(0)
	on(t, l, func() {})
	from = ticks.Load()
	await(t, "a thousand ticks", func() bool { return ticks.Load() >= from+1000 })
}

// Shutdown delivers what the sockets take, closes every connection once and
// refuses work afterwards.
func TestShutdownClosesEverything(t *testing.T) {
	for _, loops := range []int{1, 3} {
		h := &script{}
		s := start(t, Config{Loops: loops}, h)
		ln := listen(t, s, "tcp")
		var clients []net.Conn
		for range 60 {
			clients = append(clients, dial(t, ln))
		}
		await(t, "all open", func() bool { return h.opened.Load() == 60 })
		for _, l := range s.Loops() {
			on(t, l, func() {
				l.Each(func(c *Conn) bool { c.Send([]byte("bye")); c.Pause(); return true })
			})
		}
		shutdown(t, s)
		for _, c := range clients {
			expect(t, c, []byte("bye"))
			expectEnd(t, c)
		}
		if h.ended.Load() != 60 {
			t.Errorf("Closed called %d times", h.ended.Load())
		}
		if s.Loops()[0].Post(func() { t.Error("ran") }) {
			t.Error("Post accepted after Shutdown")
		}
		if _, err := s.Listen("tcp", "127.0.0.1:0", 16); !errors.Is(err, ErrShutdown) {
			t.Errorf("Listen after Shutdown: %v", err)
		}
		if c, err := net.Dial("tcp", ln.Addr()); err == nil {
			c.Close()
			t.Error("connected after Shutdown")
		}
	}
}

// Shutdown in the middle of traffic and of posts: what was promised still holds.
func TestShutdownUnderLoad(t *testing.T) {
	for seed := range uint64(5) {
		h := &script{}
		s := start(t, Config{Loops: 2}, h)
		ln := listen(t, s, "tcp")
		var all sync.WaitGroup
		var promised, ran atomic.Int64
		for w := range uint64(8) {
			all.Go(func() {
				for {
					c, err := net.Dial("tcp", ln.Addr())
					if err != nil {
						return
					}
					b := frame(pattern(w, 100))
					for range 20 {
						if _, err = c.Write(b); err != nil {
							break
						}
						if _, err = c.Read(make([]byte, 200)); err != nil {
							break
						}
					}
					c.Close()
				}
			})
			all.Go(func() {
				done := make(chan struct{}, 1)
				for s.Loops()[w%2].Post(func() { ran.Add(1); done <- struct{}{} }) {
					promised.Add(1)
					<-done
				}
			})
		}
		await(t, "traffic", func() bool { return h.served.Load() > int64(100+50*seed) })
		shutdown(t, s)
		all.Wait()
		if promised.Load() != ran.Load() {
			t.Errorf("%d posts promised, %d ran", promised.Load(), ran.Load())
		}
	}
}

// Shutdown does not wait for ever for a callback that does not return.
func TestShutdownGivesUp(t *testing.T) {
	h := &script{}
	s := start(t, Config{}, h)
	hold, held := make(chan struct{}), make(chan struct{})
	s.Loops()[0].Post(func() { close(held); <-hold })
	<-held
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown: %v", err)
	}
	close(hold)
}

// A server that never ran can be shut down.
func TestShutdownBeforeStart(t *testing.T) {
	s, err := New(Config{Loops: 2}, &script{})
	if err != nil {
		t.Fatal(err)
	}
	listen(t, s, "tcp")
	ran := false
	s.Loops()[0].Post(func() { ran = true })
	shutdown(t, s)
	if !ran {
		t.Error("a posted function was forgotten")
	}
	s.Start()
	if _, err := New(Config{}, &script{}); err == nil {
		t.Error("a server without loops")
	}
}

// A handler that claims more than it got is stopped before memory is misread.
func TestOverconsumptionPanics(t *testing.T) {
	l := &Loop{server: &Server{}, handler: &script{
		live:  map[*Conn]bool{},
		serve: func(_ *Loop, _ *Conn, in []byte) (int, int) { return len(in) + 1, 0 },
	}}
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	l.serve(&Conn{loop: l}, []byte("abc"))
}

// The kept rest survives all transitions of its buffer: a model of the input path
// without sockets, fed with pieces of random sizes.
func TestKeptInputModel(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 9))
		l := &Loop{server: &Server{}}
		c := &Conn{loop: l}
		var model []byte
		next := byte(0)
		piece := func(n int) []byte {
			b := make([]byte, n)
			for i := range b {
				b[i] = next
				next += 7
			}
			return b
		}
		for range 300 {
			c.need = 0
			if r.IntN(3) == 0 {
				c.need = len(c.in) + r.IntN(200<<10)
			}
			switch r.IntN(5) {
			case 4:
				c.TrimInput(r.IntN(2) == 0)
			case 0: // direct read
				if len(c.in) > 0 {
					room := c.room()
					if len(room) == 0 {
						t.Fatal("no room")
					}
					b := piece(1 + r.IntN(len(room)))
					copy(room, b)
					c.in = c.in[:len(c.in)+len(b)]
					model = append(model, b...)
				}
			case 1:
				b := piece(r.IntN(30 << 10))
				c.extend(b)
				model = append(model, b...)
			case 2: // served from its own buffer
				n := r.IntN(len(model) + 1)
				if len(c.in) > 0 {
					c.keep(c.in[n:])
					model = model[n:]
				}
			case 3: // served from the loop's buffer
				rbuf := append(make([]byte, 0, readSize), c.in...)
				if len(rbuf) <= prefixMax {
					b := piece(1 + r.IntN(readSize-len(rbuf)))
					rbuf, model = append(rbuf, b...), append(model, b...)
					n := r.IntN(len(model) + 1)
					c.keep(rbuf[n:])
					clear(rbuf)
					model = model[n:]
				}
			}
			if !bytes.Equal(c.in, model) {
				t.Fatalf("seed %d: kept input differs from the model", seed)
			}
			if len(model) == 0 && c.in != nil && int(c.granted) != cap(c.in) {
				t.Fatalf("seed %d: an empty connection holds a buffer that was not granted", seed)
			}
			if l.grants != int(c.granted) || l.grants > grantsMax+bufferLarge {
				t.Fatalf("seed %d: %d bytes granted, %d counted", seed, c.granted, l.grants)
			}
		}
		if c.keep(nil); len(c.in) == 0 {
			c.TrimInput(true)
		}
		if c.in != nil || l.grants != 0 {
			t.Fatalf("seed %d: an idle connection holds %d bytes, %d granted", seed, cap(c.in), l.grants)
		}
	}
}

// target never promises more than N6 allows and always makes progress.
func TestGrowthFollowsWhatWasReceived(t *testing.T) {
	for have := 1; have < 600<<20; have = have*5/4 + 1 {
		for _, need := range []int{0, have + 1, 1 << 20, 512 << 20} {
			got := target(have, need)
			if limit := max(bufferMin, growFactorLarge*have); got > limit {
				t.Errorf("have %d need %d: %d, want at most %d", have, need, got, limit)
			}
			if need > have && got > need || got <= have {
				t.Errorf("have %d need %d: %d", have, need, got)
			}
		}
	}
}
