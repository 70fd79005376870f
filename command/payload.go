package command

import (
	"kvorum/keyspace"
	"kvorum/mem"
	"kvorum/rdb"
)

// DumpForm says how DUMP writes values and what RESTORE looks at.
type DumpForm struct {
	Version  int  // of the format
	Compress bool // rdbcompression
	TrustSum bool // RESTORE does not look at check sums
}

// DefaultDump is the form of a server that was not told another.
func DefaultDump() DumpForm { return DumpForm{Version: rdb.VersionDefault, Compress: true} }

// payloads is what DUMP and RESTORE work with. A context has one from the first of
// them on.
type payloads struct {
	finisher rdb.Finisher
	builder  rdb.Builder
	frames   []byte
	out      []byte
}

// payloadKept bounds the buffers that are kept between commands.
const payloadKept = 1 << 20

func (c *Ctx) payloads() *payloads {
	if c.payload == nil {
		c.payload = &payloads{}
	}
	return c.payload
}

// AppendPayload returns the payload of the value of an entry: borrowed until the next
// call.
func (c *Ctx) AppendPayload(e keyspace.Entry) []byte {
	p := c.payloads()
	if cap(p.frames)+cap(p.out) > payloadKept {
		p.frames, p.out = nil, nil
	}
	form := rdb.Form{Version: c.DumpForm.Version, NowMs: c.Now}
	p.out, p.frames = p.finisher.AppendDump(p.out[:0], p.frames, e.Rec, &form, rdb.Options{Compress: c.DumpForm.Compress})
	return p.out
}

// SavedLength returns the bytes of the value of an entry in an RDB file of Redis 7.2,
// or 7.4 if fields of it have, or had, a TTL.
//
// COMPAT: serialized-length: nodes of lists are smaller, packed strings may be.
func (c *Ctx) SavedLength(e keyspace.Entry) int {
	form := rdb.Form{Version: rdb.VersionTimed, NowMs: c.Now}
	return c.payloads().finisher.ValueLength(e.Rec, &form, rdb.Options{Compress: c.DumpForm.Compress})
}

// BuildPayload makes the record of key k of a payload whose frame was checked, in the
// key's arena; it is in no table. expiry tells that it will get a due time.
func (c *Ctx) BuildPayload(k keyspace.Key, payload []byte, access uint32, expiry bool) (mem.Handle, error) {
	p := c.payloads()
	p.builder.Limits = c.Packing.Load()
	p.builder.NowMs = c.Now
	return p.builder.BuildPayload(c.DB.ArenaOf(k), k.Bytes, payload, access, expiry)
}

// Load returns the limits as package rdb wants them.
func (p *Packing) Load() rdb.Limits {
	return rdb.Limits{Hash: p.Hash, List: p.List, Set: p.Set, ZSet: p.ZSet}
}
