// The everyday program of ioredis.
import { Redis, ReplyError } from 'ioredis';
import { everyByte, infoField, replyTypes } from './record.mjs';
import { uses } from './ioredis-uses.mjs';

// Runs f with a client: the library's defaults, and options where a scenario is
// about one. Errors of the connection are noted where they matter.
export async function withClient(r, options, f) {
  const to = options.path ? {} : { host: r.where.host, port: r.where.port };
  const client = new Redis({ ...to, ...options });
  client.on('error', () => {});
  try {
    await f(client);
  } finally {
    client.disconnect();
  }
}

// Name, needed feature, scenario.
export const scenarios = [
  ['connect', '', connect],
  ['types', '', types],
  ['strings', '', strings],
  ['keys', '', keys],
  ['expiry', '', expiry],
  ['bitmaps', '', bitmaps],
  ['hyperloglog', '', hyperloglog],
  ['scan', '', scan],
  ...uses,
  ['pipelines', '', pipelines],
  ['automatic pipelining', '', autoPipelining],
  ['many clients', '', manyClients],
  ['binary', '', binary],
  ['large', '', large],
  ['errors', '', errors],
  ['out of memory', '', outOfMemory],
  ['databases', '', databases],
  ['auth', '', auth],
  ['config and info', '', configInfo],
  ['slow log', '', slowLog],
  ['monitor', '', monitor],
  ['chat', '', chat],
  ['names', '', names],
  ['kill', '', kill],
  ['resp2', '', resp2],
  ['unix socket', '', unix],
  ['timeout', '', timeout],
  ['restart', '', restart],
  ['quit', '', quit],
];

async function connect(r, c) {
  const n = r.noted(c);
  await n.ping();
  await n.ping('hello');
  await n.echo('hello');
  r.check('the client is ready', c.status === 'ready', c.status);
  const info = await c.client('INFO');
  r.check('its protocol is RESP3', info.includes(' resp=3'), info);
  r.library(/ lib-name=(\S*)/.exec(info)?.[1], / lib-ver=(\S*)/.exec(info)?.[1]);
  r.check('it has a number', (await c.client('ID')) > 0);
  const [sec] = await c.time();
  r.check("the server's time is ours", Math.abs(sec - Date.now() / 1000) < 60, sec);
}

async function types(r, c) {
  for (const kind of replyTypes) await r.noted(c).call('DEBUG', 'PROTOCOL', kind);
  await withClient(r, { replyMapping: 'resp3' }, async (other) => {
    for (const kind of replyTypes) await r.noted(other).call('DEBUG', 'PROTOCOL', kind);
  });
}

async function strings(r, c) {
  const n = r.noted(c);
  await n.set('a', '1');
  await n.get('a');
  await n.get('none');
  await n.set('a', '2', 'EX', 60, 'NX');
  await n.set('a', '3', 'KEEPTTL', 'GET');
  await n.setnx('a', '4');
  await n.getset('a', '5');
  await n.append('a', 'tail');
  await n.strlen('a');
  await n.getrange('a', -4, -1);
  await n.setrange('a', 7, 'far');
  await n.get('a');
  await n.mset({ x: 1, y: 'two' });
  await n.mset(new Map([['z', 3]]));
  await n.msetnx('x', 5);
  await n.mget('x', 'none', 'y');
  await n.getdel('x');
  await n.getex('y', 'EX', 60);
  await n.incr('n');
  await n.incrby('n', 41);
  await n.decrby('n', 2);
  await n.incrbyfloat('n', 0.5);
  await n.mset('l', 'ohmytext', 'r', 'mynewtext');
  await n.lcs('l', 'r');
  await n.lcs('l', 'r', 'IDX', 'WITHMATCHLEN');
  await n.set('max', '9223372036854775807');
  await n.incr('max');
  await n.get('max');
}

async function keys(r, c) {
  const n = r.noted(c);
  await n.mset('a', '1', 'b', 'word', 'c', 'x'.repeat(100));
  await n.exists('a', 'a', 'none');
  await n.type('a');
  for (const k of ['a', 'b', 'c', 'none']) await n.object('ENCODING', k);
  await n.rename('a', 'd');
  await n.rename('a', 'd');
  await n.renamenx('b', 'd');
  await n.copy('d', 'e');
  await n.copy('d', 'e', 'REPLACE');
  await n.touch('b', 'none');
  await r.note('keys', c.keys('[a-e]').then((k) => k.sort()));
  await n.dbsize();
  await n.del('b', 'none');
  await n.unlink(['d', 'e']);
  await n.flushdb();
  await n.randomkey();
}

async function expiry(r, c) {
  const n = r.noted(c);
  await n.ttl('a');
  await n.setex('a', 3600, '1');
  const ttl = await c.pttl('a');
  r.check('an hour to live', ttl > 3540_000 && ttl <= 3600_000, ttl);
  await n.expire('a', 60, 'NX');
  await n.expire('a', 7200, 'GT');
  await n.persist('a');
  await n.pexpireat('a', 4102444800123);
  await n.pexpiretime('a');
  await n.expiretime('a');
  await n.psetex('a', 30, '2');
  await r.until('gone', async () => (await c.get('a')) === null);
}

async function bitmaps(r, c) {
  const n = r.noted(c);
  await n.setbit('a', 7, 1);
  await n.setbit('a', 100, 1);
  await n.getbit('a', 100);
  await n.bitcount('a');
  await n.bitcount('a', 0, 8, 'BIT');
  await n.bitpos('a', 1, 1);
  await n.set('b', Buffer.from([0xff, 0x0f]));
  await n.bitop('XOR', 'c', 'a', 'b');
  await n.bitop('NOT', 'c', 'b');
  await n.getBuffer('c');
  await n.bitfield('f', 'INCRBY', 'u8', 0, 200, 'OVERFLOW', 'FAIL', 'INCRBY', 'u8', 0, 100, 'GET', 'i4', 4);
  await n.bitfield_ro('f', 'GET', 'u8', 0);
}

async function hyperloglog(r, c) {
  const n = r.noted(c);
  await n.pfadd('h', 'a', 'b', 'c');
  await n.pfadd('h', 'a');
  await n.pfcount('h');
  await n.pfadd('i', ...Array.from({ length: 5000 }, (_, i) => i));
  await n.pfcount('h', 'i', 'none');
  await n.pfmerge('m', 'h', 'i');
  await n.getBuffer('m');
  await n.set('s', 'text');
  await n.pfadd('s', 'a');
}

async function scan(r, c) {
  const fill = c.pipeline();
  for (let i = 0; i < 3000; i++) fill.set(`key:${i}`, i);
  await fill.exec();
  for (const options of [{}, { match: 'key:1?9', count: 100 }, { match: 'none*' }, { type: 'string', count: 500 }]) {
    const found = new Set();
    for await (const some of c.scanStream(options)) for (const key of some) found.add(key);
    r.add(`scan ${JSON.stringify(options)}`);
    await r.note('found', Promise.resolve([...found].sort()));
  }
}

async function pipelines(r, c) {
  await r.note('pipeline', c.pipeline().set('a', 'text').incr('a').get('none').call('NOSUCH', 'command').strlen('a').exec());
  await r.note('pipeline of arrays', c.pipeline([['set', 'b', '1'], ['incrby', 'b', '5'], ['get', 'b']]).exec());
  const many = 10000;
  const p = c.pipeline();
  for (let i = 0; i < many; i++) p.incr('n');
  const replies = await p.exec();
  r.check('replies in order', replies.length === many && replies.every(([err, v], i) => !err && v === i + 1), replies.at(-1));
  const keys = Array.from({ length: many }, (_, i) => `k${i}`);
  await r.note('mset', c.mset(keys.flatMap((k, i) => [k, i])));
  await r.note('mget', c.mget(keys));
  await r.note('del', c.del(keys));
  // Without a pipeline the library sends what is called in one turn at once.
  const values = await Promise.all(keys.map((k) => c.set(k, k, 'GET')));
  r.check('no key had a value', values.every((v) => v === null), values);
}

async function autoPipelining(r) {
  await withClient(r, { enableAutoPipelining: true }, async (c) => {
    const numbers = await Promise.all(Array.from({ length: 1000 }, () => c.incr('shared')));
    r.check('each caller has its number', numbers.every((v, i) => v === i + 1), numbers);
    await r.note('one fails', Promise.allSettled([c.get('shared'), c.call('NOSUCH'), c.strlen('shared')]));
  });
  await withClient(r, { keyPrefix: 'app:' }, async (c) => {
    await r.noted(c).set('a', '1');
    await r.noted(c).mget('a', 'b');
    await r.note('keys', c.keys('app:*'));
  });
}

async function manyClients(r, c) {
  const clients = Array.from({ length: 20 }, () => c.duplicate());
  const work = async (own, name) => {
    for (let i = 0; i < 50; i++) {
      await own.set(name, i);
      await own.incr('shared');
      if ((await own.get(name)) !== String(i)) throw new Error(`${name} is not ${i}`);
    }
  };
  await Promise.all(clients.map((own, i) => work(own, `own:${i}`)));
  await r.noted(c).get('shared');
  for (const own of clients) own.disconnect();
}

async function binary(r, c) {
  const n = r.noted(c);
  await n.set(everyByte, everyByte);
  await n.getBuffer(everyByte);
  await n.set('', '');
  await n.get('');
  await n.set('ключ\r\n', 'значение');
  await n.get('ключ\r\n');
  await n.strlen('ключ\r\n');
}

async function large(r, c) {
  for (const size of [1 << 20, 20 << 20]) {
    const value = Buffer.alloc(size, '0123456789abcdef');
    await r.noted(c).set('big', value);
    r.check('the value is what was set', value.equals(await c.getBuffer('big')));
    await r.noted(c).strlen('big');
    await r.noted(c).getrange('big', -4, -1);
  }
}

async function errors(r, c) {
  await c.set('a', 'text');
  const calls = ['INCR a', 'GET', 'NOSUCH a b', 'SET a b XX NX', 'SET a b EX 0', 'EXPIRE a soon', 'SETBIT a 0 2', 'SELECT one',
    'SCAN x', 'CLIENT nosuch', 'OBJECT nosuch a', 'CONFIG SET nosuch 1', 'AUTH nothing', 'INCRBYFLOAT a 1', 'MOVE a 0', 'HELLO 9'];
  for (const call of calls) await r.note(call, c.call(...call.split(' ')));
  const err = await c.incr('a').catch((e) => e);
  r.check('an error of the server knows its command', err instanceof ReplyError && err.command.name === 'incr', err);
}

async function outOfMemory(r, c) {
  const n = r.noted(c);
  await n.config('SET', 'maxmemory', 1);
  await n.set('b', '1');
  await n.get('b');
  await n.config('SET', 'maxmemory', 0);
}

async function databases(r, c) {
  await withClient(r, { db: 3 }, async (three) => {
    await r.noted(three).set('a', 'three');
    await r.noted(c).get('a');
    await r.noted(three).move('a', 0);
    await r.noted(c).get('a');
    await r.noted(c).swapdb(0, 3);
    await r.noted(three).dbsize();
  });
  await r.noted(c).select(2);
  await r.noted(c).dbsize();
  await r.noted(c).select(99);
  await r.noted(c).select(0);
}

async function auth(r, c) {
  await r.noted(c).config('SET', 'requirepass', 'secret');
  for (const protocol of [3, 2]) {
    for (const [username, password] of [[], [undefined, 'wrong'], [undefined, 'secret'], ['default', 'secret'], ['nobody', 'secret']]) {
      await withClient(r, { protocol, username, password, retryStrategy: null, maxRetriesPerRequest: 0, lazyConnect: true }, async (other) => {
        r.add(`RESP${protocol} ${username} ${password}`);
        const failed = new Promise((resolve) => other.once('error', resolve));
        const connected = await r.note('connect', other.connect().then(() => 'connected'));
        if (connected) await r.note('get', other.get('a'));
        else await r.note('error', failed);
      });
    }
  }
  await r.noted(c).config('SET', 'requirepass', '');
}

async function configInfo(r, c) {
  const n = r.noted(c);
  await n.config('GET', 'maxmemory');
  await n.config('GET', 'nosuch');
  await n.config('SET', 'slowlog-max-len', 'many');
  await n.config('SET', 'slowlog-max-len', 64);
  await n.config('GET', 'slowlog-max-len');
  await n.config('SET', 'slowlog-max-len', 128);
  await n.config('RESETSTAT');
  const info = await c.info();
  for (const field of ['redis_mode', 'tcp_port', 'role', 'loading', 'cluster_enabled', 'maxmemory_policy']) r.add(`${field}: ${infoField(info, field)}`);
  for (const field of ['uptime_in_seconds', 'connected_clients', 'used_memory', 'process_id']) r.check(`${field} is a number`, Number(infoField(info, field)) >= 0, info);
  r.check('one section', infoField(await c.info('server'), 'role') === undefined);
  const [[name, arity, flags]] = await c.command('INFO', 'get');
  await r.note('command info', Promise.resolve([name, arity, flags]));
  await n.command('GETKEYS', 'MSET', 'a', 1, 'b', 2);
}

async function slowLog(r, c) {
  const n = r.noted(c);
  await n.config('SET', 'slowlog-log-slower-than', 0);
  await c.set('a', 'x'.repeat(300));
  await n.config('SET', 'slowlog-log-slower-than', -1);
  await r.note('slow log', c.slowlog('GET', 2).then((entries) => entries.map(([, , , words, , name]) => [words, name])));
  await n.slowlog('RESET');
  await n.slowlog('LEN');
  await n.config('SET', 'slowlog-log-slower-than', 10000);
}

async function monitor(r, c) {
  await c.ping(); // the library's own first requests are over
  const m = await c.monitor();
  const seen = new Promise((resolve) => {
    const lines = [];
    m.on('monitor', (time, words, source, db) => {
      lines.push([Number(time) > 1e9, words, source.startsWith('127.0.0.1:'), db]);
      if (words[0] === 'del') resolve(lines);
    });
  });
  await c.set('a', 'word "quoted" \0\r\n');
  await c.del('a');
  await r.note('monitor', seen);
  m.disconnect();
}

// A room: one member on two channels, one who listens to all rooms.
async function chat(r, c) {
  await withClient(r, {}, async (ann) => {
    await withClient(r, {}, async (all) => {
      const heard = [];
      ann.on('message', (channel, text) => heard.push(['ann', channel, text]));
      all.on('pmessage', (pattern, channel, text) => heard.push(['all', pattern, channel, text]));
      await r.noted(ann).subscribe('room:1', 'room:2');
      await r.noted(all).psubscribe('room:*');
      const n = r.noted(c);
      await n.pubsub('NUMSUB', 'room:1', 'room:3');
      await n.pubsub('NUMPAT');
      await n.publish('room:1', 'hello');
      await n.publish('room:2', 'bytes \0\r\n');
      await r.until('four messages', () => heard.length === 4);
      await r.noted(ann).unsubscribe('room:1');
      await n.publish('room:1', 'without her');
      await r.until('five messages', () => heard.length === 5);
      for (const who of ['ann', 'all']) r.add(JSON.stringify(heard.filter((m) => m[0] === who)));
      await r.noted(ann).unsubscribe('room:2');
      await r.noted(ann).get('a');
    });
  });
}

async function names(r, c) {
  await withClient(r, { connectionName: 'everyday' }, async (named) => {
    await r.noted(named).client('GETNAME');
    r.check('the name is listed', (await c.client('LIST')).includes(' name=everyday '));
    await r.noted(named).client('SETNAME', 'a b');
  });
}

async function kill(r, c) {
  const id = await c.client('ID');
  await r.noted(c).set('a', '1');
  await withClient(r, {}, async (other) => {
    const back = new Promise((resolve) => c.once('ready', resolve));
    await r.note('client kill id', other.client('KILL', 'ID', id));
    await back;
    await r.noted(c).get('a');
    const again = await c.client('ID');
    r.check('it is another connection', again > id, again);
    await r.note('client kill nobody', other.client('KILL', '127.0.0.1:1'));
  });
}

async function resp2(r) {
  await withClient(r, { protocol: 2 }, async (c) => {
    r.check('its protocol is RESP2', (await c.client('INFO')).includes(' resp=2'));
    const n = r.noted(c);
    await n.set('a', '1');
    await n.mget('a', 'none');
    await n.config('GET', 'maxmemory');
    await n.lcs('a', 'a', 'IDX');
    await n.incrbyfloat('a', 0.25);
  });
  await withClient(r, { replyMapping: 'resp3' }, async (c) => r.noted(c).config('GET', 'maxmemory'));
}

async function unix(r) {
  await withClient(r, { path: r.where.path }, async (c) => {
    await r.noted(c).set('a', 'over a socket');
    await r.noted(c).get('a');
  });
}

// The server is silent for longer than a call waits; later it is there.
async function timeout(r) {
  await withClient(r, { commandTimeout: 300 }, async (c) => {
    await r.until('it answers', () => c.ping());
    await r.note('debug sleep', c.call('DEBUG', 'SLEEP', '0.8'));
    await r.until('it answers again', async () => (await c.set('a', '1')) === 'OK');
    await r.noted(c).get('a');
  });
}

async function restart(r, c) {
  await r.noted(c).set('a', '1');
  await r.restart();
  await r.until('the data are gone, the client is not', async () => (await c.get('a')) === null);
  await r.noted(c).set('a', '2');
  await r.noted(c).get('a');
}

async function quit(r) {
  await withClient(r, {}, async (c) => {
    const ended = new Promise((resolve) => c.once('end', resolve));
    await r.noted(c).quit();
    await ended;
    await r.noted(c).get('a');
  });
}
