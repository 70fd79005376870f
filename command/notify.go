package command

// Classes of keyspace events, as in notify-keyspace-events.
const (
	NotifyKeyspace = 1 << iota // K
	NotifyKeyevent             // E
	NotifyGeneric              // g
	NotifyString               // $
	NotifyList                 // l
	NotifySet                  // s
	NotifyHash                 // h
	NotifyZSet                 // z
	NotifyExpired              // x
	NotifyEvicted              // e
	NotifyStream               // t
	NotifyKeyMiss              // m
	NotifyLoaded               // not set by configuration
	NotifyModule               // d
	NotifyNew                  // n
)

// Notify tells that event happened to a key, in the database of the command.
// Called after the change.
func (c *Ctx) Notify(class uint32, event string, key []byte) {
	if c.NotifyMask&class != 0 {
		c.OnEvent(class, event, key, c.DB.Index())
	}
}

// NotifyIn is Notify for a key of another database.
func (c *Ctx) NotifyIn(db int, class uint32, event string, key []byte) {
	if c.NotifyMask&class != 0 {
		c.OnEvent(class, event, key, db)
	}
}
