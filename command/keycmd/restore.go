package keycmd

import (
	"kvorum/command"
	"kvorum/keyspace"
	"kvorum/num"
	"kvorum/rdb"
)

var (
	restoreSpec       = restoreRow("restore", "2.6.0", "generic", "Makes a key of a value in the form that DUMP replies.", false)
	restoreAskingSpec = restoreRow("restore-asking", "3.0.0", "server", "Does what RESTORE does, for keys that move between nodes of a cluster.", true)
)

func restoreRow(name, since, group, summary string, asking bool) *command.Spec {
	flags := command.Write | command.DenyOOM
	if asking {
		flags |= command.Asking
	}
	return &command.Spec{
		Name: name, Since: since, Group: group, Summary: summary, SysCmd: asking,
		Complexity: "O(1) to create the new key and additional O(N*M) to reconstruct the serialized value, where N is the number of Redis objects composing the value and M their average size. For small string values the time complexity is thus O(1)+O(1*M) where M is small, so simply O(1). However for sorted set values the complexity is O(N*M*log(N)) because inserting values into sorted sets is O(log(N)).",
		Arity:      -4, Flags: flags, Categories: command.CatKeyspace | command.CatDangerous,
		History: []command.Change{
			{Since: "3.0.0", Text: "Added the `REPLACE` modifier."},
			{Since: "5.0.0", Text: "Added the `ABSTTL` modifier."},
			{Since: "5.0.0", Text: "Added the `IDLETIME` and `FREQ` options."},
		},
		Keys: []command.KeySpec{{Flags: command.OW | command.Update, Index: 1, Step: 1}},
		Args: []command.Arg{
			argKey,
			{Name: "ttl", Type: "integer"},
			{Name: "serialized-value", Type: "string"},
			{Name: "replace", Type: "pure-token", Token: "REPLACE", Since: "3.0.0", Optional: true},
			{Name: "absttl", Type: "pure-token", Token: "ABSTTL", Since: "5.0.0", Optional: true},
			{Name: "seconds", Type: "integer", Token: "IDLETIME", Since: "5.0.0", Optional: true},
			{Name: "frequency", Type: "integer", Token: "FREQ", Since: "5.0.0", Optional: true},
		},
		Handler: restore,
	}
}

const (
	errBusyKey    = "-BUSYKEY Target key name already exists."
	errTTL        = "-ERR Invalid TTL value, must be >= 0"
	errIdle       = "-ERR Invalid IDLETIME value, must be >= 0"
	errFreq       = "-ERR Invalid FREQ value, must be >= 0 and <= 255"
	errPayload    = "-ERR DUMP payload version or checksum are wrong"
	errDataFormat = "-ERR Bad data format"

	freqMax = 255
)

// restoreOptions are the options of RESTORE.
type restoreOptions struct {
	replace, absolute bool
	idle              int64 // seconds, -1 without
	freq              int64 // -1 without
}

func restore(c *command.Ctx) {
	o, ok := readRestore(c)
	if !ok {
		return
	}
	k := c.Keys[0]
	if !o.replace && c.Write(0).OK() {
		c.Err(errBusyKey)
		return
	}
	ttl, ok := c.Int(2)
	switch {
	case !ok:
		return
	case ttl < 0:
		c.Err(errTTL)
		return
	case !rdb.CheckPayload(c.Args[3], c.DumpForm.TrustSum):
		c.Err(errPayload)
		return
	}
	due := ttl
	if ttl > 0 && !o.absolute {
		due += c.Now
	}
	item := rdb.Item{Freq: int(o.freq), Idle: o.idle}
	access := rdb.Access{Fresh: c.Access, LFU: c.LFU != nil, NowMs: c.Now}
	rec, err := c.BuildPayload(k, c.Args[3], access.Of(&item), ttl > 0)
	if err != nil {
		c.Host.Log("Internal error in RDB reading of a payload: " + rdb.Reason(err))
		c.Err(errDataFormat)
		return
	}
	old := c.DB.Find(k)
	if old.OK() {
		c.DB.Delete(k, old)
	}
	if ttl > 0 && due <= c.Now {
		c.KS.Discard(rec)
		restoredDead(c, k, old.OK())
		return
	}
	e := c.DB.Add(k, rec)
	if ttl > 0 {
		e = c.DB.SetExpire(k, e, due)
	}
	c.DB.ScheduleFields(k, e.Rec)
	c.Notify(command.NotifyNew, "new", k.Bytes)
	c.Notify(command.NotifyGeneric, "restore", k.Bytes)
	c.Dirty++
	if ttl > 0 && !o.absolute {
		feedAbsolute(c, due)
	}
	c.W.OK()
}

// readRestore reads the options; ok is false after the error reply.
func readRestore(c *command.Ctx) (o restoreOptions, ok bool) {
	o.idle, o.freq = -1, -1
	for i := 4; i < len(c.Args); i++ {
		more := i+1 < len(c.Args)
		switch {
		case c.Is(i, "replace"):
			o.replace = true
		case c.Is(i, "absttl"):
			o.absolute = true
		case c.Is(i, "idletime") && more && o.freq == -1:
			i++
			if o.idle, ok = c.Int(i); !ok {
				return o, false
			}
			if o.idle < 0 {
				c.Err(errIdle)
				return o, false
			}
		case c.Is(i, "freq") && more && o.idle == -1:
			i++
			if o.freq, ok = c.Int(i); !ok {
				return o, false
			}
			if o.freq < 0 || o.freq > freqMax {
				c.Err(errFreq)
				return o, false
			}
		default:
			c.Err(command.ErrSyntax)
			return o, false
		}
	}
	return o, true
}

// restoredDead ends a RESTORE of a key that is past its due time: the old one, if
// there was one, is gone.
func restoredDead(c *command.Ctx, k keyspace.Key, deleted bool) {
	if deleted {
		c.Effect(delName, k.Bytes)
		c.Notify(command.NotifyGeneric, "del", k.Bytes)
		c.Dirty++
	}
	c.W.OK()
}

var absttlName = []byte("ABSTTL")

// feedAbsolute feeds the request with the due time in place of the time to live.
func feedAbsolute(c *command.Ctx, due int64) {
	args := append(make([][]byte, 0, len(c.Args)+1), c.Args...)
	args[2] = num.AppendInt(nil, due)
	c.Effect(append(args, absttlName)...)
}
