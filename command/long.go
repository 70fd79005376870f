package command

import "kvorum/resp"

// Long commands. A handler that walks over many elements says so before it changes or
// replies anything: Long. If the walk would keep others waiting, the handler returns,
// and is called anew off the loop, with all its keys pinned (keyspace.TryPin). There
// it gives way to others again and again, in Step: between two of its elements other
// commands run, also on its shards, and none that writes to its keys. What it has
// looked up stays valid, what it replies is the state of one moment.
//
//	n := h.Len()
//	if c.Long(n) {
//		return
//	}
//	for it.Start(&h); it.Next() && c.Step(); {
//		c.W.Bulk(it.Field())
//	}
//
// A handler that has begun to change the data does not Step any more.

const (
	// LongSteps is the number of elements from which on a command goes on off its loop:
	// some hundred microseconds.
	LongSteps = 4096
	// stepsPerLook is the number of steps between looks at the time.
	stepsPerLook = 64
)

// long is what a Ctx knows of long commands.
type long struct {
	steps uint
	leave func()      // has the command called anew off the loop; nil: it cannot be
	rest  func() bool // gives way if it is time; nil on a loop
}

// OnLoop makes the context one of a loop: leave takes the running command off it.
func (c *Ctx) OnLoop(leave func()) { c.long = long{leave: leave} }

// OffLoop makes the context one for long commands: rest gives way to others if it is
// time, and reports whether to go on.
func (c *Ctx) OffLoop(rest func() bool) { c.long = long{rest: rest} }

// Long reports whether the command, which is about to look at n elements, leaves the
// loop: the handler returns at once.
func (c *Ctx) Long(n int) bool { return n >= LongSteps && c.takeLeave() }

// Leaving reports whether Long has reported that the command leaves the loop.
func (c *Ctx) Leaving() bool { return c.Sess.Task != nil }

func (c *Ctx) takeLeave() bool {
	if c.leaveForbidden() {
		return false
	}
	c.long.leave()
	return true
}

// leaveForbidden reports whether the command stays where it is: it is off the loop
// already, or others depend on its being done at once.
func (c *Ctx) leaveForbidden() bool {
	return c.long.leave == nil || c.Serving || c.Sess.Flags&(InExec|Internal) != 0
}

// Step is called between two elements of a walk. It reports whether to go on: false
// when nobody waits for the reply any more.
func (c *Ctx) Step() bool {
	c.long.steps++
	return c.long.steps%stepsPerLook != 0 || c.rest()
}

// Stride returns how many of n elements a walk may look at together, and counts them as
// steps; 0 when nobody waits for the reply any more. A walk in strides looks at the time
// as often as one in steps.
func (c *Ctx) Stride(n int) int {
	n = min(n, stepsPerLook-int(c.long.steps%stepsPerLook))
	c.long.steps += uint(n)
	if c.long.steps%stepsPerLook == 0 && !c.rest() {
		return 0
	}
	return n
}

// ownPins reports whether the keys that the command may remove are pinned by itself.
func (c *Ctx) ownPins() bool { return c.long.rest != nil && c.Spec.Flags&Write != 0 }

func (c *Ctx) rest() bool { return c.long.rest == nil || c.long.rest() }

// Task is the rest of a long command: it runs on a worker, without locks, and
// writes the reply. The session serves nothing else meanwhile.
type Task func(w *resp.Writer)
