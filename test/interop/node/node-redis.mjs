// The everyday program of node-redis (package "redis").
import { createClient, createClientPool, ErrorReply, RESP_TYPES } from 'redis';
import { everyByte, infoField, replyTypes } from './record.mjs';
import { uses } from './node-redis-uses.mjs';

// Runs f with a client: the library's defaults, and options where a scenario is
// about one. Errors of the connection are noted where they matter.
export async function withClient(r, options, f) {
  const socket = { host: r.where.host, port: r.where.port };
  const client = createClient({ ...options, socket: options.socket?.path ? options.socket : { ...socket, ...options.socket } });
  client.on('error', () => {});
  await client.connect();
  try {
    await f(client);
  } finally {
    if (client.isOpen) client.destroy();
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
  ['pool', '', pool],
  ['binary', '', binary],
  ['large', '', large],
  ['errors', '', errors],
  ['out of memory', '', outOfMemory],
  ['memory stats', '', memoryStats],
  ['databases', '', databases],
  ['auth', '', auth],
  ['config and info', '', configInfo],
  ['introspection', '', introspection],
  ['monitor', '', monitor],
  ['chat', '', chat],
  ['names', '', names],
  ['kill', '', kill],
  ['resp2', '', resp2],
  ['unix socket', '', unix],
  ['timeout', '', timeout],
  ['restart', '', restart],
  ['close', '', close],
];

async function connect(r, c) {
  const n = r.noted(c);
  await n.ping();
  await n.ping('hello');
  await n.echo('hello');
  r.check('the client is ready', c.isReady);
  const info = await c.clientInfo();
  r.check('its protocol is RESP3', info.resp === 3, info);
  r.library(info.libName, info.libVer);
  const { server, proto, mode, role, modules } = await c.hello();
  await r.note('hello', Promise.resolve([server, proto, mode, role, modules]));
  r.check('it has a number', (await c.clientId()) > 0);
  r.check("the server's time is ours", Math.abs(Number((await c.time())[0]) - Date.now() / 1000) < 60);
}

async function types(r, c) {
  for (const kind of replyTypes) await r.noted(c).sendCommand(['DEBUG', 'PROTOCOL', kind]);
}

async function strings(r, c) {
  const n = r.noted(c);
  await n.set('a', '1');
  await n.get('a');
  await n.get('none');
  await n.set('a', '2', { expiration: { type: 'EX', value: 60 }, condition: 'NX' });
  await n.set('a', '3', { expiration: 'KEEPTTL', GET: true });
  await n.setNX('a', '4');
  await n.append('a', 'tail');
  await n.strLen('a');
  await n.getRange('a', -4, -1);
  await n.setRange('a', 7, 'far');
  await n.get('a');
  await n.mSet({ x: '1', y: 'two' });
  await n.mSetNX([['x', '5']]);
  await n.mGet(['x', 'none', 'y']);
  await n.getDel('x');
  await n.getEx('y', { type: 'EX', value: 60 });
  await n.incr('n');
  await n.incrBy('n', 41);
  await n.decrBy('n', 2);
  await n.incrByFloat('n', 0.5);
  await n.mSet(['l', 'ohmytext', 'r', 'mynewtext']);
  await n.lcs('l', 'r');
  await n.lcsLen('l', 'r');
  await n.lcsIdxWithMatchLen('l', 'r');
  await n.set('max', '9223372036854775807');
  await n.incr('max');
  await n.get('max');
}

async function keys(r, c) {
  const n = r.noted(c);
  await n.mSet({ a: '1', b: 'word', c: 'x'.repeat(100) });
  await n.exists(['a', 'a', 'none']);
  await n.type('a');
  for (const k of ['a', 'b', 'c', 'none']) await n.objectEncoding(k);
  await n.rename('a', 'd');
  await n.rename('a', 'd');
  await n.renameNX('b', 'd');
  await n.copy('d', 'e');
  await n.copy('d', 'e', { REPLACE: true });
  await n.touch(['b', 'none']);
  await r.note('keys', c.keys('[a-e]').then((k) => k.sort()));
  await n.dbSize();
  await n.del(['b', 'none']);
  await n.unlink(['d', 'e']);
  await n.flushDb();
  await n.randomKey();
}

async function expiry(r, c) {
  const n = r.noted(c);
  await n.ttl('a');
  await n.setEx('a', 3600, '1');
  const ttl = await c.pTTL('a');
  r.check('an hour to live', ttl > 3540_000 && ttl <= 3600_000, ttl);
  await n.expire('a', 60, 'NX');
  await n.expire('a', 7200, 'GT');
  await n.persist('a');
  await n.pExpireAt('a', 4102444800123);
  await n.pExpireTime('a');
  await n.expireAt('a', new Date(4102444801000));
  await n.expireTime('a');
  await n.pSetEx('a', 30, '2');
  await r.until('gone', async () => (await c.get('a')) === null);
}

async function bitmaps(r, c) {
  const n = r.noted(c);
  await n.setBit('a', 7, 1);
  await n.setBit('a', 100, 1);
  await n.getBit('a', 100);
  await n.bitCount('a');
  await n.bitCount('a', { start: 0, end: 8, mode: 'BIT' });
  await n.bitPos('a', 1, 1);
  await n.bitOp('NOT', 'b', 'a');
  await n.bitOp('XOR', 'c', ['a', 'b']);
  await n.bitCount('c');
  await n.bitField('f', [
    { operation: 'INCRBY', encoding: 'u8', offset: 0, increment: 200 },
    { operation: 'OVERFLOW', behavior: 'FAIL' },
    { operation: 'INCRBY', encoding: 'u8', offset: 0, increment: 100 },
    { operation: 'GET', encoding: 'i4', offset: 4 },
  ]);
  await n.bitFieldRo('f', [{ encoding: 'u8', offset: 0 }]);
}

async function hyperloglog(r, c) {
  const n = r.noted(c);
  await n.pfAdd('h', ['a', 'b', 'c']);
  await n.pfAdd('h', 'a');
  await n.pfCount('h');
  await n.pfAdd('i', Array.from({ length: 5000 }, (_, i) => String(i)));
  await n.pfCount(['h', 'i', 'none']);
  await n.pfMerge('m', ['h', 'i']);
  await r.noted(buffers(c)).get('m');
  await n.set('s', 'text');
  await n.pfAdd('s', 'a');
}

async function scan(r, c) {
  await Promise.all(Array.from({ length: 3000 }, (_, i) => c.set(`key:${i}`, i)));
  for (const options of [{}, { MATCH: 'key:1?9', COUNT: 100 }, { MATCH: 'none*' }, { TYPE: 'string', COUNT: 500 }]) {
    const found = new Set();
    for await (const some of c.scanIterator(options)) for (const key of some) found.add(key);
    r.add(`scan ${JSON.stringify(options)}`);
    await r.note('found', Promise.resolve([...found].sort()));
  }
}

async function pipelines(r, c) {
  // The library sends what is called in one turn at once.
  await r.note('one turn', Promise.allSettled([c.set('a', 'text'), c.incr('a'), c.get('none'), c.sendCommand(['NOSUCH', 'command']), c.strLen('a')]));
  await r.note('pipeline', c.multi().set('b', '1').incrBy('b', 5).get('b').execAsPipeline());
  const many = 10000;
  const numbers = await Promise.all(Array.from({ length: many }, () => c.incr('n')));
  r.check('replies in order', numbers.every((v, i) => v === i + 1), numbers.at(-1));
  const p = c.multi();
  for (let i = 0; i < many; i++) p.incr('m');
  const replies = await p.execAsPipeline();
  r.check('and in a pipeline', replies.length === many && replies.every((v, i) => v === i + 1), replies.at(-1));
  const keys = Array.from({ length: many }, (_, i) => `k${i}`);
  await r.note('mset', c.mSet(keys.flatMap((k, i) => [k, String(i)])));
  await r.note('mget', c.mGet(keys));
  await r.note('del', c.del(keys));
}

async function pool(r, c) {
  const shared = createClientPool({ socket: { host: r.where.host, port: r.where.port } }, { minimum: 2, maximum: 10 });
  shared.on('error', () => {});
  await shared.connect();
  const work = async (name) => {
    for (let i = 0; i < 50; i++) {
      await shared.set(name, i);
      await shared.incr('shared');
      if ((await shared.get(name)) !== String(i)) throw new Error(`${name} is not ${i}`);
    }
  };
  await Promise.all(Array.from({ length: 40 }, (_, i) => work(`own:${i}`)));
  await r.noted(c).get('shared');
  await r.note('a client of its own', shared.execute((own) => own.get('shared')));
  await shared.close();
}

// The client with strings as buffers.
function buffers(c) {
  return c.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
}

async function binary(r, c) {
  const n = r.noted(c);
  await n.set(everyByte, everyByte);
  await r.noted(buffers(c)).get(everyByte);
  await n.set('', '');
  await n.get('');
  await n.set('ключ\r\n', 'значение');
  await n.get('ключ\r\n');
  await n.strLen('ключ\r\n');
}

async function large(r, c) {
  for (const size of [1 << 20, 20 << 20]) {
    const value = Buffer.alloc(size, '0123456789abcdef');
    await r.noted(c).set('big', value);
    r.check('the value is what was set', value.equals(await buffers(c).get('big')));
    await r.noted(c).strLen('big');
    await r.noted(c).getRange('big', -4, -1);
  }
}

async function errors(r, c) {
  await c.set('a', 'text');
  const calls = ['INCR a', 'GET', 'NOSUCH a b', 'SET a b XX NX', 'SET a b EX 0', 'EXPIRE a soon', 'SETBIT a 0 2', 'SELECT one',
    'SCAN x', 'CLIENT nosuch', 'OBJECT nosuch a', 'CONFIG SET nosuch 1', 'AUTH nothing', 'INCRBYFLOAT a 1', 'MOVE a 0', 'HELLO 9'];
  for (const call of calls) await r.note(call, c.sendCommand(call.split(' ')));
  const err = await c.incr('a').catch((e) => e);
  r.check('it is an error reply', err instanceof ErrorReply, err);
}

async function memoryStats(r, c) {
  await c.set('a', '1');
  const stats = await c.memoryStats();
  r.check('memory is counted', stats['total.allocated'] > 0 && stats['keys.count'] === 1, stats);
  r.check('its health is told', (await c.memoryDoctor()).length > 0);
}

async function outOfMemory(r, c) {
  const n = r.noted(c);
  await n.configSet('maxmemory', '1');
  await n.set('b', '1');
  await n.get('b');
  await n.configSet('maxmemory', '0');
}

async function databases(r, c) {
  await withClient(r, { database: 3 }, async (three) => {
    await r.noted(three).set('a', 'three');
    await r.noted(c).get('a');
    await r.noted(three).move('a', 0);
    await r.noted(c).get('a');
    await r.noted(c).swapDb(0, 3);
    await r.noted(three).dbSize();
  });
  await r.noted(c).select(2);
  await r.noted(c).dbSize();
  await r.noted(c).select(99);
  await r.noted(c).select(0);
}

async function auth(r, c) {
  await r.noted(c).configSet('requirepass', 'secret');
  for (const RESP of [3, 2]) {
    for (const [username, password] of [[], [undefined, 'wrong'], [undefined, 'secret'], ['default', 'secret'], ['nobody', 'secret']]) {
      const options = { RESP, username, password, socket: { reconnectStrategy: false } };
      r.add(`RESP${RESP} ${username} ${password}`);
      await r.note('connect', withClient(r, options, (other) => r.noted(other).get('a')));
    }
  }
  await r.noted(c).configSet('requirepass', '');
}

async function configInfo(r, c) {
  const n = r.noted(c);
  await n.configGet('maxmemory');
  await n.configGet(['maxmemory', '*slowlog*']);
  await n.configGet('nosuch');
  await n.configSet('slowlog-max-len', 'many');
  await n.configSet({ 'slowlog-max-len': '64', maxmemory: '1gb' });
  await n.configGet(['slowlog-max-len', 'maxmemory']);
  await n.configSet({ 'slowlog-max-len': '128', maxmemory: '0' });
  await n.configResetStat();
  const info = await c.info();
  for (const field of ['redis_mode', 'tcp_port', 'role', 'loading', 'cluster_enabled', 'maxmemory_policy']) r.add(`${field}: ${infoField(info, field)}`);
  for (const field of ['uptime_in_seconds', 'connected_clients', 'used_memory', 'process_id']) r.check(`${field} is a number`, Number(infoField(info, field)) >= 0, info);
  r.check('one section', infoField(await c.info('server'), 'role') === undefined);
  await n.commandInfo(['get', 'nosuch']);
  await n.commandGetKeys(['MSET', 'a', '1', 'b', '2']);
}

async function introspection(r, c) {
  const n = r.noted(c);
  await r.note('command list', c.commandList({ FILTERBY: { type: 'PATTERN', value: 'bit*' } }).then((names) => names.sort()));
  r.check('commands are counted', (await c.commandCount()) > 50);
  r.check('and described', (await c.command()).some((one) => one.name === 'bitfield_ro' && one.arity === -2));
  await n.commandGetKeysAndFlags(['SET', 'k', 'v', 'GET']);
  await n.clientPause(30);
  await n.set('a', 'after the pause');
  await n.clientPause(3600_000, 'WRITE');
  await n.get('a');
  await n.clientUnpause();
  await n.clientNoEvict(true);
  await n.clientNoEvict(false);
  await n.latencyLatest();
  await n.latencyReset();
  await n.memoryUsage('none');
  r.check('there is art', (await c.LOLWUT()).length > 0);
}

async function monitor(r, c) {
  await withClient(r, {}, async (other) => {
    const seen = new Promise((resolve) => {
      const lines = [];
      other.monitor((line) => {
        lines.push(line.replace(/^[\d.]+ /, 'TIME ').replace(/127\.0\.0\.1:\d+/, 'ADDR'));
        if (line.includes('"DEL"')) resolve(lines);
      }).then(() => c.set('a', 'word "quoted" \0\r\n')).then(() => c.del('a'));
    });
    await r.note('monitor', seen);
    await r.noted(other).reset();
    await r.noted(other).ping();
  });
}

// A room: one member on two channels, one who listens to all rooms.
async function chat(r, c) {
  await withClient(r, {}, async (ann) => {
    await withClient(r, {}, async (all) => {
      const heard = [];
      const toAnn = (text, channel) => heard.push(['ann', channel, text]);
      await r.note('subscribe', ann.subscribe(['room:1', 'room:2'], toAnn));
      await r.note('psubscribe', all.pSubscribe('room:*', (text, channel) => heard.push(['all', channel, text])));
      await r.note('ssubscribe', all.sSubscribe('room:1', (text, channel) => heard.push(['shard', channel, text])));
      const n = r.noted(c);
      await n.pubSubNumSub(['room:1', 'room:3']);
      await n.pubSubNumPat();
      await n.publish('room:1', 'hello');
      await n.publish('room:2', 'bytes \0\r\n');
      await n.sPublish('room:1', 'sharded');
      await r.until('five messages', () => heard.length === 5);
      await r.note('unsubscribe', ann.unsubscribe('room:1'));
      await n.publish('room:1', 'without her');
      await r.until('six messages', () => heard.length === 6);
      for (const who of ['ann', 'all', 'shard']) r.add(JSON.stringify(heard.filter((m) => m[0] === who)));
      await r.note('unsubscribe', ann.unsubscribe('room:2', toAnn));
      await r.noted(ann).get('a');
    });
  });
}

async function names(r, c) {
  await withClient(r, { name: 'everyday' }, async (named) => {
    await r.noted(named).clientGetName();
    r.check('the name is listed', (await c.clientList()).some((one) => one.name === 'everyday'));
    const { db, flags, cmd, user } = await named.clientInfo();
    await r.note('own entry', Promise.resolve([db, flags, cmd, user]));
    await r.noted(named).clientSetName('a b');
  });
}

async function kill(r, c) {
  const id = await c.clientId();
  await r.noted(c).set('a', '1');
  await withClient(r, {}, async (other) => {
    const back = new Promise((resolve) => c.once('ready', resolve));
    await r.note('client kill id', other.clientKill({ filter: 'ID', id }));
    await back;
    await r.noted(c).get('a');
    const again = await c.clientId();
    r.check('it is another connection', again > id, again);
    await r.note('client kill nobody', other.clientKill({ filter: 'ADDR', address: '127.0.0.1:1' }));
  });
}

async function resp2(r) {
  await withClient(r, { RESP: 2 }, async (c) => {
    r.check('its protocol is RESP2', (await c.clientInfo()).resp === 2);
    const n = r.noted(c);
    await n.set('a', '1');
    await n.mGet(['a', 'none']);
    await n.configGet('maxmemory');
    await n.lcsIdx('a', 'a');
    await n.incrByFloat('a', 0.25);
  });
}

async function unix(r) {
  await withClient(r, { socket: { path: r.where.path } }, async (c) => {
    await r.noted(c).set('a', 'over a socket');
    await r.noted(c).get('a');
  });
}

// The server is silent for longer than the socket may be; later it is there.
async function timeout(r) {
  await withClient(r, { socket: { socketTimeout: 300 } }, async (c) => {
    await r.until('it answers', () => c.ping());
    const told = new Promise((resolve) => c.once('error', resolve));
    await r.note('debug sleep', c.sendCommand(['DEBUG', 'SLEEP', '0.8']));
    await r.note('told', told);
  });
  await withClient(r, {}, async (c) => {
    await r.noted(c).set('a', '1');
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

async function close(r) {
  await withClient(r, {}, async (c) => {
    await r.note('close', c.close());
    await r.noted(c).get('a');
  });
}
