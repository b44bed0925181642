/*
 * Saves little, then much, on a disk that takes files of a few blocks only: `full-disk.mjs <folder>`, under `ulimit
 * -f`.
 */
import { randomBytes } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { systemClock } from '../../src/clock.ts';
import { Fence } from '../../src/coherence/fence.ts';
import { parseCacheControl } from '../../src/http/cache-control.ts';
import { Fields } from '../../src/http/fields.ts';
import { NodeSnapshots } from '../../src/snapshot/snapshots.ts';
import { MemoryStore } from '../../src/store/memory.ts';
import { StoredResponse } from '../../src/store/stored-response.ts';

const [path = ''] = process.argv.slice(2);
const bounds = { maxBytes: 64 * 1024 * 1024, maxEntryBytes: 8 * 1024 * 1024, maxVariants: 8 };
const store = new MemoryStore(bounds, new Fence());
const lines = [];
const released = [];
const snapshots = new NodeSnapshots({
  config: { path, load: 'off', save: 'stop', maxBytes: 1024 * 1024 * 1024, key: undefined },
  store,
  maxBytes: bounds.maxBytes,
  fingerprint: 'f',
  log: {
    mark: () => Promise.resolve({ segment: 's' }),
    missedSince: () => Promise.resolve({ known: true, coverages: [], asOf: 0 }),
    release: (mark) => released.push(mark),
  },
  saves: true,
  isPerUser: () => false,
  clock: systemClock,
  logger: { info: (_, line) => lines.push(line), warn: (_, line) => lines.push(line) },
});

const directives = parseCacheControl('max-age=60');

function put(name, length) {
  const plain = { asOf: 0, since: undefined, uses: 0, part: undefined, encoded: undefined };
  const whole = {
    vary: [],
    selecting: [],
    directives,
    lifetimeMs: 1,
    initialAgeMs: 0,
    respondedAt: 0,
    status: 200,
  };
  store.put(
    new StoredResponse({
      ...{ ...plain, ...whole, shareable: true, clientHeaders: [], headers: new Fields([]) },
      ...{ key: `http://host\n${name}\n`, path: name, tags: [`p:${name}`], content: randomBytes(length) },
    }),
  );
}

put('/small', 100);
const first = await snapshots.save();
const size = statSync(first.path).size;
for (let i = 0; i < 20; i++) put(`/large/${i}`, 100_000);
const failure = await snapshots.save().catch((error) => ({ code: error.code, cause: error.cause.code }));
const files = readdirSync(path);
const kept = statSync(first.path).size === size;
process.stdout.write(JSON.stringify({ failure, files, kept, released: released.length, ...snapshots.status() }));
