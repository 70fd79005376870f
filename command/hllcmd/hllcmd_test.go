package hllcmd_test

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"kvorum/command"
	"kvorum/command/all"
	"kvorum/command/hllcmd"
	"kvorum/command/strcmd"
	"kvorum/ds/hll"
	"kvorum/engine/enginetest"
	"kvorum/resp"
)

// value returns what a key holds.
func value(t testing.TB, s *enginetest.Server, key string) []byte {
	t.Helper()
	reply := s.Do("GET", key)
	_, text, ok := strings.Cut(reply, "\r\n")
	if !ok || reply[0] != '$' {
		t.Fatalf("GET %s: %q", key, reply)
	}
	return []byte(strings.TrimSuffix(text, "\r\n"))
}

// TestRegisters: PFDEBUG GETREG replies the registers one by one, of a value that
// was sparse until then.
func TestRegisters(t *testing.T) {
	s := enginetest.New(t, all.Families()...)
	args, want := []string{"PFADD", "k"}, new(hll.Registers)
	for i := range 500 {
		element := "element:" + strconv.Itoa(i)
		args = append(args, element)
		index, rank := hll.Hash([]byte(element))
		want[index] = max(want[index], rank)
	}
	s.Do(args...)
	var reply strings.Builder
	fmt.Fprintf(&reply, "*%d\r\n", len(want))
	for _, v := range want {
		fmt.Fprintf(&reply, ":%d\r\n", v)
	}
	for range 2 {
		if have := s.Do("PFDEBUG", "GETREG", "k"); have != reply.String() {
			t.Fatal("registers differ")
		}
	}
	if have := s.Do("PFDEBUG", "ENCODING", "k"); have != "+dense\r\n" {
		t.Errorf("encoding %q", have)
	}
}

// TestStoredAsInMemory: a value that grows in the keyspace, through all the
// blocks that it moves to, is the one that grows in a slice.
func TestStoredAsInMemory(t *testing.T) {
	for _, sparseMax := range []int64{0, 60, 1010, 3000, 16000} {
		s := enginetest.New(t, all.Families()...)
		s.Do("CONFIG", "SET", "hll-sparse-max-bytes", strconv.FormatInt(sparseMax, 10))
		want, n := hll.AppendEmpty(nil), 0
		for step := range 200 {
			args := []string{"PFADD", "k"}
			for range step % 30 {
				n++
				element := strconv.Itoa(n)
				args = append(args, element)
				index, rank := hll.Hash([]byte(element))
				var raised bool
				if want, raised, _ = hll.Raise(want, index, rank, sparseMax); raised {
					hll.Invalidate(want)
				}
			}
			if step > 0 && len(args) == 2 {
				continue
			}
			s.Do(args...)
			if step == 0 {
				hll.Invalidate(want)
			}
			if have := value(t, s, "k"); !bytes.Equal(have, want) {
				t.Fatalf("max %d, %d elements:\n%q\nwant\n%q", sparseMax, n, have, want)
			}
		}
		count, _ := hll.Count(want)
		if have := s.Do("PFCOUNT", "k"); have != fmt.Sprintf(":%d\r\n", count) {
			t.Errorf("PFCOUNT %q, want %d", have, count)
		}
		if err := hll.Validate(value(t, s, "k")); err != nil {
			t.Error(err)
		}
	}
}

// FuzzStoredBytes: every command on a key that holds any bytes whatever. A read
// or write outside them panics, or shows when the memory is checked at the end.
func FuzzStoredBytes(f *testing.F) {
	f.Add([]byte("HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\xff"), "a", 3000)
	f.Add([]byte("HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f"), "b", 17)
	f.Add([]byte("HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x80\x84\x00\x88\x8c\x41\x10\x90\x94\x94\x94\x7f"), "c", 1<<20)
	f.Add(append([]byte("HYLL\x00"), make([]byte, hll.DenseSize-5)...), "d", 3000)
	commands := []string{
		"PFADD k", "PFCOUNT k", "PFADD k #", "PFADD k x y z # 1 2 3 4 5 6 7 8 9", "PFCOUNT k", "PFCOUNT k other", "PFMERGE new k other",
		"PFMERGE k other", "PFDEBUG DECODE k", "PFDEBUG ENCODING k", "PFDEBUG TODENSE k", "PFDEBUG GETREG k", "PFMERGE k", "PFCOUNT k",
	}
	f.Fuzz(func(t *testing.T, b []byte, element string, sparseMax int) {
		s := enginetest.New(t, hllcmd.Specs(), strcmd.Specs())
		s.Do("CONFIG", "SET", "hll-sparse-max-bytes", strconv.Itoa(max(sparseMax, 0)))
		s.Do("PFADD", "other", "o", "p")
		for _, line := range commands {
			s.Do("SET", "k", string(b))
			for _, line := range []string{line, "PFADD k q", line} {
				args := strings.Fields(line)
				for i := range args {
					if args[i] == "#" {
						args[i] = element
					}
				}
				if reply := s.Do(args...); reply == "" {
					t.Fatalf("no reply to %q", args)
				}
			}
		}
	})
}

// hot are the requests whose handlers must not allocate.
var hot = enginetest.Hot{
	Families: [][]*command.Spec{hllcmd.Specs(), strcmd.Specs()},
	Fill: []string{
		"PFADD one element:#\nPFADD h:# a b c\nPFADD dense element:#",
		"PFDEBUG TODENSE dense",
	},
	Requests: map[string]string{
		"PFADD sparse":   "PFADD one element:#",
		"PFADD many":     "PFADD h:# a b c d e f",
		"PFADD dense":    "PFADD dense element:#",
		"PFADD changes":  "SETRANGE one 16 \x7f\xff\nPFADD one element:#",
		"PFADD grows":    "SET h:# HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\xff\nPFADD h:# a b c d e f g h i j",
		"PFCOUNT":        "PFCOUNT one",
		"PFCOUNT anew":   "SETRANGE dense 15 \x80\nPFCOUNT dense",
		"PFCOUNT union":  "PFCOUNT one dense h:#",
		"PFMERGE sparse": "PFMERGE two one h:#",
		"PFMERGE dense":  "PFMERGE three dense h:#",
		"PFDEBUG":        "SET h:# HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\xff\nPFDEBUG TODENSE h:#",
	},
}

func TestHotCommandsDoNotAllocate(t *testing.T) { hot.Gate(t) }

func BenchmarkServe(b *testing.B) { hot.Bench(b) }

// TestConfigSetActsAtOnce: on the next request, also where both arrived together.
func TestConfigSetActsAtOnce(t *testing.T) {
	s := enginetest.New(t, all.Families()...)
	var in []byte
	for _, line := range []string{"CONFIG SET hll-sparse-max-bytes 0", "PFADD k a", "PFDEBUG ENCODING k"} {
		in = resp.AppendCommandStrings(in, strings.Fields(line)...)
	}
	if have := string(s.Serve(s.Session("main", 2), in)); have != "+OK\r\n:1\r\n+dense\r\n" {
		t.Errorf("%q", have)
	}
}
