package server

import (
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"kvorum/command"
	"kvorum/config"
	"kvorum/engine"
	"kvorum/feed"
	"kvorum/keyspace"
	"kvorum/logx"
	"kvorum/netloop"
	"kvorum/repl"
	"kvorum/repl/driver"
)

// replication is the server as package repl/driver wants it: a Node. What concerns
// replicas of this server is in replicas.go, what concerns its master in applying.go.
type replication struct {
	s      *Server
	driver *driver.Driver

	mu        sync.Mutex // guards what follows
	peers     map[repl.PeerID]*replicaConn
	snapshots map[uint64]*syncSnapshot
	ending    bool // the server is: no snapshot may go on

	role    engine.Role // in force
	waiting []*ackWaiter

	settings atomic.Pointer[replSettings]
	onDisk   streamFile
	limitsAt int64                      // when replicas were looked at, monotonic ms; the driver's
	link     atomic.Pointer[masterConn] // to the master, while the stream flows

	apply    *applier       // of the link's goroutine
	held     atomic.Int64   // bytes of the stream that are read and may not be executed yet
	loaded   history        // of the last one
	fresh    []*keyspace.DB // loaded and not in use yet
	received transferred
	sentOut  atomic.Uint64 // bytes to replicas
}

// newReplication makes the machine and its driver. Nothing runs yet.
func newReplication(s *Server) *replication {
	r := &replication{s: s, peers: make(map[repl.PeerID]*replicaConn), snapshots: make(map[uint64]*syncSnapshot), apply: newApplier(s.eng)}
	r.onDisk.s, r.onDisk.lagMost = s, streamLagMost
	r.onDisk.create = func() (spool, error) { return s.spoolFile() }
	machine := repl.New(s.replConfig(), newRunID)
	if host, port, ok := s.cfg.ReplicaOf(); ok {
		machine.Follow(host, port)
	}
	r.driver = driver.New(machine, r, r.dial)
	return r
}

// replSettings are the directives that are looked at while the lock of the
// configuration may be held by somebody else.
type replSettings struct {
	readOnly, serveStale, keepsAll bool
	least                          int   // min-replicas-to-write
	lagMost                        int64 // min-replicas-max-lag in seconds
	panics                         bool  // when a command of the stream fails
	ignoreDisk                     bool  // replica-ignore-disk-write-errors
	waitsForMore                   bool  // repl-disable-tcp-nodelay
	backlog                        int64 // repl-backlog-size
	backlogDisk                    int64 // repl-backlog-disk-size
}

// applySettings is a hook of the configuration.
func (r *replication) applySettings() error {
	cfg := r.s.cfg
	r.settings.Store(&replSettings{
		readOnly: cfg.Bool("replica-read-only"), serveStale: cfg.Bool("replica-serve-stale-data"),
		keepsAll: cfg.Bool("replica-ignore-maxmemory"), least: int(cfg.Int("min-replicas-to-write")), lagMost: cfg.Int("min-replicas-max-lag"),
		panics: cfg.Enum("propagation-error-behavior") != "ignore", ignoreDisk: cfg.Bool("replica-ignore-disk-write-errors"),
		waitsForMore: cfg.Bool("repl-disable-tcp-nodelay"),
		backlog:      int64(cfg.Memory("repl-backlog-size")), backlogDisk: int64(cfg.Memory("repl-backlog-disk-size")),
	})
	r.refreshRules() // at once: the next command must see it
	r.driver.Post(repl.Configured{Config: r.s.replConfig()})
	return nil
}

// replConfig reads what the rules of replication need. The configuration is locked, or
// not in use yet.
func (s *Server) replConfig() repl.Config {
	ms := func(name string) int64 { return s.cfg.Int(name) * msPerSec }
	port := int(s.cfg.Int("replica-announce-port"))
	if port == 0 {
		port = int(s.cfg.Int("port"))
	}
	return repl.Config{
		Port: port, AnnounceIP: s.cfg.String("replica-announce-ip"),
		MasterUser: s.cfg.String("masteruser"), MasterAuth: s.cfg.String("masterauth"),
		DisklessSync: s.cfg.Bool("repl-diskless-sync"), DisklessDelay: ms("repl-diskless-sync-delay"),
		DisklessMax: int(s.cfg.Int("repl-diskless-sync-max-replicas")),
		PingPeriod:  ms("repl-ping-replica-period"), Timeout: ms("repl-timeout"), BacklogTTL: ms("repl-backlog-ttl"),
		MaxLag: ms("min-replicas-max-lag"), KeepOverEmpty: s.cfg.Bool("replica-keep-data-over-empty-master"),
		DisklessLoad: s.cfg.Enum("repl-diskless-load") != "disabled",
	}
}

// hookReplication connects the directives of replication.
func (s *Server) hookReplication() {
	s.cfg.OnChange(func() error {
		s.repl.driver.Post(repl.Configured{Config: s.replConfig()})
		return nil
	}, "replica-announce-port", "replica-announce-ip", "port", "masteruser", "masterauth", "repl-diskless-sync", "repl-diskless-sync-delay",
		"repl-diskless-sync-max-replicas", "repl-ping-replica-period", "repl-timeout", "repl-backlog-ttl", "min-replicas-max-lag",
		"replica-keep-data-over-empty-master", "repl-diskless-load")
	s.cfg.OnChange(s.repl.applySettings, "replica-read-only", "replica-serve-stale-data", "min-replicas-to-write",
		"min-replicas-max-lag", "replica-ignore-maxmemory", "propagation-error-behavior", "replica-ignore-disk-write-errors", "repl-backlog-size", "repl-backlog-disk-size",
		"repl-disable-tcp-nodelay")
	s.cfg.OnChange(func() error {
		s.eng.Feed.SetWindow(int64(s.cfg.Memory("repl-backlog-size")))
		return nil
	}, "repl-backlog-size")
}

// keepAliveProbes without an answer mean that the peer is gone, as for clients.
const keepAliveProbes = 3

func (r *replication) dial(host string, port int, timeout time.Duration) (net.Conn, error) {
	d := net.Dialer{Timeout: timeout}
	r.s.cfgMu.RLock()
	d.KeepAlive = -1
	if sec := r.s.cfg.Int("tcp-keepalive"); sec > 0 {
		idle := time.Duration(sec) * time.Second
		d.KeepAlive, d.KeepAliveConfig = 0, net.KeepAliveConfig{Enable: true, Idle: idle, Interval: max(idle/keepAliveProbes, time.Second), Count: keepAliveProbes}
	}
	if from := r.s.cfg.String("bind-source-addr"); from != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	r.s.cfgMu.RUnlock()
	return d.Dial("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
}

// NowMs implements driver.Node.
func (r *replication) NowMs() int64 { return r.s.clock.MonoNs() / (nsPerUs * usPerMs) }

// View implements driver.Node.
func (r *replication) View() repl.View {
	st := r.s.eng.Feed.Stats()
	r.refreshRole()
	r.checkLimits(r.NowMs())
	return repl.View{Start: r.reach(&st), End: st.End, Synced: r.s.syncedTo()}
}

// reachSlack is how much more than it is told the feed keeps, as it goes by pages.
const reachSlack = 128 << 10

// reach returns where the stream begins that replicas may ask for: the backlog as the
// configuration has it, and what slow replicas keep beyond that.
func (r *replication) reach(st *feed.Stats) int64 {
	start := st.Start
	if backlog := r.settings.Load().backlog; st.End-start <= backlog+reachSlack {
		start = max(start, st.End-backlog)
	}
	if offset, ok := r.onDisk.start(); ok {
		start = min(start, offset)
	}
	return start
}

// Log implements driver.Node.
func (r *replication) Log(level logx.Level, text string) { r.s.log.Log(level, text) }

// KeepStream implements driver.Node.
func (r *replication) KeepStream() {
	r.s.cfgMu.RLock()
	size := r.s.cfg.Memory("repl-backlog-size")
	r.s.cfgMu.RUnlock()
	r.s.eng.Exclusive(func() {
		r.s.feedFor(feedReplicas, true)
	})
	r.s.eng.Feed.SetWindow(int64(size))
	r.keepOnDisk(true)
}

// keepOnDisk has the stream kept on disk as the configuration says, or no longer. By the
// driver's goroutine.
func (r *replication) keepOnDisk(on bool) {
	limit := int64(0)
	if on {
		limit = r.settings.Load().backlogDisk
	}
	r.onDisk.setLimit(limit)
}

// Configured implements driver.Node.
func (r *replication) Configured(kept bool) { r.keepOnDisk(kept) }

// Stopped implements driver.Node.
func (r *replication) Stopped() { r.onDisk.end() }

// ForgetStream implements driver.Node.
func (r *replication) ForgetStream() {
	r.keepOnDisk(false)
	r.s.eng.Exclusive(func() { r.s.feedFor(feedReplicas, false) })
}

// Control implements driver.Node.
func (r *replication) Control(args []string) { r.s.eng.Feed.AppendControl(commandBytes(args)) }

// PauseWrites implements driver.Node.
func (r *replication) PauseWrites() { r.s.freeze(frozenForFailover) }

// ResumeWrites implements driver.Node.
func (r *replication) ResumeWrites() { r.s.thaw(frozenForFailover) }

// RoleChanged implements driver.Node.
func (r *replication) RoleChanged(isReplica bool) {
	r.refreshRole()
	role := logx.RoleMaster
	if isReplica {
		role = logx.RoleReplica
	}
	r.s.log.SetRole(role)
	r.noteMaster()
	if isReplica {
		r.s.unblockAll()
	}
}

// presentRole returns what the role means for commands. The configuration may be locked.
func (r *replication) presentRole() engine.Role {
	set, now := r.settings.Load(), r.NowMs()
	role := engine.Role{ReadOnly: set.readOnly, KeepsAll: set.keepsAll}
	r.driver.Ask(func(m *repl.Machine) {
		link := m.Link()
		role.Replica = m.IsReplica()
		role.Stale = !set.serveStale && link.State != repl.LinkConnected
		role.FewReplicas = set.least > 0 && set.lagMost > 0 && m.Good(now) < set.least
	})
	return role
}

// refreshRole puts in force what the role means for commands.
func (r *replication) refreshRole() {
	if r.refreshRules() {
		return
	}
	r.s.eng.Exclusive(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.role = r.presentRole()
		r.s.eng.SetRole(r.role)
	})
}

// refreshRules is refreshRole, also for a command, unless the server is to become a
// replica or cease to be one, for which the world must stand still: ok is false then, and
// the driver will do it.
func (r *replication) refreshRules() (ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	role := r.presentRole() // lock order: r.mu < the driver's
	if role.Replica != r.role.Replica {
		return false
	}
	if role != r.role {
		r.role = role
		r.s.eng.SetRole(role)
	}
	return true
}

func roleOf(m *repl.Machine) (role command.Role) {
	link := m.Link()
	role.Replica, role.Host, role.Port, role.State = m.IsReplica(), link.Host, link.Port, link.State.String()
	for _, p := range m.Peers() {
		if p.State == repl.PeerOnline {
			ip, port := p.Address()
			role.Replicas = append(role.Replicas, command.ReplicaRole{IP: ip, Port: port, Offset: p.Ack})
		}
	}
	return role
}

// Role implements command.Host.
func (s *Server) Role() command.Role {
	var role command.Role
	s.repl.driver.Ask(func(m *repl.Machine) { role = roleOf(m) })
	role.Offset = s.eng.Feed.Offset()
	if role.Replica && role.State != repl.LinkConnected.String() {
		role.Offset = -1
	}
	return role
}

// sameMaster is the reply to REPLICAOF of the master that there is already.
const sameMaster = "OK Already connected to specified master"

// ReplicaOf implements command.Host.
func (s *Server) ReplicaOf(host string, port int, by *command.Session) string {
	client := s.clientLine(by)
	if host == "" {
		s.repl.driver.Call(repl.NoOne{By: client})
		s.repl.noteMaster()
		return "OK"
	}
	text := ""
	s.repl.driver.Ask(func(m *repl.Machine) {
		link := m.Link()
		switch {
		case m.FailoverState() != repl.FailoverNone:
			text = "-ERR REPLICAOF not allowed while failing over."
		case link.Host == host && link.Port == port:
			text = sameMaster
		}
	})
	if text == sameMaster {
		s.log.Noticef("REPLICAOF would result into synchronization with the master we are already connected with. No operation performed.")
	}
	if text != "" {
		return text
	}
	s.repl.driver.Call(repl.ReplicaOf{Host: host, Port: port, By: client})
	s.repl.noteMaster()
	return "OK"
}

// noteMaster has the configuration tell which master there is.
func (r *replication) noteMaster() {
	var link repl.Link
	r.driver.Ask(func(m *repl.Machine) { link = m.Link() })
	r.s.cfgMu.Lock()
	r.s.cfg.SetReplicaOf(link.Host, link.Port)
	_ = r.s.program.applyOOM() // logged, and nobody is there to be told
	r.s.cfgMu.Unlock()
}

// Failover implements command.Host.
func (s *Server) Failover(f command.FailoverRequest) (text string) {
	s.repl.driver.Sync() // replicas may just have said that they are there
	event := repl.Failover{Host: f.Host, Port: f.Port, Force: f.Force, TimeoutMs: f.TimeoutMs}
	s.repl.driver.Ask(func(m *repl.Machine) {
		if f.Abort {
			text = m.AbortError()
		} else {
			text = m.CheckFailover(event)
		}
	})
	switch {
	case text != "":
	case f.Abort:
		s.repl.driver.Call(repl.AbortFailover{})
	default:
		s.repl.driver.Call(event)
	}
	return text
}

// ChangeReplID implements command.Host.
func (s *Server) ChangeReplID() {
	s.log.Noticef("Changing replication IDs after receiving DEBUG change-repl-id")
	s.repl.driver.Prepare((*repl.Machine).ChangeID)
}

// clientLine describes a session for the log. In a Task.
func (s *Server) clientLine(sess *command.Session) string {
	c, ok := sess.Peer.(*netloop.Conn)
	if !ok {
		return "internal"
	}
	line := ""
	onLoop(c.Loop(), func() { line = s.describe(c.Data.(*client)) })
	return line
}

// replication writes the section Replication of INFO.
func (r *report) replication() {
	node := r.s.repl
	now, st := node.NowMs(), r.s.eng.Feed.Stats()
	line := func(name string, v any) { fmt.Fprintf(&r.text, "%s:%v\r\n", name, v) }
	// All that is needed of the configuration first: who changes it posts to the driver.
	priority := r.setting(func(c *config.Config) any { return c.Int("replica-priority") })
	announced := r.setting(func(c *config.Config) any { return oneIf(c.Bool("replica-announced")) })
	backlog := r.setting(func(c *config.Config) any { return c.Memory("repl-backlog-size") })
	set := node.settings.Load()
	node.driver.Ask(func(m *repl.Machine) {
		link := m.Link()
		if m.IsReplica() {
			line("role", "slave")
			r.masterLines(line, link, now, st)
			line("slave_priority", priority)
			line("slave_read_only", oneIf(set.readOnly))
			line("replica_announced", announced)
		} else {
			line("role", "master")
		}
		line("connected_slaves", len(m.Peers()))
		if set.least > 0 && set.lagMost > 0 {
			line("min_slaves_good_slaves", m.Good(now))
		}
		n := 0
		for _, p := range m.Peers() {
			if p.Info.RDBOnly && p.State == repl.PeerLoading {
				continue
			}
			lag := int64(0)
			if p.State == repl.PeerOnline {
				lag = max(now-p.AckMs, 0) / msPerSec
			}
			ip, port := p.Address()
			line("slave"+strconv.Itoa(n), fmt.Sprintf("ip=%s,port=%d,state=%s,offset=%d,lag=%d", ip, port, p.State, p.Ack, lag))
			n++
		}
		line("master_failover_state", m.FailoverState())
		id, id2, id2To := m.History()
		line("master_replid", id)
		line("master_replid2", id2)
		line("master_repl_offset", st.End)
		line("second_repl_offset", id2To)
		line("repl_backlog_active", oneIf(m.Kept()))
		line("repl_backlog_size", backlog)
		first, length := int64(0), int64(0)
		if m.Kept() {
			first, length = node.reach(&st)+1, st.End-node.reach(&st)
		}
		line("repl_backlog_first_byte_offset", first)
		line("repl_backlog_histlen", length)
	})
}

// syncs returns how many replicas were given everything (0), the rest of the stream
// (1), or were refused that (2).
func (r *report) syncs(i int) (n int64) {
	r.s.repl.driver.Ask(func(m *repl.Machine) {
		full, partial, refused := m.Syncs()
		n = [...]int64{full, partial, refused}[i]
	})
	return n
}

// masterLines writes the lines of a replica about its master.
func (r *report) masterLines(line func(string, any), link repl.Link, now int64, st feed.Stats) {
	line("master_host", link.Host)
	line("master_port", link.Port)
	up := link.State == repl.LinkConnected
	status := "down"
	if up {
		status = "up"
	}
	line("master_link_status", status)
	ago := int64(-1)
	if up {
		ago = max(now-link.HeardMs, 0) / msPerSec
	}
	line("master_last_io_seconds_ago", ago)
	syncing := link.State == repl.LinkTransfer || link.State == repl.LinkPayload
	line("master_sync_in_progress", oneIf(syncing))
	offset := st.End
	if !link.Known {
		offset = 1
	}
	line("slave_read_repl_offset", offset+r.s.repl.held.Load())
	line("slave_repl_offset", offset)
	if syncing {
		total, read := int64(-1), int64(0)
		if link.State == repl.LinkTransfer {
			total, read = r.s.repl.transfer()
		}
		line("master_sync_total_bytes", total)
		line("master_sync_read_bytes", read)
		line("master_sync_left_bytes", total-read) // less than none when the size is not known
		percent := 0.0
		if total > 0 {
			percent = 100 * float64(read) / float64(total)
		}
		line("master_sync_perc", fmt.Sprintf("%.2f", percent))
		line("master_sync_last_io_seconds_ago", max(now-link.HeardMs, 0)/msPerSec)
	}
	if !up {
		since := int64(-1)
		if link.DownSince > 0 {
			since = max(now-link.DownSince, 0) / msPerSec
		}
		line("master_link_down_since_seconds", since)
	}
}
