package repl_test

import (
	"fmt"
	"strings"
	"testing"

	"kvorum/repl"
)

// bench is a machine with what it said last.
type bench struct {
	t    *testing.T
	m    *repl.Machine
	now  int64
	view repl.View
	ids  int
}

func config() repl.Config {
	return repl.Config{
		Port: 6379, DisklessSync: true, PingPeriod: 10_000, Timeout: 60_000, BacklogTTL: 3_600_000, MaxLag: 10_000, KeepOverEmpty: true,
	}
}

func newBench(t *testing.T, cfg repl.Config) *bench {
	b := &bench{t: t, now: 1000, view: repl.View{Synced: -1}}
	b.m = repl.New(cfg, func() string {
		b.ids++
		return strings.Repeat(fmt.Sprint(b.ids%10), repl.IDLen)
	})
	return b
}

// actions returns what the machine wants done, log lines left out, one in a line.
func (b *bench) actions() string {
	var list []string
	for _, a := range b.m.Ready() {
		if _, ok := a.(repl.Log); !ok {
			list = append(list, strings.TrimPrefix(fmt.Sprintf("%T%+v", a, a), "repl."))
		}
	}
	b.m.Advance()
	return strings.Join(list, "\n")
}

// step gives the machine an event and compares what it does about it.
func (b *bench) step(e repl.Event, want ...string) {
	b.t.Helper()
	b.m.Step(b.now, b.view, e)
	b.compare(want)
}

// pass lets time go by with ticks.
func (b *bench) pass(ms int64, want ...string) {
	b.t.Helper()
	var all []string
	for end := b.now + ms; b.now < end; {
		b.now += 100
		b.m.Tick(b.now, b.view)
		if text := b.actions(); text != "" {
			all = append(all, text)
		}
	}
	if have := strings.Join(all, "\n"); have != strings.Join(want, "\n") {
		b.t.Errorf("have\n%s\nwant\n%s", have, strings.Join(want, "\n"))
	}
}

func (b *bench) compare(want []string) {
	b.t.Helper()
	if have := b.actions(); have != strings.Join(want, "\n") {
		b.t.Errorf("have\n%s\nwant\n%s", have, strings.Join(want, "\n"))
	}
}

func line(text string) repl.LinkLine { return repl.LinkLine{Line: text} }

var (
	masterID = strings.Repeat("a", repl.IDLen)
	otherID  = strings.Repeat("b", repl.IDLen)
)

// connected brings a replica to its first full synchronization.
func (b *bench) connected(keys int64) {
	b.t.Helper()
	b.step(repl.ReplicaOf{Host: "m", Port: 1}, "RoleChanged{Replica:true}", "Dial{Host:m Port:1}")
	b.shakeHands("?", -1)
	b.step(line("+FULLRESYNC " + masterID + " 100"))
	b.step(line("$EOF:"+otherID), "Receive{Size:0 Mark:"+otherID+"}")
	b.step(repl.Loaded{OK: true, Keys: keys, Kept: 0},
		"Adopt{Offset:100}", "KeepStream{}", "Apply{}", "Send{Args:[REPLCONF ACK 100]}")
	b.view.Start, b.view.End = 100, 100
}

func (b *bench) shakeHands(id string, offset int64) {
	b.t.Helper()
	b.step(repl.LinkUp{}, "Send{Args:[PING]}")
	b.step(line("+PONG"), "Send{Args:[REPLCONF listening-port 6379]}", "Send{Args:[REPLCONF capa eof capa psync2]}")
	b.step(line("+OK"))
	b.step(line("-ERR an old master knows no capa"), fmt.Sprintf("Send{Args:[PSYNC %s %d]}", id, offset))
}

func TestReplicaComesBack(t *testing.T) {
	b := newBench(t, config())
	b.connected(5)
	b.view.End = 150
	b.pass(1000, "Send{Args:[REPLCONF ACK 150]}")
	b.step(repl.LinkDown{Reason: "reset"}, "Dial{Host:m Port:1}")
	b.shakeHands(masterID, 151)
	b.step(line("")) // the master shows that it is there
	b.step(line("+CONTINUE "+otherID), "Apply{}")
	if id, id2, to := b.m.History(); id != otherID || id2 != masterID || to != 151 {
		t.Error(id, id2, to)
	}
	// Promoted, it begins a history of its own, and the last one is good up to here.
	b.step(repl.NoOne{By: "x"}, "Hangup{}", "RoleChanged{Replica:false}")
	if _, id2, to := b.m.History(); id2 != otherID || to != 151 {
		t.Error(id2, to)
	}
}

// A server that was a master for a while goes on with the history that others know, as
// long as nothing has happened and nobody was told of its own.
func TestMasterForAWhile(t *testing.T) {
	for _, c := range []struct {
		written int64
		replica bool
		asked   string
	}{{0, false, masterID}, {1, false, ""}, {0, true, ""}} {
		b := newBench(t, config())
		b.connected(5)
		b.view.End = 120
		b.step(repl.NoOne{By: "x"}, "Hangup{}", "RoleChanged{Replica:false}")
		own, _, _ := b.m.History()
		b.view.End += c.written
		if c.replica {
			b.psync(1, masterID, 121, "Reply{Peer:1 Text:+CONTINUE "+own+"\r\n}", "Stream{Peer:1 From:120}")
		}
		b.step(repl.ReplicaOf{Host: "m", Port: 1}, "RoleChanged{Replica:true}", "Dial{Host:m Port:1}")
		if c.asked == "" {
			c.asked = own
		}
		b.shakeHands(c.asked, 121+c.written)
	}
	// So does one that has restarted, and finds that another one has taken over.
	b := newBench(t, config())
	b.view.Start, b.view.End = 500, 500
	b.m.Restore(b.now, masterID, 500)
	b.step(repl.ReplicaOf{Host: "m", Port: 1}, "KeepStream{}", "RoleChanged{Replica:true}", "Dial{Host:m Port:1}")
	b.shakeHands(masterID, 501)
}

func TestHandshakeThatFails(t *testing.T) {
	cfg := config()
	cfg.MasterAuth = "secret"
	b := newBench(t, cfg)
	b.step(repl.ReplicaOf{Host: "m", Port: 1}, "RoleChanged{Replica:true}", "Dial{Host:m Port:1}")
	b.step(repl.LinkDown{Reason: "refused"})
	b.pass(1000, "Dial{Host:m Port:1}")
	b.step(repl.LinkUp{}, "Send{Args:[PING]}")
	b.step(line("-NOAUTH Authentication required."),
		"Send{Args:[AUTH secret]}", "Send{Args:[REPLCONF listening-port 6379]}", "Send{Args:[REPLCONF capa eof capa psync2]}")
	b.step(line("-WRONGPASS no"), "Hangup{}")
	b.pass(1000, "Dial{Host:m Port:1}")
	b.step(repl.LinkUp{}, "Send{Args:[PING]}")
	b.step(line("-ERR what"), "Hangup{}")
	if b.m.Link().State.String() != "connect" {
		t.Error(b.m.Link().State)
	}
}

func TestMasterWithoutPsync(t *testing.T) {
	b := newBench(t, config())
	b.step(repl.ReplicaOf{Host: "m", Port: 1}, "RoleChanged{Replica:true}", "Dial{Host:m Port:1}")
	b.shakeHands("?", -1)
	b.step(line("-ERR unknown command"), "Send{Args:[SYNC]}")
	b.step(line("$20"), "Receive{Size:20 Mark:}")
	b.step(repl.Loaded{OK: true, Keys: 1}, "Adopt{Offset:0}", "KeepStream{}", "Apply{}")
	b.step(repl.LinkDown{Reason: "reset"}, "Dial{Host:m Port:1}")
}

// A master that lost its data does not empty its replica, unless the operator says so.
func TestEmptyMasterIsRefused(t *testing.T) {
	b := newBench(t, config())
	b.connected(5)
	b.step(repl.LinkDown{Reason: "reset"}, "Dial{Host:m Port:1}")
	b.shakeHands(masterID, 101)
	b.step(line("+FULLRESYNC " + otherID + " 0"))
	b.step(line("$18"), "Receive{Size:18 Mark:}")
	b.step(repl.Loaded{OK: true, Keys: 0, Kept: 5}, "Discard{}", "Hangup{}")
	b.step(repl.NoOne{By: "x"}, "RoleChanged{Replica:false}")
	b.step(repl.ReplicaOf{Host: "m", Port: 1}, "RoleChanged{Replica:true}", "Dial{Host:m Port:1}")
	b.shakeHands(masterID, 101)
	b.step(line("+FULLRESYNC " + otherID + " 0"))
	b.step(line("$18"), "Receive{Size:18 Mark:}")
	b.step(repl.Loaded{OK: true, Keys: 0, Kept: 5}, "Adopt{Offset:0}", "KeepStream{}", "Apply{}")
}

func (b *bench) psync(peer repl.PeerID, id string, offset int64, want ...string) {
	b.t.Helper()
	b.step(repl.Psync{Peer: peer, ID: id, Offset: offset, Info: repl.PeerInfo{Addr: "1.2.3.4:5", Port: int(peer), EOF: true, PSYNC2: true}}, want...)
}

func TestMasterServesReplicas(t *testing.T) {
	cfg := config()
	cfg.DisklessDelay = 1000
	b := newBench(t, cfg)
	b.psync(1, "?", -1, "KeepStream{}")
	b.pass(500, "Reply{Peer:1 Text:\n}")
	b.psync(2, "?", -1)
	b.pass(500, "TakeSnapshot{Snapshot:1 Filter:}")
	b.view.End = 10
	id, _, _ := b.m.History()
	b.step(repl.SnapshotBegun{Snapshot: 1, Offset: 10},
		"Reply{Peer:1 Text:+FULLRESYNC "+id+" 10\r\n}", "GiveSnapshot{Peer:1 Snapshot:1 EOF:true}",
		"Reply{Peer:2 Text:+FULLRESYNC "+id+" 10\r\n}", "GiveSnapshot{Peer:2 Snapshot:1 EOF:true}")
	b.psync(3, "?", -1, "Reply{Peer:3 Text:+FULLRESYNC "+id+" 10\r\n}", "GiveSnapshot{Peer:3 Snapshot:1 EOF:true}")
	b.step(repl.SnapshotEnded{Snapshot: 1, OK: true}, "FreeSnapshot{Snapshot:1}")
	b.step(repl.PayloadSent{Peer: 1})
	b.step(repl.Ack{Peer: 1, Offset: 10, Synced: -1}, "AcksChanged{}", "Stream{Peer:1 From:10}")
	b.view.End = 30
	b.psync(4, id, 21, "Reply{Peer:4 Text:+CONTINUE "+id+"\r\n}", "Stream{Peer:4 From:20}")
	b.psync(5, id, 99, "") // beyond the end: everything, with the next snapshot
	if full, partial, refused := b.m.Syncs(); full != 4 || partial != 1 || refused != 1 {
		t.Error(full, partial, refused)
	}
	if applied, _ := b.m.Acked(10); applied != 1 || b.m.Good(b.now) != 2 {
		t.Error(applied, b.m.Good(b.now))
	}
}

func TestSnapshotThatFails(t *testing.T) {
	b := newBench(t, config())
	b.psync(1, "?", -1, "KeepStream{}", "TakeSnapshot{Snapshot:1 Filter:}")
	b.step(repl.SnapshotEnded{Snapshot: 1}, "FreeSnapshot{Snapshot:1}",
		"Reply{Peer:1 Text:-ERR BGSAVE failed, replication can't continue\r\n}", "Drop{Peer:1}")
	b.psync(2, "?", -1, "TakeSnapshot{Snapshot:2 Filter:}")
	b.step(repl.PeerGone{Peer: 2}, "StopSnapshot{Snapshot:2}")
}

func TestFailoverByHand(t *testing.T) {
	b := newBench(t, config())
	b.psync(1, "?", -1, "KeepStream{}", "TakeSnapshot{Snapshot:1 Filter:}")
	id, _, _ := b.m.History()
	if text := b.m.CheckFailover(repl.Failover{Host: "1.2.3.4", Port: 1}); text != "FAILOVER target replica is not online." {
		t.Error(text)
	}
	b.step(repl.SnapshotBegun{Snapshot: 1}, "Reply{Peer:1 Text:+FULLRESYNC "+id+" 0\r\n}", "GiveSnapshot{Peer:1 Snapshot:1 EOF:true}")
	b.step(repl.SnapshotEnded{Snapshot: 1, OK: true}, "FreeSnapshot{Snapshot:1}")
	b.step(repl.PayloadSent{Peer: 1})
	b.step(repl.Ack{Peer: 1, Synced: -1}, "AcksChanged{}", "Stream{Peer:1 From:0}")
	f := repl.Failover{TimeoutMs: 500}
	if text := b.m.CheckFailover(f); text != "" {
		t.Error(text)
	}
	b.view.End = 50
	b.m.Step(b.now, b.view, f)
	if have := b.actions(); !strings.HasPrefix(have, "PauseWrites{") || !strings.HasSuffix(have, "Control{Command:[REPLCONF GETACK *]}") {
		t.Error(have)
	}
	b.pass(500, "ResumeWrites{}") // nobody is that far in time
	b.m.Step(b.now, b.view, repl.Failover{})
	b.actions()
	b.step(repl.Ack{Peer: 1, Offset: 50, Synced: -1}, "AcksChanged{}", "RoleChanged{Replica:true}", "Dial{Host:1.2.3.4 Port:1}")
	b.step(repl.LinkUp{}, "Send{Args:[PING]}")
	b.step(line("+PONG"), "Send{Args:[REPLCONF listening-port 6379]}", "Send{Args:[REPLCONF capa eof capa psync2]}")
	b.step(line("+OK"))
	b.step(line("+OK"), "Send{Args:[PSYNC "+id+" 51 FAILOVER]}")
	b.step(line("+CONTINUE "+otherID), "ResumeWrites{}", "Drop{Peer:1}", "Apply{}")
	if b.m.FailoverState() != repl.FailoverNone || !b.m.IsReplica() {
		t.Error(b.m.FailoverState(), b.m.IsReplica())
	}
}

func TestBacklogEnds(t *testing.T) {
	cfg := config()
	cfg.BacklogTTL = 2000
	b := newBench(t, cfg)
	b.psync(1, "?", -1, "KeepStream{}", "TakeSnapshot{Snapshot:1 Filter:}")
	before, _, _ := b.m.History()
	b.step(repl.PeerGone{Peer: 1}, "StopSnapshot{Snapshot:1}")
	b.pass(2000, "ForgetStream{}")
	if id, id2, _ := b.m.History(); id == before || id2 != repl.NoID || b.m.Kept() {
		t.Error(id, id2)
	}
}
