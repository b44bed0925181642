import { afterEach, beforeEach, expect, test } from 'vitest';
import { budget, seedsOf } from '../support/budget.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { random, turns } from '../support/random.ts';
import { testClient } from '../support/request.ts';
import { type ScriptedOrigin, scriptedOrigin } from '../support/scripted-origin.ts';

/*
 * The promise, as in history.test.ts, where writes do more than invalidate: parents are patched in place, fetched
 * again, and left alone by writes that change nothing. A patched parent was never answered by the origin as it stands,
 * so it is looked at child by child: what it shows of each must be what the origin showed at some time since the last
 * write of that child that was answered before the read began.
 */

const CHILDREN = 6;
const PARENTS = 3;
const OPERATIONS = budget({ local: 500, ci: 1_200 });
const CONCURRENCY = 10;

interface Child {
  readonly id: number;
  readonly parent: number;
  readonly name: number;
}
/** What a parent shows of a child from some version on: its name, or that it is not there. */
interface Shown {
  readonly since: number;
  readonly name: number | undefined;
}

let origin: ScriptedOrigin;
let gateway: TestGateway;
let children: Child[];
let version: number;
let shown: Map<string, Shown[]>;
let applied: Map<number, number>;
let choose: (below: number) => number;

const pair = (parent: number, child: number): string => `${parent} ${child}`;

function note(parent: number, child: number): void {
  const now = children[child] as Child;
  const states = shown.get(pair(parent, child)) ?? [];
  states.push({ since: version, name: now.parent === parent ? now.name : undefined });
  shown.set(pair(parent, child), states);
}

beforeEach(async () => {
  origin = await scriptedOrigin();
  children = Array.from({ length: CHILDREN }, (_, id) => ({ id, parent: id % PARENTS, name: 0 }));
  version = 0;
  shown = new Map();
  applied = new Map();
  for (let parent = 0; parent < PARENTS; parent++) for (let child = 0; child < CHILDREN; child++) note(parent, child);
  origin.on(
    ({ method }) => method === 'GET',
    async (request, response) => {
      await turns(choose(6));
      const [, kind, id] = (request.url ?? '').split('/');
      const body =
        kind === 'children'
          ? JSON.stringify(children[Number(id)])
          : JSON.stringify({ id: Number(id), children: children.filter(({ parent }) => parent === Number(id)) });
      await turns(choose(6));
      response.setHeader('Content-Type', 'application/json');
      response.end(body);
    },
  );
  origin.on(
    ({ method }) => method === 'PATCH',
    async (request, response, { body }) => {
      await turns(choose(6));
      const id = Number((request.url ?? '').split('/')[2]);
      const { write, ...change } = JSON.parse(body.toString()) as Partial<Child> & { write: number };
      const was = children[id] as Child;
      const is = { ...was, ...change };
      children[id] = is;
      version += 1;
      for (const parent of new Set([was.parent, is.parent])) note(parent, id);
      applied.set(write, version);
      await turns(choose(6));
      const luck = choose(24);
      if (luck === 0) response.destroy();
      else if (luck === 1) response.writeHead(500).end();
      else if (luck === 2) response.writeHead(204).end();
      else response.setHeader('Content-Type', 'application/json').end(JSON.stringify(is));
    },
  );
});
afterEach(async () => {
  await gateway.stop();
  await origin.close();
});

const parents = '/parents/{before.parent, response.parent}';
const rules: Record<string, string> = {
  patch: `{ name: r, on: "PATCH /children/:id", patch: [{ path: "${parents}", at: /children }, { path: "/children/{id}", at: "" }] }`,
  refresh: `{ name: r, on: "PATCH /children/:id", refresh: ["${parents}", "/children/{id}"] }`,
  onlyIfChanged: `{ name: r, on: "PATCH /children/:id", onlyIfChanged: true, invalidate: ["${parents}"] }`,
  'patch, onlyIfChanged': `{ name: r, on: "PATCH /children/:id", onlyIfChanged: true, patch: [{ path: "${parents}", at: /children }] }`,
};
const rows = Object.keys(rules).flatMap((action) =>
  seedsOf({ local: 1, ci: 3 }).map((seed) => [action, seed] as const),
);

test.each(rows)(
  '%s: no parent shows a child as it was before a write that was answered (seed %i)',
  async (action, seed) => {
    choose = random(seed);
    gateway = await startGateway(
      origin.url,
      `coherence: { settle: 20ms }\ndefaults: { cache: { ttl: 1h } }\nrules:\n  - ${rules[action]}\n`,
    );
    const client = testClient();
    const floors = new Map<number, number>();
    const stale: string[] = [];
    let hits = 0;
    let writes = 0;
    /** Whether the origin showed that at some time from `floor` on. */
    const wasShown = (parent: number, child: number, name: number | undefined, floor: number): boolean => {
      const states = shown.get(pair(parent, child)) ?? [];
      return states.some(
        (state, i) => state.name === name && (states[i + 1]?.since ?? Number.POSITIVE_INFINITY) > floor,
      );
    };
    const readOne = async (parent: number): Promise<void> => {
      const atLeast = new Map(floors);
      const answer = await client.get(`${gateway.url}/parents/${parent}`);
      if (String(answer.headers['cache-status']).includes('hit')) hits += 1;
      const found = new Map(answer.json<{ children: Child[] }>().children.map(({ id, name }) => [id, name]));
      for (let child = 0; child < CHILDREN; child++) {
        if (wasShown(parent, child, found.get(child), atLeast.get(child) ?? 0)) continue;
        stale.push(`parent ${parent} shows child ${child} as ${found.get(child)}, after ${atLeast.get(child)}`);
      }
    };
    const writeOne = async (id: number): Promise<void> => {
      const write = ++writes;
      // Every third changes nothing; half of the others move.
      const known = children[id] as Child;
      const change =
        choose(3) === 0 ? { name: known.name } : choose(2) === 0 ? { parent: choose(PARENTS) } : { name: write };
      await client.get(`${gateway.url}/children/${id}`, { method: 'PATCH', body: { ...change, write } });
      const done = applied.get(write);
      if (done !== undefined) floors.set(id, Math.max(floors.get(id) ?? 0, done));
    };
    let left = OPERATIONS;
    const worker = async (): Promise<void> => {
      while (left-- > 0) {
        if (choose(8) === 0) await writeOne(choose(CHILDREN));
        else if (choose(4) === 0) await client.get(`${gateway.url}/children/${choose(CHILDREN)}`);
        else await readOne(choose(PARENTS));
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, worker));
    client.close();
    expect(stale).toEqual([]);
    expect(hits, 'a cache that stores nothing would prove nothing').toBeGreaterThan(OPERATIONS / 20);
    if (action.startsWith('patch')) {
      const patched = gateway.logs.reduce((sum, line) => sum + Number(line.patched ?? 0), 0);
      expect(patched, 'nothing was patched').toBeGreaterThan(0);
    }
    if (action.includes('onlyIfChanged')) {
      const unchanged = gateway.logs.filter(({ outcome }) => outcome === 'unchanged').length;
      expect(unchanged, 'every write counted as a change').toBeGreaterThan(0);
    }
  },
);
