package interop

import (
	"time"

	"github.com/redis/go-redis/v9"
)

// messageWait is how long a scenario waits for a message.
const messageWait = 10 * time.Second

// chat is a room with members on the channel, one who listens to all rooms, and one
// who leaves; then what the server tells of keys that change.
func (g *goRedis) chat() {
	ctx := g.ctx
	ann := g.Subscribe(ctx, "room:1", "room:2")
	all := g.PSubscribe(ctx, "room:*")
	shard := g.SSubscribe(ctx, "room:1")
	defer func() {
		g.ok(ann.Close())
		g.ok(all.Close())
		g.ok(shard.Close())
	}()
	g.receive(ann, 2)
	g.receive(all, 1)
	g.receive(shard, 1)
	done(g, g.PubSubNumSub(ctx, "room:1", "room:3"))
	done(g, g.PubSubNumPat(ctx))
	done(g, g.PubSubShardChannels(ctx, "*"))
	done(g, g.PubSubShardNumSub(ctx, "room:1"))
	for _, text := range []string{"hello", "", "bytes \x00\r\n"} {
		done(g, g.Publish(ctx, "room:1", text))
		g.receive(ann, 1)
		g.receive(all, 1)
	}
	done(g, g.SPublish(ctx, "room:1", "sharded"))
	g.receive(shard, 1)
	g.ok(ann.Ping(ctx, "still there"))
	g.receive(ann, 1)
	g.ok(ann.Unsubscribe(ctx, "room:1"))
	g.receive(ann, 1)
	done(g, g.Publish(ctx, "room:1", "without her"))
	done(g, g.Publish(ctx, "room:2", "with her"))
	g.receive(all, 2)
	g.receive(ann, 1)

	g.must("CONFIG", "SET", "notify-keyspace-events", "KEA")
	events := g.PSubscribe(ctx, "__key*__:*")
	defer func() { g.ok(events.Close()) }()
	g.receive(events, 1)
	done(g, g.Set(ctx, "k", "v", 0))
	done(g, g.Del(ctx, "k"))
	g.receive(events, 4)
	g.must("CONFIG", "SET", "notify-keyspace-events", "")
}

// receive notes the next messages of a subscriber.
func (g *goRedis) receive(p *redis.PubSub, count int) {
	for range count {
		m, err := p.ReceiveTimeout(g.ctx, messageWait)
		switch m := m.(type) {
		case *redis.Subscription:
			g.note("subscription", []any{m.Kind, m.Channel, m.Count}, err)
		case *redis.Message:
			g.note("message", []any{m.Channel, m.Pattern, m.Payload}, err)
		case *redis.Pong:
			g.note("pong", m.Payload, err)
		default:
			g.note("nothing", nil, err)
		}
	}
}
