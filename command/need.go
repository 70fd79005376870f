package command

import "kvorum/keyspace"

// A handler of the mode FindsKeys learns from the data which other keys it needs.
// It begins with the keys that the row names, looks at them without changing
// anything, and tells with Need which other shards it wants. The engine gives all
// locks back, takes them with these, in order, and calls the handler again, which
// looks anew: the data may have changed in between, and it may need others now.

// Need makes the engine call the handler again with the shards of more keys locked.
// The handler returns at once: it has changed nothing and replied nothing. Of keys
// only the hashes are looked at.
func (c *Ctx) Need(keys []keyspace.Key) {
	c.needed = keys
	c.needs++
}

// NeedCount returns how often the handler has called Need for this request: one that
// does not come to an end so asks for all shards.
func (c *Ctx) NeedCount() int { return c.needs }

// ForgetNeeds ends a request of this mode, for the engine.
func (c *Ctx) ForgetNeeds() { c.needs = 0 }

// TakeNeeded returns and forgets what Need was told, for the engine.
func (c *Ctx) TakeNeeded() []keyspace.Key {
	keys := c.needed
	c.needed = nil
	return keys
}
