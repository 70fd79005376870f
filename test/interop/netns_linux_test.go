package interop

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// Two network namespaces, and between them a cable that is this process: each has a
// TUN device, and what one's kernel sends is handed to the other's, late or not at all.
// So packets are lost, late or go one way only, and TCP is the kernel's own; a queueing
// discipline that does this (netem) is in few kernels.
//
//	namespace 0: server ─ TCP ─ TUN device ──► read ─ lose? ─ wait ─ write ──► TUN device ─ TCP ─ server :namespace 1
//
// N1: names are unique to the process and the network. N2: with the end of the test
// both namespaces are gone, and it fails if a process was left in one. What a killed
// run has left is removed by the next one.

const (
	netPrefix  = "kvnet" // of the names of namespaces
	tunControl = "/dev/net/tun"
	packetMost = 2000 // bytes; the devices' MTU is 1500
	queueMost  = 4096 // packets on their way in one direction; what comes then is lost
)

// network is two namespaces, 0 and 1, and the cable between them.
type network struct {
	names [2]string
	ends  [2]*os.File // the devices
	ways  [2]way      // ways[i] is from i to the other
	work  sync.WaitGroup
}

// way is one direction of a cable. Its fields may change at any time.
type way struct {
	blocked atomic.Bool  // nothing arrives, and nobody is told
	permil  atomic.Int32 // of 1000 packets so many are lost
	delay   atomic.Int64 // nanoseconds
	passed  atomic.Int64
	lost    atomic.Int64
}

// networks counts those of this process.
var networks atomic.Int64

// sweep removes what runs that were killed have left.
var sweep sync.Once

// newNetwork makes a network whose losses follow from the seed. It is gone with the
// test, after the servers in it. The test is skipped where this cannot be.
func newNetwork(t *testing.T, seed uint64) *network {
	t.Helper()
	// What is missing is the machine's, not the program's: on others the tests run.
	if os.Getuid() != 0 {
		t.Skip("needs root, to make network namespaces and devices")
	}
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skipf("needs ip, to make network namespaces (Debian package iproute2): %v", err)
	}
	if _, err := os.Stat(tunControl); err != nil {
		t.Skipf("needs TUN devices, for the cable between namespaces: %v", err)
	}
	sweep.Do(func() { removeLeftovers(t) })
	n := &network{}
	number := networks.Add(1)
	for i := range n.names {
		n.names[i] = fmt.Sprintf("%s-%d-%d-%d", netPrefix, os.Getpid(), number, i)
		if out, err := exec.Command("ip", "netns", "add", n.names[i]).CombinedOutput(); err != nil {
			t.Skipf("no network namespace can be made here: %v: %s", err, out)
		}
		t.Cleanup(func() { removeNamespace(t, n.names[i]) })
	}
	for i, name := range n.names {
		device := fmt.Sprintf("kv%x.%x.%d", os.Getpid(), number, i)
		n.ends[i] = openTun(t, device)
		ip(t, "link", "set", device, "netns", name)
		ip(t, "-n", name, "link", "set", device, "name", "net")
		ip(t, "-n", name, "link", "set", "lo", "up")
		ip(t, "-n", name, "address", "add", n.host(i)+"/24", "dev", "net")
		ip(t, "-n", name, "link", "set", "net", "up")
	}
	for i := range n.ways {
		rnd := rand.New(rand.NewPCG(seed, uint64(i)))
		queue := make(chan packet, queueMost)
		n.work.Go(func() { n.ways[i].take(n.ends[i], rnd, queue) })
		n.work.Go(func() { hand(queue, n.ends[1-i]) })
	}
	t.Cleanup(func() {
		for _, end := range n.ends {
			end.Close()
		}
		n.work.Wait()
	})
	return n
}

// host is the address of a namespace, which the other reaches.
func (n *network) host(i int) string { return "10.11.12." + strconv.Itoa(1+i) }

// both does something to both directions.
func (n *network) both(do func(w *way)) {
	for i := range n.ways {
		do(&n.ways[i])
	}
}

// unplug takes the device of each namespace down, as without a cable, or up.
func (n *network) unplug(t *testing.T, down bool) {
	t.Helper()
	for _, name := range n.names {
		ip(t, "-n", name, "link", "set", "net", map[bool]string{true: "down", false: "up"}[down])
	}
}

// packet is one that is on its way until its time.
type packet struct {
	bytes []byte
	due   time.Time
}

// take reads what a device sends, until that is closed.
func (w *way) take(from *os.File, rnd *rand.Rand, queue chan<- packet) {
	defer close(queue)
	buf := make([]byte, packetMost)
	for {
		size, err := from.Read(buf)
		if err != nil {
			return // closed
		}
		// The numbers follow from the seed, whatever happens to packets meanwhile.
		unlucky := rnd.Int32N(1000) < w.permil.Load()
		if w.blocked.Load() || unlucky {
			w.lost.Add(1)
			continue
		}
		p := packet{bytes: append([]byte(nil), buf[:size]...), due: time.Now().Add(time.Duration(w.delay.Load()))}
		select {
		case queue <- p:
			w.passed.Add(1)
		default:
			w.lost.Add(1)
		}
	}
}

// hand gives packets to a device when their time has come.
func hand(queue <-chan packet, to *os.File) {
	for p := range queue {
		time.Sleep(time.Until(p.due)) // the delay of the cable is what is tested
		_, _ = to.Write(p.bytes)      // a device that is down takes nothing: lost
	}
}

// openTun makes a TUN device and opens its other side.
func openTun(t *testing.T, name string) *os.File {
	t.Helper()
	fd, err := syscall.Open(tunControl, syscall.O_RDWR|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("no TUN device can be made here: %v", err)
	}
	var request struct { // struct ifreq of Linux
		name  [syscall.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}
	copy(request.name[:syscall.IFNAMSIZ-1], name)
	request.flags = syscall.IFF_TUN | syscall.IFF_NO_PI
	if _, _, code := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.TUNSETIFF, uintptr(unsafe.Pointer(&request))); code != 0 {
		t.Skipf("no TUN device can be made here: %v", errors.Join(code, syscall.Close(fd)))
	}
	return os.NewFile(uintptr(fd), name)
}

// ip runs ip of iproute2.
func ip(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.Command("ip", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// removeNamespace removes a namespace, in which no process may be any more.
func removeNamespace(t *testing.T, name string) {
	if pids := strings.Fields(ip(t, "netns", "pids", name)); len(pids) > 0 {
		t.Errorf("namespace %s still has the processes %v", name, pids)
	}
	ip(t, "netns", "delete", name)
	for _, have := range namespaces(t) {
		if have == name {
			t.Errorf("namespace %s is not gone", name)
		}
	}
}

// namespaces returns the names of those of this kind.
func namespaces(t testing.TB) []string {
	var out []string
	for line := range strings.Lines(ip(t, "netns", "list")) {
		if f := strings.Fields(line); len(f) > 0 && strings.HasPrefix(f[0], netPrefix+"-") {
			out = append(out, f[0])
		}
	}
	return out
}

// removeLeftovers removes the namespaces of processes that are no more.
func removeLeftovers(t testing.TB) {
	for _, name := range namespaces(t) {
		var pid, number, i int
		if _, err := fmt.Sscanf(name, netPrefix+"-%d-%d-%d", &pid, &number, &i); err != nil {
			continue
		}
		if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			_ = exec.Command("ip", "netns", "delete", name).Run() // another run may do the same
		}
	}
}
