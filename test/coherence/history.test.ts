import { afterEach, beforeEach, expect, test } from 'vitest';
import { budget, seedsOf } from '../support/budget.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { random, turns } from '../support/random.ts';
import { testClient } from '../support/request.ts';
import { type ScriptedOrigin, scriptedOrigin } from '../support/scripted-origin.ts';

/*
 * The promise, as a history: no read that began after a write was answered returns a representation from before that
 * write. Random writers move children between parents while random readers read both, over real sockets, against an
 * origin that numbers its versions, delays its answers, and now and then applies a write and then fails to say so.
 */

const CHILDREN = 6;
const PARENTS = 4;
const OPERATIONS = budget({ local: 600, ci: 1_500 });
const CONCURRENCY = 12;
const seeds = seedsOf({ local: 2, ci: 4 });

let origin: ScriptedOrigin;
let gateway: TestGateway;
/** What the origin has applied, by the number that the writer gave it. */
let applied: Map<number, { parents: number[]; version: number }>;
let parentOf: number[];
let choose: (below: number) => number;

beforeEach(async () => {
  origin = await scriptedOrigin();
  applied = new Map();
  parentOf = Array.from({ length: CHILDREN }, (_, child) => child % PARENTS);
  const versions = new Array<number>(CHILDREN).fill(0);
  let version = 0;
  origin.on(
    ({ method }) => method === 'GET',
    async (request, response) => {
      await turns(choose(8));
      const [, kind, id] = (request.url ?? '').split('/');
      // `asOf` is the version of the whole world when the origin looked: what a response must not be older than.
      const body =
        kind === 'children'
          ? { asOf: version, parent: parentOf[Number(id)], version: versions[Number(id)] }
          : { asOf: version, children: parentOf.flatMap((parent, child) => (parent === Number(id) ? [child] : [])) };
      await turns(choose(8));
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify(body));
    },
  );
  origin.on(
    ({ method }) => method === 'PATCH',
    async (request, response, { body }) => {
      await turns(choose(8));
      const child = Number((request.url ?? '').split('/')[2]);
      const from = parentOf[child] as number;
      const { parent: to, write } = JSON.parse(body.toString()) as { parent: number; write: number };
      version += 1;
      parentOf[child] = to;
      versions[child] = version;
      const mine = version;
      applied.set(write, { parents: [from, to], version });
      await turns(choose(8));
      const luck = choose(20);
      if (luck === 0) response.destroy();
      else if (luck === 1) response.writeHead(500).end();
      else response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ parent: to, version: mine }));
    },
  );
  gateway = await startGateway(
    origin.url,
    `
coherence: { settle: 20ms }
defaults: { cache: { ttl: 1h } }
rules:
  - name: child
    on: PATCH /children/:id
    invalidate: ["/children/{id}", "/parents/{before.parent, response.parent}"]
`,
  );
});
afterEach(async () => {
  await gateway.stop();
  await origin.close();
});

test.each(seeds)('no read is older than a write that was answered before it began (seed %i)', async (seed) => {
  choose = random(seed);
  const client = testClient();
  /** What each resource must at least be as of, for reads that begin now. */
  const floor = new Map<string, number>();
  const stale: string[] = [];
  let hits = 0;
  const readOne = async (path: string): Promise<void> => {
    const atLeast = floor.get(path) ?? 0;
    const answer = await client.get(gateway.url + path);
    if (String(answer.headers['cache-status']).includes('hit')) hits += 1;
    const { asOf } = answer.json<{ asOf: number }>();
    if (asOf < atLeast) stale.push(`${path}: as of ${asOf}, but ${atLeast} was answered before`);
  };
  let writes = 0;
  const writeOne = async (child: number): Promise<void> => {
    const write = ++writes;
    const body = { parent: choose(PARENTS), write };
    await client.get(`${gateway.url}/children/${child}`, { method: 'PATCH', body });
    // Answered, even if with a 502: if the origin applied it, no later request may get the old state.
    const done = applied.get(write);
    if (done === undefined) return;
    for (const path of [`/children/${child}`, ...done.parents.map((id) => `/parents/${id}`)]) {
      floor.set(path, Math.max(floor.get(path) ?? 0, done.version));
    }
  };
  let left = OPERATIONS;
  const worker = async (): Promise<void> => {
    while (left-- > 0) {
      if (choose(10) === 0) await writeOne(choose(CHILDREN));
      else if (choose(2) === 0) await readOne(`/children/${choose(CHILDREN)}`);
      else await readOne(`/parents/${choose(PARENTS)}`);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  client.close();
  expect(stale).toEqual([]);
  expect(hits, 'a cache that stores nothing would prove nothing').toBeGreaterThan(OPERATIONS / 10);
});
