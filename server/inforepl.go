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

// snapshotting reports whether a snapshot for replicas is being made.
func (r *replication) snapshotting() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.snapshots {
		p.mu.Lock()
		busy := !p.done && !p.stopped
		p.mu.Unlock()
		if busy {
			return true
		}
	}
	return false
}

// loading reports whether data of a master are loaded beside those there are.
func (r *replication) loading() (on bool) {
	r.driver.Ask(func(m *repl.Machine) { on = m.Link().State == repl.LinkTransfer })
	return on
}

// memory returns the memory of the stream that is kept, the part of that which is the
// backlog, and the memory of the connections of replicas. What the stream takes beyond
// the backlog waits for replicas.
func (r *replication) memory() (stream, backlog, conns int64) {
	kept := false
	r.driver.Ask(func(m *repl.Machine) { kept = m.Kept() })
	if kept {
		stream = r.s.eng.Feed.Stats().WindowBytes
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	backlog = stream
	if len(r.peers) > 0 {
		backlog = min(stream, r.settings.Load().backlog)
	}
	for _, rc := range r.peers {
		conns += rc.bytes.Load()
	}
	return stream, backlog, conns
}

// linkField is a field that only a replica has, about the link to its master.
func linkField(name string, value func(link repl.Link, nowMs int64) any) field {
	return field{name, func(r *report) (v any) {
		now := r.s.repl.NowMs()
		r.s.repl.driver.Ask(func(m *repl.Machine) {
			if m.IsReplica() {
				v = value(m.Link(), now)
			}
		})
		return v
	}}
}
