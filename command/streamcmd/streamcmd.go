// Package streamcmd is the family of stream commands: one file per command, each
// with its row and its handler.
//
// Handlers run under the locks of their keys' shards; see package command for what
// they may do. They check everything that can fail before they write, in Redis's
// order, since the order decides which error a client sees.
//
// I1: what a handler feeds gives the same data at any later time: ids, delivery
// times and lengths are told as they came out. I2: a stream stays when its last
// entry goes.
package streamcmd

import (
	"bytes"
	"strings"

	"kvorum/command"
	"kvorum/keyspace"
	"kvorum/object"
	"kvorum/object/stream"
)

// Specs returns the rows of the family.
func Specs() []*command.Spec {
	return []*command.Spec{
		xackSpec, xaddSpec, xautoclaimSpec, xclaimSpec, xdelSpec, xgroupSpec, xinfoSpec, xlenSpec, xpendingSpec,
		xrangeSpec, xreadSpec, xreadgroupSpec, xrevrangeSpec, xsetidSpec, xtrimSpec,
	}
}

// Parts of rows that many commands share.
var (
	argKey      = command.Arg{Name: "key", Type: "key", Key: 1}
	argGroup    = command.Arg{Name: "group", Type: "string"}
	argConsumer = command.Arg{Name: "consumer", Type: "string"}
)

// isStream reports whether the entry is absent or a stream; if not it replies the
// error.
func isStream(c *command.Ctx, e keyspace.Entry) bool { return c.IsType(e, object.Stream) }

// create makes the stream of a key that is absent.
func create(c *command.Ctx, k keyspace.Key) keyspace.Entry {
	e := c.DB.Add(k, stream.New(c.DB.ArenaOf(k), k.Bytes, c.Access))
	c.Notify(command.NotifyNew, "new", k.Bytes)
	return e
}

// groupOf looks key 0 up, counted as read though it may be changed, with its group; ok
// is false, after the error, if the key is no stream. A group that is not there has no
// error yet.
func groupOf(c *command.Ctx, name []byte, s *stream.Stream) (g stream.Group, found, ok bool) {
	e := c.ReadWrite(0)
	if !isStream(c, e) {
		return g, false, false
	}
	if e.OK() {
		s.Open(e.Rec, &c.Buf)
		g, found = s.Group(name)
	}
	return g, found, true
}

// noGroup replies that key or group are not there.
func noGroup(c *command.Ctx, key, group []byte) {
	c.Err("-NOGROUP No such key '" + text(key) + "' or consumer group '" + text(group) + "'")
}

// noGroupOfKey replies that a key has no such group.
func noGroupOfKey(c *command.Ctx, key, group []byte) {
	c.Err("-NOGROUP No such consumer group '" + text(group) + "' for key name '" + text(key) + "'")
}

// cut returns a word as Redis reads it as a C string: up to its first zero byte.
func cut(word []byte) []byte {
	if i := bytes.IndexByte(word, 0); i >= 0 {
		return word[:i]
	}
	return word
}

// text returns a word as errors repeat it.
func text(word []byte) string { return string(cut(word)) }

// unknownForm replies the error of a subcommand that is not known with these
// arguments.
func unknownForm(c *command.Ctx) {
	name := text(c.Args[1])
	name = name[:min(len(name), subNameMax)]
	c.Err("-ERR unknown subcommand or wrong number of arguments for '" + name + "'. Try " +
		strings.ToUpper(string(c.Args[0])) + " HELP.")
}

// subNameMax is how much of a subcommand's name an error repeats.
const subNameMax = 128

// replyID replies an id.
func replyID(c *command.Ctx, id stream.ID) { c.W.Bulk(id.Append(c.Scratch[:0])) }

// replyEntry replies the entry where the cursor is.
func replyEntry(c *command.Ctx, at *stream.Cursor) {
	c.W.Array(2)
	replyID(c, at.ID())
	c.W.Array(2 * at.Fields())
	for range at.Fields() {
		field, value := at.Pair()
		c.W.Bulk(field.Bytes(c.Scratch[:]))
		c.W.Bulk(value.Bytes(c.Scratch[:]))
	}
}

// consumerOf returns the consumer of a name, which is made and told of if there is
// none, and notes that it was seen.
func consumerOf(c *command.Ctx, k keyspace.Key, g stream.Group, name []byte) (consumer stream.Consumer, created bool) {
	consumer, found := g.Consumer(name)
	if !found {
		consumer, created = g.CreateConsumer(name, c.Now)
		c.Dirty++
		c.Notify(command.NotifyStream, "xgroup-createconsumer", k.Bytes)
	}
	consumer.SetSeen(c.Now)
	return consumer, created
}
