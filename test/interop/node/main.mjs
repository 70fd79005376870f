// node main.mjs LIBRARY WHERE
//
// Runs the scenarios of a library, in order, against the server that WHERE names
// (JSON: host, port, path of the unix socket, and in lacks the features that
// some server of the comparison does not have). The transcript goes to standard
// output. An error outside of what a scenario notes ends the program with
// status 1.
import { Recorder } from './record.mjs';

const libraries = { ioredis: './ioredis.mjs', 'node-redis': './node-redis.mjs' };
const [library, where] = process.argv.slice(2);
const { scenarios, withClient } = await import(libraries[library]);
const recorder = new Recorder(JSON.parse(where));
for (const [name, needs, run] of scenarios) {
  if (recorder.where.lacks?.includes(needs)) continue;
  recorder.scenario = name;
  await withClient(recorder, {}, async (client) => {
    await run(recorder, client);
    await (client.flushall ?? client.flushAll).call(client);
  });
}
recorder.close();
