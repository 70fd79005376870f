//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"
)

// Publish and subscribe: what PUBLISH costs, and what messages cost that slow
// subscribers have still to read.

const (
	fanOut        = 50    // subscribers that read
	slowClients   = 1_000 // subscribers that do not
	slowMessages  = 200   // messages to them
	slowSize      = 5_000 // bytes of each
	settleTimeout = time.Second

	// A slow client has a small receive buffer, and asks for small segments, after
	// which the kernel chooses the server's send buffer: little is to wait there.
	slowReceive = 4 << 10
	slowSegment = 1_400
)

func pubsubScenario() *scenario {
	s := &scenario{
		name: "pubsub",
		doc: fmt.Sprintf("PUBLISH of %d B by redis-benchmark, %d clients, pipeline 16, to nobody and to %d subscribers that read; then growth of resident memory "+
			"(1 MB = 10⁶ B) by %d messages of %d B to %d subscribers that do not read: %d MB if each has its copies, 1 MB if they share them",
			stdValueSize, stdClients, fanOut, slowMessages, slowSize, slowClients, slowMessages*slowSize*slowClients/1_000_000),
		secs: 20,
		rows: []row{
			{"none", "PUBLISH to nobody", "1/s", []must{{kind: ratioAtLeast, bound: 1}}},
			{"fan", fmt.Sprintf("PUBLISH to %d subscribers until all have read all: messages read", fanOut), "1/s", nil},
			{"memory", fmt.Sprintf("%d messages of 5 KB to %d slow subscribers: memory", slowMessages, slowClients), "MB",
				[]must{{kind: oursAtMost, bound: 40}}},
		},
	}
	s.run = func(r *run) error {
		if err := r.start(); err != nil {
			return err
		}
		publish := &stdBench{command: []string{"PUBLISH", "channel", value}, depth: 16, keys: 1, requests: r.opt.pick(2_000_000, 400_000)}
		if r.wants("none") {
			res, err := r.standard(publish)
			if err != nil {
				return err
			}
			r.set("none", res.rps)
		}
		if r.wants("fan") {
			if err := r.fan(publish); err != nil {
				return err
			}
		}
		if r.wants("memory") {
			return r.slowSubscribers()
		}
		return nil
	}
	return s
}

// subscriber opens a connection that is subscribed to the channel.
func (r *run) subscriber(slow bool) (net.Conn, error) {
	dialer := net.Dialer{}
	if slow {
		dialer.Control = func(_, _ string, c syscall.RawConn) (err error) {
			failed := c.Control(func(fd uintptr) {
				err = errors.Join(syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, slowReceive),
					syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, slowSegment))
			})
			return errors.Join(err, failed)
		}
	}
	conn, err := dialer.Dial("tcp", r.srv.addr)
	if err != nil {
		return nil, err
	}
	reply := make([]byte, len("*3\r\n$9\r\nsubscribe\r\n$7\r\nchannel\r\n:1\r\n"))
	_, err = conn.Write(newRequest("SUBSCRIBE", "channel").wire)
	if err == nil {
		_, err = io.ReadFull(conn, reply)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// fan measures PUBLISH while subscribers read what comes.
func (r *run) fan(publish *stdBench) error {
	r.log.add(fmt.Sprintf("own generator: %d clients that `SUBSCRIBE channel` and read", fanOut))
	few := *publish
	few.requests /= fanOut / 5
	messages := few.requests + 1 // with the one that is sent for a try
	all := int64(messages * len(newRequest("message", "channel", value).wire))
	done := make(chan error, fanOut)
	for range fanOut {
		conn, err := r.subscriber(false)
		if err != nil {
			return err
		}
		defer conn.Close()
		go func() {
			_, err := io.CopyN(io.Discard, conn, all)
			done <- err
		}()
	}
	began := time.Now()
	if _, err := r.standard(&few); err != nil {
		return err
	}
	for range fanOut {
		if err := <-done; err != nil {
			return err
		}
	}
	r.set("fan", float64(fanOut*messages)/time.Since(began).Seconds())
	return nil
}

// slowSubscribers measures what waits for clients that do not read.
func (r *run) slowSubscribers() error {
	r.log.add(fmt.Sprintf("own generator: %d clients that `SUBSCRIBE channel` and do not read, %d times PUBLISH of %d B", slowClients, slowMessages, slowSize))
	for range slowClients {
		conn, err := r.subscriber(true)
		if err != nil {
			return err
		}
		defer conn.Close()
	}
	if err := r.pause(settleTimeout); err != nil {
		return err
	}
	before, err := residentBytes(r.srv.pid())
	if err != nil {
		return err
	}
	c, err := r.control()
	if err != nil {
		return err
	}
	defer c.close()
	message := strings.Repeat("x", slowSize)
	for range slowMessages {
		if n, err := c.number("PUBLISH", "channel", message); err != nil || n != slowClients {
			return fmt.Errorf("PUBLISH: %d receivers (%w)", n, err)
		}
	}
	if err := r.pause(settleTimeout); err != nil {
		return err
	}
	after, err := residentBytes(r.srv.pid())
	r.set("memory", float64(after-before)/1e6)
	return err
}
