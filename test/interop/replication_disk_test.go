package interop

import (
	"strconv"
	"strings"
	"testing"

	"kvorum/test/peer"
)

// TestLongAbsence: a replica of either kind that is cut off while far more stream passes
// than memory keeps goes on from the stream on disk, without a full synchronization.
func TestLongAbsence(t *testing.T) {
	const (
		valueBytes = 1 << 20
		values     = 200
	)
	m := startNode(t, peer.StartKvorum, "--repl-backlog-size", "1mb", "--repl-backlog-disk-size", "1gb")
	a, b := startNode(t, peer.StartKvorum), startNode(t, peer.StartOracle)
	wires := []*wire{newWire(t, m.port), newWire(t, m.port)}
	a.follow(t, wires[0].port())
	b.follow(t, wires[1].port())
	m.do(t, "SET", "k", "v")
	inStep(t, m, a, b)
	for _, w := range wires {
		w.cut(true)
	}
	m.await(t, "connected_slaves", "0")
	value := strings.Repeat("v", valueBytes)
	for i := range values {
		m.do(t, "SET", "k"+strconv.Itoa(i%10), value+strconv.Itoa(i))
	}
	if mem, err := strconv.Atoi(m.info(t, "mem_replication_backlog")); err != nil || mem > 64<<20 {
		t.Errorf("the stream takes %d bytes of memory: %v", mem, err)
	}
	for _, w := range wires {
		w.mu.Lock()
		w.down = false
		w.mu.Unlock()
	}
	a.await(t, "master_link_status", "up")
	b.await(t, "master_link_status", "up")
	inStep(t, m, a, b)
	if full, partial := m.info(t, "sync_full"), m.info(t, "sync_partial_ok"); full != "2" || partial != "2" {
		t.Errorf("%s full and %s partial synchronizations\n%s", full, partial, m.Log())
	}
	// Turned off, only what memory keeps is left.
	m.do(t, "CONFIG", "SET", "repl-backlog-disk-size", "0")
	for i := range 3 {
		m.do(t, "SET", "k", value+strconv.Itoa(i))
	}
	inStep(t, m, a, b)
	if n, err := strconv.Atoi(m.info(t, "repl_backlog_histlen")); err != nil || n > 1<<20 {
		t.Errorf("%d bytes of backlog: %v", n, err)
	}
}
