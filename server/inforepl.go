package server

import "kvorum/repl"

// connectedClients returns the number of clients that are no replicas. The link to the
// master is one, as in Redis.
func (r *report) connectedClients() int64 {
	n := r.s.clients.Load()
	r.s.repl.driver.Ask(func(m *repl.Machine) { n -= int64(len(m.Peers())) })
	if r.s.repl.link.Load() != nil {
		n++
	}
	return max(n, 0)
}

// streamBytes returns the memory of the stream that is kept for replicas, and that of
// their connections.
func (r *report) streamBytes() (stream, replicas int64) {
	kept := false
	r.s.repl.driver.Ask(func(m *repl.Machine) { kept = m.Kept() })
	if kept {
		stream = r.s.eng.Feed.Stats().WindowBytes
	}
	node := r.s.repl
	node.mu.Lock()
	defer node.mu.Unlock()
	for _, rc := range node.peers {
		replicas += rc.bytes.Load()
	}
	return stream, replicas
}
