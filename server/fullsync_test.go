package server_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"kvorum/checksum"
	"kvorum/server"
	"kvorum/server/servertest"
)

// rawReplica is the replica's side of a full synchronization, step by step.
type rawReplica struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
	mark string // behind the payload
	size int    // of the payload, where there is no mark
	log  *servertest.Buffer
}

// askFull asks for everything, with an EOF mark or without.
func askFull(t testing.TB, in *servertest.Instance, eof bool) *rawReplica {
	t.Helper()
	conn, err := net.Dial("unix", in.Socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	r := &rawReplica{t: t, log: in.Log, conn: conn, in: bufio.NewReaderSize(conn, 1<<20)}
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	capa := "REPLCONF capa psync2\r\n"
	if eof {
		capa = "REPLCONF capa eof capa psync2\r\n"
	}
	fmt.Fprint(conn, capa)
	r.expect("+OK")
	fmt.Fprint(conn, "PSYNC ? -1\r\n")
	r.expect("+FULLRESYNC")
	return r
}

// expect reads lines that say something and returns the first, which begins with prefix.
func (r *rawReplica) expect(prefix string) string {
	r.t.Helper()
	for {
		line, err := r.in.ReadString('\n')
		if err != nil {
			r.t.Fatalf("instead of %q: %v", prefix, err)
		}
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if !strings.HasPrefix(line, prefix) {
			r.t.Fatalf("%q instead of %q", line, prefix)
		}
		return line
	}
}

// begin reads the line in front of the payload.
func (r *rawReplica) begin() {
	r.t.Helper()
	line := r.expect("$")
	if mark, ok := strings.CutPrefix(line, "$EOF:"); ok {
		r.mark = mark
		return
	}
	size, err := strconv.Atoi(line[1:])
	if err != nil {
		r.t.Fatal(err)
	}
	r.size = size
}

// payload reads the payload.
func (r *rawReplica) payload() []byte {
	r.t.Helper()
	if r.mark == "" {
		b := make([]byte, r.size)
		if _, err := io.ReadFull(r.in, b); err != nil {
			r.t.Fatal(err)
		}
		return b
	}
	var all []byte
	for !bytes.HasSuffix(all, []byte(r.mark)) {
		if _, err := r.in.Peek(1); err != nil {
			r.t.Fatal(err)
		}
		b, _ := r.in.Peek(r.in.Buffered())
		// Nothing follows the mark before the replica says that it has loaded.
		all = append(all, b...)
		if _, err := r.in.Discard(len(b)); err != nil {
			r.t.Fatal(err)
		}
	}
	return bytes.TrimSuffix(all, []byte(r.mark))
}

// online says that all is loaded.
func (r *rawReplica) online() { fmt.Fprint(r.conn, "REPLCONF ACK 0\r\n") }

// wantValues reads the stream: SETs of k0, k1 ... with a value that ends in the number.
func (r *rawReplica) wantValues(n int, value string) {
	r.t.Helper()
	c := servertest.NewConn(r.t, &buffered{r.conn, r.in})
	for i := 0; i < n; {
		v, err := c.TryRead()
		if err != nil {
			r.t.Fatalf("at %d of %d: %v\n%s", i, n, err, r.log)
		}
		var words []string
		for _, e := range v.Elems {
			words = append(words, string(e.Str))
		}
		if len(words) != 3 || words[0] != "SET" {
			continue
		}
		if words[1] != "k"+strconv.Itoa(i) || words[2] != value+strconv.Itoa(i) {
			r.t.Fatalf("%s with %d bytes at %d", words[1], len(words[2]), i)
		}
		i++
	}
}

// buffered is a connection of which some was read already.
type buffered struct {
	net.Conn
	in io.Reader
}

func (b *buffered) Read(p []byte) (int, error) { return b.in.Read(p) }

// setMany sets k0 ... to values that end in the number.
func setMany(c *servertest.Conn, n int, value string) {
	for i := range n {
		c.Want("+OK", "SET", "k"+strconv.Itoa(i), value+strconv.Itoa(i))
	}
}

// spools returns how many files without a name for replicas are open.
func spools(t testing.TB) (n int) {
	t.Helper()
	if runtime.GOOS != "linux" {
		return 0
	}
	list, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range list {
		if to, err := os.Readlink(fd); err == nil && strings.Contains(to, "temp-sync-") {
			n++
		}
	}
	return n
}

func streamMemory(t testing.TB, c *servertest.Conn) int {
	t.Helper()
	n, err := strconv.Atoi(c.Info("mem_total_replication_buffers"))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

const fullSyncValue = 1 << 20

// What passes while a replica loads its snapshot waits on disk, not in memory; the
// replica gets all of it, though it is more than the limit of its class, and then no file
// is left. With a disk tier as without.
func TestStreamOfLoadingReplicaIsOnDisk(t *testing.T) {
	for _, tier := range []string{"0", "8mb"} {
		for _, eof := range []bool{true, false} {
			t.Run(fmt.Sprintf("tier=%s/eof=%v", tier, eof), func(t *testing.T) {
				// The snapshot takes its time; without a mark it is sent when it is whole, and the
				// replica counts as online then though it has still to load it.
				await(t, func() bool { return spools(t) == 0 }) // of other tests
				in := servertest.Start(t, "repl-diskless-sync-delay 0", "repl-backlog-size 1mb", "repl-backlog-disk-size "+tier,
					"client-output-buffer-limit replica 8mb 4mb 1", "rdb-key-save-delay 1000")
				c := in.Dial()
				for i := range 200 {
					c.Want("+OK", "SET", "old"+strconv.Itoa(i), "v")
				}
				r := askFull(t, in, eof)
				if eof {
					r.begin()
				}
				const n = 24
				value := strings.Repeat("v", fullSyncValue)
				setMany(c, n, value)
				await(t, func() bool { return streamMemory(t, c) < 8<<20 })
				if !eof {
					r.begin()
				}
				if b := r.payload(); !bytes.HasPrefix(b, []byte("REDIS")) {
					t.Fatalf("a payload of %d bytes", len(b))
				}
				r.online()
				r.wantValues(n, value)
				await(t, func() bool { return c.Info("slave0") != "" && strings.Contains(c.Info("slave0"), "state=online") })
				if tier == "0" {
					await(t, func() bool { return spools(t) == 0 })
				}
				if full := c.Info("sync_full"); full != "1" {
					t.Errorf("%s full synchronizations\n%s", full, in.Log)
				}
			})
		}
	}
}

// The files go with the replica for which they were, whatever it was about to do.
func TestStreamFilesGoWithTheReplica(t *testing.T) {
	await(t, func() bool { return spools(t) == 0 }) // of other tests
	in := servertest.Start(t, "repl-diskless-sync-delay 0", "repl-backlog-size 1mb")
	c := in.Dial()
	value := strings.Repeat("v", fullSyncValue)
	for _, loaded := range []bool{false, true} {
		r := askFull(t, in, true)
		if loaded {
			r.begin()
			r.payload()
		}
		setMany(c, 16, value)
		await(t, func() bool { return in.Server.StreamOnDisk() > 8<<20 })
		if loaded {
			r.online()
			await(t, func() bool { return strings.Contains(c.Info("slave0"), "state=online") })
		}
		r.conn.Close()
		await(t, func() bool { return in.Server.StreamOnDisk() == 0 && spools(t) == 0 })
		await(t, func() bool { return streamMemory(t, c) < 2<<20 })
	}
}

// A disk that takes nothing leaves the stream in memory; past the limit of the class the
// replica is let go, with a line in the log.
func TestStreamStaysInMemoryWithoutDisk(t *testing.T) {
	in := servertest.Start(t, "repl-diskless-sync-delay 0", "repl-backlog-size 1mb", "client-output-buffer-limit replica 12mb 0 0")
	c := in.Dial()
	in.Server.FailStreamDisk(server.ErrDiskFull, 1<<20)
	value := strings.Repeat("v", fullSyncValue)
	r := askFull(t, in, true)
	r.begin()
	r.payload()
	setMany(c, 8, value)
	await(t, func() bool {
		return strings.Contains(in.Log.String(), "Can't write the stream for replicas to disk, it stays in memory until that works: No space left on device")
	})
	r.online()
	r.wantValues(8, value)

	r = askFull(t, in, true)
	r.begin()
	r.payload()
	setMany(c, 24, value)
	await(t, func() bool {
		return strings.Contains(in.Log.String(), "what was there is given up: No space left on device")
	})
	await(t, func() bool { return streamMemory(t, c) < 4<<20 })
	r.online()
	if _, err := io.Copy(io.Discard, r.in); err != nil {
		t.Error(err)
	}
	if log := in.Log.String(); !strings.Contains(log, "The stream that a replica needs is gone") {
		t.Errorf("%s", log)
	}
	// The disk is well again: the next one gets through.
	in.Server.FailStreamDisk(nil, 64<<20)
	r = askFull(t, in, true)
	r.begin()
	r.payload()
	setMany(c, 24, value)
	r.online()
	r.wantValues(24, value)
}

// A snapshot reaches every taker whole, with an EOF mark and without, though they take it
// in pieces and at the same time.
func TestSnapshotReachesTakersWhole(t *testing.T) {
	in := servertest.Start(t, "repl-diskless-sync-delay 0", "rdbcompression no")
	c := in.Dial()
	random := rand.New(rand.NewPCG(1, 2))
	value := make([]byte, fullSyncValue)
	for i := range 12 {
		for j := range value {
			value[j] = byte(random.Uint32())
		}
		c.Want("+OK", "SET", "k"+strconv.Itoa(i), string(value))
	}
	for _, eof := range []bool{true, false} {
		var takers []*rawReplica
		for range 3 {
			takers = append(takers, askFull(t, in, eof))
		}
		for i, r := range takers {
			r.begin()
			b := r.payload()
			sum := binary.LittleEndian.Uint64(b[len(b)-8:])
			if have := checksum.CRC64(0, b[:len(b)-8]); have != sum || len(b) < 12*fullSyncValue {
				t.Errorf("taker %d of a payload of %d bytes: sum %x instead of %x", i, len(b), have, sum)
			}
			r.conn.Close()
		}
	}
	await(t, func() bool { return c.Info("connected_slaves") == "0" && spools(t) == 0 })
}
