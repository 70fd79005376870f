// What programs do with collections and channels, in the words of node-redis.
import { createClient } from 'redis';

// Name, needed feature, scenario.
export const uses = [
  ['job queue', '', jobQueue],
  ['sessions', '', sessions],
  ['leaderboard', '', leaderboard],
  ['consumers', '', consumers],
  ['transactions', '', transactions],
  ['rooms', '', chat],
  ['cache', 'tracking', cache],
];

// Runs f with one more client like c.
async function withTwin(c, f) {
  const twin = c.duplicate();
  twin.on('error', () => {});
  await twin.connect();
  try {
    return await f(twin);
  } finally {
    if (twin.isOpen) twin.destroy();
  }
}

// Workers take jobs from a queue into a list of what is being done, and out of that
// when it is done.
async function jobQueue(r, c) {
  const jobs = 40;
  const finished = [];
  const workers = [0, 1, 2].map((i) =>
    withTwin(c, async (own) => {
      for (;;) {
        const job = await own.blMove('jobs', `doing:${i}`, 'RIGHT', 'LEFT', 20);
        await own.lRem(`doing:${i}`, 1, job);
        if (job === 'stop') break;
        finished.push(job);
      }
    }),
  );
  for (let i = 0; i < jobs; i++) await c.lPush('jobs', `job ${String(i).padStart(2, '0')}`);
  await c.lPush('jobs', ['stop', 'stop', 'stop']);
  await Promise.all(workers);
  await r.note('each once', Promise.resolve([...new Set(finished)].sort()));
  const n = r.noted(c);
  await n.exists(['jobs', 'doing:0', 'doing:1', 'doing:2']);
  await n.rPush('doing:dead', ['a', 'b', 'c']);
  await n.rPopLPush('doing:dead', 'jobs');
  await n.lMove('doing:dead', 'jobs', 'LEFT', 'RIGHT');
  await n.lRange('jobs', 0, -1);
  await n.lPos('jobs', 'a');
  await n.lInsert('jobs', 'BEFORE', 'a', 'first');
  await n.lmPop(['none', 'jobs'], 'LEFT', { COUNT: 2 });
  await n.blPop(['none', 'jobs'], 1);
  await n.blPop(['none', 'jobs'], 0.01);
  await n.brPop('doing:dead', 1);
  await n.blMove('none', 'jobs', 'LEFT', 'RIGHT', 0.01);
}

// Sessions are hashes that live as long as they are used.
async function sessions(r, c) {
  const n = r.noted(c);
  for (const user of ['ann', 'bob']) {
    await n.hSet(`session:${user}`, { user, visits: '0', theme: 'dark' });
    await n.expire(`session:${user}`, 3600);
    await n.sAdd('online', user);
  }
  await n.hIncrBy('session:ann', 'visits', 2);
  await n.hIncrByFloat('session:ann', 'credit', 0.25);
  await n.hGetAll('session:ann');
  await n.hGetAll('session:none');
  await n.hmGet('session:ann', ['theme', 'none', 'visits']);
  await n.hSetNX('session:ann', 'theme', 'light');
  await n.hDel('session:ann', ['theme', 'none']);
  await n.hExists('session:ann', 'user');
  const ttl = await c.ttl('session:ann');
  r.check('an hour to live', ttl > 3540 && ttl <= 3600, ttl);
  await n.pExpire('session:ann', 20);
  await r.until("ann's session is over", async () => (await c.exists('session:ann')) === 0);
  await n.sMove('online', 'offline', 'ann');
  await n.smIsMember('online', ['ann', 'bob']);
  await n.sInterCard(['online', 'offline']);
  await r.note('all users', c.sUnion(['online', 'offline']).then((users) => [...users].sort()));
  await n.set('session:bob', 'text', { expiration: 'KEEPTTL' });
  await n.hGet('session:bob', 'user');
}

// A leaderboard with the players around one, and boards of days made one of a week.
async function leaderboard(r, c) {
  const n = r.noted(c);
  const players = Array.from({ length: 200 }, (_, i) => ({ score: (i * 37) % 101, value: `player${String(i).padStart(3, '0')}` }));
  await n.zAdd('monday', players);
  await n.zRangeWithScores('monday', 0, 4, { REV: true });
  await n.zIncrBy('monday', 75.5, 'player007');
  await n.zRevRank('monday', 'player007');
  await n.zRevRank('monday', 'nobody');
  const rank = await c.zRevRank('monday', 'player100');
  await n.zRangeWithScores('monday', rank - 2, rank + 2, { REV: true });
  await n.zCount('monday', '(50', '+inf');
  await n.zRangeByScoreWithScores('monday', 99, '+inf', { LIMIT: { offset: 1, count: 3 } });
  await n.zAdd('monday', [{ score: 1, value: 'player007' }, { score: 500, value: 'player008' }], { comparison: 'GT', CH: true });
  await n.zmScore('monday', ['player007', 'nobody']);
  await n.zAdd('tuesday', [{ score: 10, value: 'player007' }, { score: 20, value: 'late' }]);
  await n.zUnionStore('week', [{ key: 'monday', weight: 1 }, { key: 'tuesday', weight: 2 }]);
  await n.zRange('week', 0, 2, { REV: true });
  await n.zInterWithScores(['monday', 'tuesday']);
  await n.zDiff(['tuesday', 'monday']);
  await n.zPopMaxCount('week', 2);
  await n.bzPopMin(['none', 'tuesday'], 1);
  await n.zRemRangeByRank('week', 0, -4);
  await n.zRangeWithScores('week', 0, -1);
  await n.set('weight_new', '1');
  await n.sort('week', { ALPHA: true, GET: ['#', 'weight_*'] });
  await n.sort('week');
  await n.sortStore('week', 'sorted', { BY: 'nosort' });
  await n.lRange('sorted', 0, -1);
}

// Consumers of a group share the entries of a stream; one takes over what another
// has left.
async function consumers(r, c) {
  const n = r.noted(c);
  await n.xGroupCreate('orders', 'billing', '0');
  await n.xGroupCreate('orders', 'billing', '0', { MKSTREAM: true });
  await n.xGroupCreate('orders', 'billing', '0');
  for (let i = 1; i <= 6; i++) await n.xAdd('orders', `${i}-0`, { item: `${i}`, price: `${i * 10}` });
  await n.xAdd('orders', '6-0', { too: 'late' });
  await n.xReadGroup('billing', 'one', [{ key: 'orders', id: '>' }], { COUNT: 2 });
  await n.xAck('orders', 'billing', ['1-0', '2-0']);
  await n.xReadGroup('billing', 'two', [{ key: 'orders', id: '>' }], { COUNT: 3 });
  await n.xReadGroup('billing', 'two', [{ key: 'orders', id: '0' }]);
  await n.xPending('orders', 'billing');
  await n.xAck('orders', 'billing', ['3-0', '99-0']);
  await n.xAutoClaim('orders', 'billing', 'one', 0, '0', { COUNT: 1 });
  await n.xClaimJustId('orders', 'billing', 'one', 0, ['5-0', '6-0']);
  const rows = await c.xPendingRange('orders', 'billing', '-', '+', 10);
  await r.note('pending', Promise.resolve(rows.map((row) => [row.id, row.consumer, row.deliveriesCounter])));
  await n.xReadGroup('billing', 'two', [{ key: 'orders', id: '>' }]);
  await n.xReadGroup('billing', 'two', [{ key: 'orders', id: '>' }], { BLOCK: 10 });
  await withTwin(c, async (other) => {
    const waiting = other.xReadGroup('billing', 'two', [{ key: 'orders', id: '>' }], { BLOCK: 20000 });
    await r.until('a consumer waits', async () => /blocked_clients:1\r/.test(await c.info('clients')));
    await n.xAdd('orders', '7-0', { item: '7' }, { TRIM: { strategy: 'MAXLEN', threshold: 4 } });
    await r.note('what it got', waiting);
  });
  await n.xRange('orders', '-', '+');
  await n.xRevRange('orders', '+', '-', { COUNT: 1 });
  await n.xInfoGroups('orders');
  await n.xGroupDelConsumer('orders', 'billing', 'two');
  await n.xTrim('orders', 'MINID', 7);
  await n.xDel('orders', '7-0');
  await n.xGroupDestroy('orders', 'billing');
  await n.xRead([{ key: 'orders', id: '0' }]);
}

async function transactions(r, c) {
  await r.note('exec', c.multi().set('a', '1').incr('a').get('a').exec());
  await r.note('with an error', c.multi().lPush('a', 'x').get('a').exec());
  await r.noted(c).watch('a');
  await withTwin(c, (other) => other.incr('a'));
  await r.note('overtaken', c.multi().set('a', '0').exec());
  await r.note('and again', c.multi().get('a').exec());
}

// Rooms of a chat are channels; somebody listens to all of them.
async function chat(r, c) {
  const heard = [];
  const n = r.noted(c);
  await withTwin(c, (room) =>
    withTwin(c, async (all) => {
      const listen = (text, channel) => heard.push(`room ${channel} ${text}`);
      await room.subscribe(['room:1', 'room:2'], listen);
      await all.pSubscribe('room:*', (text, channel) => heard.push(`all ${channel} ${text}`));
      await n.pubSubNumSub(['room:1', 'room:3']);
      await n.pubSubNumPat();
      await n.publish('room:1', 'hello');
      await n.publish('room:2', 'there');
      await n.publish('room:3', 'anybody?');
      await n.publish('elsewhere', 'nobody');
      await r.until('all is heard', () => heard.length === 5);
      await room.unsubscribe('room:1', listen);
      await n.publish('room:1', 'only the listener');
      await r.until('that, too', () => heard.length === 6);
      await r.note('heard', Promise.resolve(heard.sort()));
      await r.note('ping', room.ping());
    }),
  );
  await r.until('nobody is left', async () => (await c.pubSubChannels()).length === 0 && (await c.pubSubNumPat()) === 0);
  await n.publish('room:2', 'to nobody');
}

// A client keeps what it has read until the server says that it has changed.
async function cache(r, c) {
  const client = createClient({ socket: { host: r.where.host, port: r.where.port }, RESP: 3, clientSideCache: { ttl: 0, maxEntries: 100, evictPolicy: 'LRU' } });
  client.on('error', () => {});
  await client.connect();
  const n = r.noted(client);
  await c.set('a', '1');
  await n.get('a');
  const calls = async () => Number(/cmdstat_get:calls=(\d+)/.exec(await c.info('commandstats'))?.[1] ?? 0);
  const before = await calls();
  await n.get('a');
  await n.get('a');
  r.check('the server was not asked again', (await calls()) === before);
  await c.set('a', '2');
  await r.until('the change is seen', async () => (await client.get('a')) === '2');
  await n.get('none');
  await c.flushAll();
  await r.until('nothing is left', async () => (await client.get('a')) === null);
  client.destroy();
}
