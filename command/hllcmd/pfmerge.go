package hllcmd

import (
	"kvorum/command"
	"kvorum/ds/hll"
	"kvorum/object"
)

var pfmergeSpec = &command.Spec{
	Name: "pfmerge", Since: "2.8.9", Group: "hyperloglog",
	Complexity: "O(N) to merge N HyperLogLogs, but with high constant times.",
	Summary:    "Stores the union of HyperLogLogs, the destination's own included, under a key.",
	Arity:      -2, Flags: command.Write | command.DenyOOM, Categories: command.CatHyperLogLog,
	Keys: []command.KeySpec{
		{Flags: command.RW | command.Access | command.Insert, Index: 1, Step: 1},
		{Flags: command.RO | command.Access, Index: 2, LastKey: -1, Step: 1},
	},
	Args: []command.Arg{
		{Name: "destkey", Type: "key", Key: 1},
		{Name: "sourcekey", Type: "key", Key: 2, Optional: true, Multiple: true},
	},
	Handler: pfmerge,
}

func pfmerge(c *command.Ctx) {
	r, dense := union(c), false
	for i := range c.Keys {
		e := c.Read(i)
		if !e.OK() {
			continue
		}
		b, ok := view(c, e)
		if !ok {
			return
		}
		dense = dense || hll.IsDense(b)
		if !r.Merge(b) {
			c.Err(errCorrupted)
			return
		}
	}
	t := target{c: c, k: c.Keys[0], e: c.Write(0)}
	if !t.e.OK() {
		t = create(c)
	} else {
		object.MakeRaw(t.e.Rec)
		t.b = object.WritableString(t.e.Rec)
	}
	t.store(r, dense)
	c.DB.Modified(t.k)
	c.Notify(command.NotifyString, "pfadd", t.k.Bytes)
	c.Dirty++
	c.W.OK()
}

// store makes the target the HyperLogLog of the registers, none of which is
// lower than its own. Without dense it stays sparse if it can.
func (t *target) store(r *hll.Registers, dense bool) {
	if !dense {
		var p hll.Place
		for i := r.Next(0); i < hll.RegisterCount && !hll.IsDense(t.b); i = r.Next(i + 1) {
			t.raise(&p, i, r[i])
		}
		if !hll.IsDense(t.b) {
			hll.Invalidate(t.b)
			return
		}
	}
	if !hll.IsDense(t.b) {
		t.resize(hll.DenseSize)
	}
	r.Store(t.b)
}
