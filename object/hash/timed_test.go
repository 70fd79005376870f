package hash

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"kvorum/mem"
	"kvorum/object"
	"kvorum/rng"
)

// timedModel is a hash whose fields have due times, 0 for none.
type timedModel struct {
	t      *testing.T
	a      *mem.Arena
	rec    mem.Handle
	lim    Limits
	now    int64
	fields map[string]timedField
	buf    []byte
}

type timedField struct {
	value string
	due   int64
}

func (m *timedModel) gone(f timedField) bool { return f.due != 0 && f.due < m.now }

// has returns a field that is not gone.
func (m *timedModel) has(name string) (timedField, bool) {
	f, ok := m.fields[name]
	return f, ok && !m.gone(f)
}

func (m *timedModel) live() (n int) {
	for _, f := range m.fields {
		if !m.gone(f) {
			n++
		}
	}
	return n
}

// step does one random thing to the hash and to the model. name and value are bytes
// of a fuzzer or random words.
func (m *timedModel) step(op byte, name, value string, due int64) {
	h := OpenAt(m.rec, m.now)
	old, had := m.has(name)
	switch op % 8 {
	case 0, 1:
		if h.Set([]byte(name), []byte(value), m.lim, &m.buf) == had {
			m.t.Fatalf("setting %q", name)
		}
		m.fields[name] = timedField{value: value}
	case 2:
		if h.Update([]byte(name), []byte(value), m.lim, &m.buf) == had {
			m.t.Fatalf("updating %q", name)
		}
		if !had {
			old.due = 0
		}
		m.fields[name] = timedField{value, old.due}
	case 3:
		if h.Delete([]byte(name)) != had {
			m.t.Fatalf("deleting %q", name)
		}
		if had {
			delete(m.fields, name)
		}
	case 4, 5:
		if had {
			h.SetDue([]byte(name), due, &m.buf)
			m.fields[name] = timedField{old.value, due}
		}
	case 6:
		m.now += due % 64
		m.expire(&h, int(due%5))
	case 7:
		m.copied()
	}
	m.compare()
}

// expire removes some fields: always the ones that are due earliest.
func (m *timedModel) expire(h *Hash, limit int) {
	latest := int64(0)
	n := h.Expire(m.now, limit, func(field []byte) {
		f, ok := m.fields[string(field)]
		if !ok || !m.gone(f) || f.due < latest {
			m.t.Fatalf("%q expired, %+v at %d", field, f, m.now)
		}
		latest = f.due
		delete(m.fields, string(field))
	})
	if n < limit && m.live() != len(m.fields) {
		m.t.Fatalf("%d of %d expired, %d are gone still", n, limit, len(m.fields)-m.live())
	}
}

// copied makes a copy the hash.
func (m *timedModel) copied() {
	rec := object.Clone(m.a, m.rec, []byte("another key"), false, false)
	if d := object.Load(rec); d.Timed() {
		if due, _ := object.FieldTicket(rec); due != 0 {
			m.t.Fatalf("a copy has a ticket for %d", due)
		}
	}
	object.Free(m.rec)
	m.rec = rec
}

func (m *timedModel) compare() {
	h := OpenAt(m.rec, m.now)
	if err := h.Validate(); err != nil {
		m.t.Fatal(err)
	}
	if h.Len() != m.live() || h.Stored() != len(m.fields) {
		m.t.Fatalf("%d fields and %d gone, want %d and %d", h.Len(), h.Stored()-h.Len(), m.live(), len(m.fields)-m.live())
	}
	next := int64(-1)
	for name, f := range m.fields {
		if f.due != 0 && (next < 0 || f.due < next) {
			next = f.due
		}
		var scratch [20]byte
		v, ok := h.Get([]byte(name), scratch[:])
		if ok == m.gone(f) || ok && string(v) != f.value || ok != h.Has([]byte(name)) {
			m.t.Fatalf("%q is %q %v, want %+v at %d", name, v, ok, f, m.now)
		}
		if due, ok := h.Due([]byte(name)); ok == m.gone(f) || ok && due != f.due {
			m.t.Fatalf("%q is due at %d %v, want %d", name, due, ok, f.due)
		}
	}
	if h.timed {
		if got := object.NextFieldDue(m.rec); got != next {
			m.t.Fatalf("next due at %d, want %d", got, next)
		}
	}
	seen := 0
	var it Iter
	for it.Start(&h); it.Next(); seen++ {
		f, ok := m.has(string(it.Field()))
		if !ok || f.value != string(it.Value()) || f.due != it.Due() {
			m.t.Fatalf("%q = %q due %d, want %+v", it.Field(), it.Value(), it.Due(), f)
		}
	}
	if seen != m.live() {
		m.t.Fatalf("%d fields walked, want %d", seen, m.live())
	}
}

// draws checks that what is drawn is there, and that each field is.
func (m *timedModel) draws(r *rng.Rand) {
	h := OpenAt(m.rec, m.now)
	n := h.Len()
	if n == 0 {
		return
	}
	var scratch [20]byte
	if f := h.Random(r, scratch[:]); !h.Has(f) {
		m.t.Fatalf("%q drawn", f)
	}
	var p Picker
	p.Start(&h)
	for range 10 {
		if p.Pick(r); !h.Has(p.Field) {
			m.t.Fatalf("%q picked", p.Field)
		}
	}
	for _, count := range []int{1, n / 5, n} {
		chosen := map[string]bool{}
		h.Choose(r, count, func(field, _ []byte) { chosen[string(field)] = h.Has(field) })
		if len(chosen) != count {
			m.t.Fatalf("%d fields chosen, want %d", len(chosen), count)
		}
	}
	met := map[string]bool{}
	for cursor, begun := uint64(0), false; cursor != 0 || !begun; begun = true {
		cursor = h.Scan(cursor, func(field, _ []byte) { met[string(field)] = h.Has(field) })
	}
	if len(met) != n {
		m.t.Fatalf("%d fields scanned, want %d", len(met), n)
	}
}

// Random commands on fields with and without a TTL, while time goes by, must do what
// they do to a map, in every form that the hash has, and give all memory back.
func TestTimedHashEqualsModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	draw := rng.New(seed)
	a := mem.NewArena()
	defer a.Close()
	for range 40 {
		m := timedModel{t: t, a: a, lim: Limits{Entries: r.IntN(40), Value: r.IntN(200)}, now: 1000, fields: map[string]timedField{}}
		m.rec = New(a, []byte("key"), 0)
		names := 1 + r.IntN(80)
		for range 300 {
			due := int64(0)
			if r.IntN(4) > 0 {
				due = m.now + int64(r.IntN(200))
			}
			m.step(byte(r.IntN(7)+r.IntN(20)/19), fmt.Sprint("f", r.IntN(names)), word(r), due)
			if r.IntN(20) == 0 {
				m.draws(draw)
			}
		}
		object.Free(m.rec)
	}
	if n := a.UsedBytes(); n != 0 {
		t.Fatalf("%d bytes leaked", n)
	}
}

// FuzzTimedHash lets the fuzzer choose the commands: four bytes each, for what, which
// field, which value, and when it is due.
func FuzzTimedHash(f *testing.F) {
	f.Add(uint8(3), []byte("\x00\x01\x02\x03\x04\x01\x02\x30\x06\x00\x00\x3f\x07\x00\x00\x00"))
	f.Add(uint8(0), []byte("\x00\x01\x02\x03\x04\x01\x02\x30\x02\x01\x99\x00\x06\x00\x00\x3f"))
	f.Fuzz(func(t *testing.T, entries uint8, ops []byte) {
		a := mem.NewArena()
		defer a.Close()
		m := timedModel{t: t, a: a, lim: Limits{Entries: int(entries % 8), Value: 40}, now: 1000, fields: map[string]timedField{}}
		m.rec = New(a, []byte("key"), 0)
		for ; len(ops) >= 4; ops = ops[4:] {
			due := int64(ops[3])
			if due != 0 {
				due += m.now
			}
			m.step(ops[0], fmt.Sprint(ops[1]%32), string(make([]byte, ops[2]%64)), due)
		}
		object.Free(m.rec)
		if n := a.UsedBytes(); n != 0 {
			t.Fatalf("%d bytes leaked", n)
		}
	})
}
