// What programs do with collections and channels, in the words of ioredis.

// Name, needed feature, scenario.
export const uses = [
  ['job queue', '', jobQueue],
  ['sessions', '', sessions],
  ['leaderboard', '', leaderboard],
  ['consumers', '', consumers],
  ['transactions', '', transactions],
  ['rooms', '', chat],
];

// Workers take jobs from a queue into a list of what is being done, and out of that
// when it is done.
async function jobQueue(r, c) {
  const jobs = 40;
  const finished = [];
  const workers = [0, 1, 2].map(async (i) => {
    const own = c.duplicate();
    own.on('error', () => {});
    for (;;) {
      const job = await own.blmove('jobs', `doing:${i}`, 'RIGHT', 'LEFT', 20);
      await own.lrem(`doing:${i}`, 1, job);
      if (job === 'stop') break;
      finished.push(job);
    }
    own.disconnect();
  });
  for (let i = 0; i < jobs; i++) await c.lpush('jobs', `job ${String(i).padStart(2, '0')}`);
  await c.lpush('jobs', 'stop', 'stop', 'stop');
  await Promise.all(workers);
  await r.note('each once', Promise.resolve([...new Set(finished)].sort()));
  const n = r.noted(c);
  await n.exists('jobs', 'doing:0', 'doing:1', 'doing:2');
  await n.rpush('doing:dead', 'a', 'b', 'c');
  await n.rpoplpush('doing:dead', 'jobs');
  await n.lmove('doing:dead', 'jobs', 'LEFT', 'RIGHT');
  await n.lrange('jobs', 0, -1);
  await n.lpos('jobs', 'a');
  await n.linsert('jobs', 'BEFORE', 'a', 'first');
  await n.lmpop(2, 'none', 'jobs', 'LEFT', 'COUNT', 2);
  await n.blpop('none', 'jobs', 1);
  await n.blpop('none', 'jobs', 0.01);
  await n.brpop('doing:dead', 1);
  await n.blmove('none', 'jobs', 'LEFT', 'RIGHT', 0.01);
}

// Sessions are hashes that live as long as they are used.
async function sessions(r, c) {
  const n = r.noted(c);
  for (const user of ['ann', 'bob']) {
    await n.hset(`session:${user}`, { user, visits: 0, theme: 'dark' });
    await n.expire(`session:${user}`, 3600);
    await n.sadd('online', user);
  }
  await n.hincrby('session:ann', 'visits', 2);
  await n.hincrbyfloat('session:ann', 'credit', 0.25);
  await n.hgetall('session:ann');
  await n.hgetall('session:none');
  await n.hmget('session:ann', 'theme', 'none', 'visits');
  await n.hsetnx('session:ann', 'theme', 'light');
  await n.hdel('session:ann', 'theme', 'none');
  await n.hstrlen('session:ann', 'user');
  const ttl = await c.ttl('session:ann');
  r.check('an hour to live', ttl > 3540 && ttl <= 3600, ttl);
  await n.pexpire('session:ann', 20);
  await r.until("ann's session is over", async () => (await c.exists('session:ann')) === 0);
  await n.smove('online', 'offline', 'ann');
  await n.smismember('online', 'ann', 'bob');
  await n.sintercard(2, 'online', 'offline');
  await r.note('all users', c.sunion('online', 'offline').then((users) => users.sort()));
  await n.set('session:bob', 'text', 'KEEPTTL');
  await n.hget('session:bob', 'user');
}

// A leaderboard with the players around one, and boards of days made one of a week.
async function leaderboard(r, c) {
  const n = r.noted(c);
  const line = c.pipeline();
  for (let i = 0; i < 200; i++) line.zadd('monday', (i * 37) % 101, `player${String(i).padStart(3, '0')}`);
  await line.exec();
  await n.zrevrange('monday', 0, 4, 'WITHSCORES');
  await n.zincrby('monday', 75.5, 'player007');
  await n.zrevrank('monday', 'player007');
  await n.zrevrank('monday', 'nobody');
  const rank = await c.zrevrank('monday', 'player100');
  await n.zrange('monday', rank - 2, rank + 2, 'REV', 'WITHSCORES');
  await n.zcount('monday', '(50', '+inf');
  await n.zrangebyscore('monday', 99, '+inf', 'WITHSCORES', 'LIMIT', 1, 3);
  await n.zadd('monday', 'GT', 'CH', 1, 'player007', 500, 'player008');
  await n.zadd('monday', 'XX', 'INCR', 1, 'nobody');
  await n.zmscore('monday', 'player007', 'nobody');
  await n.zadd('tuesday', 10, 'player007', 20, 'late');
  await n.zunionstore('week', 2, 'monday', 'tuesday', 'WEIGHTS', 1, 2);
  await n.zrevrange('week', 0, 2);
  await n.zinter(2, 'monday', 'tuesday', 'WITHSCORES');
  await n.zdiff(2, 'tuesday', 'monday');
  await n.zpopmax('week', 2);
  await n.bzpopmin('none', 'tuesday', 1);
  await n.zremrangebyrank('week', 0, -4);
  await n.zrange('week', 0, -1, 'WITHSCORES');
  await n.set('weight_new', 1);
  await n.sort('week', 'ALPHA', 'GET', '#', 'GET', 'weight_*');
  await n.sort('week');
  await n.sort('week', 'BY', 'nosort', 'STORE', 'sorted');
  await n.lrange('sorted', 0, -1);
}

// Consumers of a group share the entries of a stream; one takes over what another
// has left.
async function consumers(r, c) {
  const n = r.noted(c);
  await n.xgroup('CREATE', 'orders', 'billing', '0');
  await n.xgroup('CREATE', 'orders', 'billing', '0', 'MKSTREAM');
  await n.xgroup('CREATE', 'orders', 'billing', '0');
  for (let i = 1; i <= 6; i++) await n.xadd('orders', `${i}-0`, 'item', i, 'price', i * 10);
  await n.xadd('orders', '6-0', 'too', 'late');
  await n.xreadgroup('GROUP', 'billing', 'one', 'COUNT', 2, 'STREAMS', 'orders', '>');
  await n.xack('orders', 'billing', '1-0', '2-0');
  await n.xreadgroup('GROUP', 'billing', 'two', 'COUNT', 3, 'STREAMS', 'orders', '>');
  await n.xreadgroup('GROUP', 'billing', 'two', 'STREAMS', 'orders', '0');
  await n.xpending('orders', 'billing');
  await n.xack('orders', 'billing', '3-0', '99-0');
  await n.xautoclaim('orders', 'billing', 'one', 0, '0', 'COUNT', 1);
  await n.xclaim('orders', 'billing', 'one', 0, '5-0', '6-0', 'JUSTID');
  const rows = await c.xpending('orders', 'billing', '-', '+', 10);
  await r.note('pending', Promise.resolve(rows.map(([id, who, , times]) => [id, who, times])));
  await n.xreadgroup('GROUP', 'billing', 'two', 'STREAMS', 'orders', '>');
  await n.xreadgroup('GROUP', 'billing', 'two', 'BLOCK', 10, 'STREAMS', 'orders', '>');
  const other = c.duplicate();
  const waiting = other.xreadgroup('GROUP', 'billing', 'two', 'BLOCK', 20000, 'STREAMS', 'orders', '>');
  await r.until('a consumer waits', async () => /blocked_clients:1\r/.test(await c.info('clients')));
  await n.xadd('orders', 'MAXLEN', 4, '7-0', 'item', 7);
  await r.note('what it got', waiting);
  other.disconnect();
  await n.xrange('orders', '-', '+');
  await n.xrevrange('orders', '+', '-', 'COUNT', 1);
  await n.xinfo('GROUPS', 'orders');
  await n.xgroup('DELCONSUMER', 'orders', 'billing', 'two');
  await n.xtrim('orders', 'MINID', 7);
  await n.xdel('orders', '7-0');
  await n.xgroup('DESTROY', 'orders', 'billing');
  await n.xread('STREAMS', 'orders', '0');
}

async function transactions(r, c) {
  await r.note('exec', c.multi().set('a', 1).incr('a').lpush('a', 'x').get('a').exec());
  await r.note('exec', c.multi().get('a').call('nosuch').exec());
  await r.noted(c).watch('a');
  const other = c.duplicate();
  await other.incr('a');
  other.disconnect();
  await r.note('overtaken', c.multi().set('a', 0).exec());
  await r.note('and again', c.multi().get('a').exec());
}

// Rooms of a chat are channels; somebody listens to all of them.
async function chat(r, c) {
  const heard = [];
  const room = c.duplicate();
  const all = c.duplicate();
  room.on('message', (channel, text) => heard.push(`room ${channel} ${text}`));
  all.on('pmessage', (pattern, channel, text) => heard.push(`all ${pattern} ${channel} ${text}`));
  await r.note('subscribe', room.subscribe('room:1', 'room:2'));
  await r.note('psubscribe', all.psubscribe('room:*'));
  const n = r.noted(c);
  await n.pubsub('NUMSUB', 'room:1', 'room:3');
  await n.pubsub('NUMPAT');
  await n.publish('room:1', 'hello');
  await n.publish('room:2', 'there');
  await n.publish('room:3', 'anybody?');
  await n.publish('elsewhere', 'nobody');
  await r.until('all is heard', () => heard.length === 5);
  await r.note('unsubscribe', room.unsubscribe('room:1'));
  await n.publish('room:1', 'only the listener');
  await r.until('that, too', () => heard.length === 6);
  await r.note('heard', Promise.resolve(heard.sort()));
  await r.note('ping', room.ping());
  room.disconnect();
  all.disconnect();
  await r.until('nobody is left', async () => (await c.pubsub('CHANNELS')).length === 0 && (await c.pubsub('NUMPAT')) === 0);
  await n.publish('room:2', 'to nobody');
}
