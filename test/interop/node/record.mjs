// The transcript of a Node program: what Go's recorder is for the Go libraries.
// One JSON array of scenario and text a line goes to standard output.
import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';
import { once } from 'node:events';

const patienceMs = 20_000; // bounds every wait for a condition

// A run of scenarios against the server that `where` names: host, port, path of
// its unix socket.
export class Recorder {
  scenario = '';
  #where;
  #answers = createInterface({ input: process.stdin });

  constructor(where) {
    this.#where = where;
  }

  get where() {
    return this.#where;
  }

  close() {
    this.#answers.close();
  }

  // Adds a line.
  add(text) {
    process.stdout.write(JSON.stringify([this.scenario, text]) + '\n');
  }

  // Adds a call with its outcome, which is returned; undefined after an error.
  async note(call, promise) {
    try {
      const result = await promise;
      this.add(`${call} => ${show(result)}`);
      return result;
    } catch (err) {
      this.add(`${call} => ${failure(err)}`);
      return undefined;
    }
  }

  // Adds a condition on something that cannot be compared itself. One that does
  // not hold ends the program.
  check(what, ok, seen) {
    if (!ok) throw new Error(`${this.scenario}: ${what}: not so, but ${show(seen)}`);
    this.add(what);
  }

  // Waits for a condition. Errors count as not yet.
  async until(what, cond) {
    for (const end = Date.now() + patienceMs; ; await pause(5)) {
      let last;
      try {
        if (await cond()) break;
      } catch (err) {
        last = err;
      }
      if (Date.now() > end) throw new Error(`${this.scenario}: ${what}: not within ${patienceMs} ms`, { cause: last });
    }
    this.add(what);
  }

  // The same object, with every method call noted.
  noted(target) {
    return new Proxy(target, {
      get: (object, name) => {
        const member = object[name];
        if (typeof member !== 'function') return member;
        return (...args) => this.note(`${String(name)} ${args.map(brief).join(' ')}`.trim(), member.apply(object, args));
      },
    });
  }

  // Tells what CLIENT INFO says about the library.
  library(name, version) {
    process.stdout.write(JSON.stringify(['!library', `${name} ${version}`]) + '\n');
  }

  // Has the server ended and started anew.
  async restart() {
    process.stdout.write(JSON.stringify(['!restart', '']) + '\n');
    await once(this.#answers, 'line');
  }
}

export function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

// An error by its type and text.
export function failure(err) {
  const lost = ['ECONNRESET', 'EPIPE', 'ECONNREFUSED'];
  if (lost.includes(err.code) || err.constructor.name === 'SocketClosedUnexpectedlyError') return 'connection lost';
  return `${err.constructor.name}: ${err.message}`;
}

// A value with its type's marks, a long one as size and digest.
export function show(v) {
  const text = plain(v);
  return text.length > 200 && !(v instanceof Error) ? `${text.slice(0, 40)}… ${text.length} ${digest(text)}` : text;
}

function plain(v) {
  if (v instanceof Error) return failure(v);
  if (Buffer.isBuffer(v)) return v.length > 200 ? `buffer of ${v.length} ${digest(v)}` : `buffer ${JSON.stringify(v.toString('latin1'))}`;
  if (Array.isArray(v)) return `[${v.map(plain).join(' ')}]`;
  if (v instanceof Date) return v.toISOString();
  if (v instanceof Set) return `set {${[...v].map(plain).sort().join(' ')}}`;
  if (v instanceof Map) return `map {${[...v].map(([k, x]) => `${plain(k)}:${plain(x)}`).sort().join(' ')}}`;
  if (typeof v === 'bigint') return `${v}n`;
  if (v !== null && typeof v === 'object') return `{${Object.keys(v).map((k) => `${JSON.stringify(k)}:${plain(v[k])}`).sort().join(' ')}}`;
  return JSON.stringify(v) ?? 'undefined';
}

function brief(v) {
  const text = plain(v);
  return text.length > 100 ? `${text.slice(0, 40)}…${text.length}` : text;
}

function digest(bytes) {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 12);
}

// A field of INFO as a program finds it.
export function infoField(info, name) {
  const line = info.split('\r\n').find((l) => l.startsWith(`${name}:`));
  return line?.slice(name.length + 1);
}

// Arguments of DEBUG PROTOCOL: every type of a RESP3 reply that is not out of band.
export const replyTypes = ['string', 'integer', 'double', 'null', 'array', 'set', 'map', 'verbatim', 'true', 'false', 'bignum'];

// Every byte once.
export const everyByte = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
