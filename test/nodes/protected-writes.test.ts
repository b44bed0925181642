import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RedisServer } from '../redis-log/redis-server.ts';
import { gate, until } from '../support/barrier.ts';
import { type DocumentApi, documentApi } from '../support/document-api.ts';
import { gaugeIs, startGateway, type TestGateway } from '../support/gateway.ts';
import { type Answer, get } from '../support/request.ts';
import { type ScriptedOrigin, scriptedOrigin } from '../support/scripted-origin.ts';

/* Protected writes through several nodes: they take turns as those of one node do. */

/** Of each editor. EDITS=5000 for more. */
const EDITS = Number(process.env.EDITS ?? 40);

let redis: RedisServer;
let origin: ScriptedOrigin;
let nodes: TestGateway[];
beforeEach(async () => {
  [redis, origin] = await Promise.all([RedisServer.start(), scriptedOrigin()]);
  nodes = [];
});
afterEach(async () => {
  await Promise.all(nodes.map((node) => node.stop()));
  await redis.stop();
  await origin.close();
});

/** A step of the bus has failed after a quarter of it: a machine that is busy has to be slower than that. */
const LEASE = 'lease: 3s';

interface Settings {
  readonly settings?: string;
  readonly coherence?: string;
  readonly tier?: 'off';
}

async function start(count: number, entry: string, { settings = '', ...more }: Settings = {}): Promise<void> {
  const { coherence = LEASE, tier } = more;
  const yaml = `${settings}
store: { redis: { url: "unix:${redis.socket}"${tier === undefined ? '' : `, tier: ${tier}`} } }
coherence: { ${coherence}, settle: 300ms }
writes: [{ on: PUT /settings, ${entry} }]`;
  nodes = await Promise.all(Array.from({ length: count }, () => startGateway(origin.url, yaml)));
  for (const { adminUrl } of nodes) {
    await until(async () => (await get(`${adminUrl}/readyz`)).status === 200, 'a node to serve');
  }
}

async function leaseRunsOut(): Promise<void> {
  const text = async (): Promise<string> => (await get(`${nodes[0]?.adminUrl}/readyz`)).text;
  await until(async () => (await text()).includes('the lease has run out'), 'its lease to run out');
}

/** Resolves once so many intents are in the bus, and the node knows that they are. */
async function noted(count: number): Promise<void> {
  const connection = redis.connect();
  await once(connection, 'ready');
  const intents = async (): Promise<number> => {
    const [key] = await connection.keys('*intents*');
    return key === undefined ? 0 : connection.hlen(key);
  };
  await until(async () => (await intents()) === count, `${count} intents`);
  connection.disconnect();
  await get(`${nodes[0]?.adminUrl}/metrics`);
}

const at = (node: number): string => `${nodes[node]?.url}/settings`;
const put = (node: number, body: Record<string, unknown>, headers: Record<string, string> = {}): Promise<Answer> =>
  get(at(node), { method: 'PUT', body, headers: { 'content-type': 'application/json', ...headers } });

describe.each(['none', 'strong'] as const)('before an API with entity tags: %s', (etags) => {
  it(
    'two editors, each with a partial document, through three nodes: no member of either is lost',
    async () => {
      await start(3, 'merge: true');
      const api = documentApi(origin, '/settings', { text: '{"a":0,"b":0,"kept":9007199254740993}', etags });
      const edit = async (member: string, from: number): Promise<void> => {
        for (let i = 1; i <= EDITS; i++) {
          const { status } = await put((from + i) % 3, { [member]: i });
          expect(status).toBe(200);
        }
      };
      await Promise.all([edit('a', 0), edit('b', 1)]);
      expect(api.text).toContain('9007199254740993');
      const seen = api.writes.map((text) => JSON.parse(text) as { a: number; b: number });
      expect(seen).toHaveLength(2 * EDITS);
      const isGrowing = seen.every(({ a, b }, i) => a >= (seen[i - 1]?.a ?? 0) && b >= (seen[i - 1]?.b ?? 0));
      expect([isGrowing, seen.at(-1)]).toEqual([true, expect.objectContaining({ a: EDITS, b: EDITS })]);
    },
    20_000 + EDITS * 200,
  );

  it('of equal-tagged writes through three nodes exactly one succeeds, each time', async () => {
    await start(3, 'precondition: required');
    documentApi(origin, '/settings', { text: '{"a":0}', etags });
    for (let round = 1; round <= 10; round++) {
      const etag = String((await get(at(round % 3))).headers.etag);
      const answers = await Promise.all([0, 1, 2].map((node) => put(node, { round, node }, { 'if-match': etag })));
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412]);
    }
  });
});

describe('a node that cannot go on', () => {
  let api: DocumentApi;
  beforeEach(async () => {
    await start(2, 'merge: true');
    api = documentApi(origin, '/settings', { text: '{"a":0,"b":0}' });
  });

  it('a write waits for that of another node, however long the API takes', async () => {
    api.gate = gate();
    const first = put(0, { a: 1 });
    await api.gate.arrived();
    const second = put(1, { b: 1 });
    await until(() => origin.requests('GET /settings').length === 1);
    api.gate.release();
    await Promise.all([first, second]);
    expect(JSON.parse(api.text)).toEqual({ a: 1, b: 1 });
  });

  it('while Redis is away, protected writes are refused, and the API is not asked', async () => {
    await redis.kill();
    const answer = await put(0, { a: 1 });
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '1']);
    expect(api.writes).toEqual([]);
    await redis.launch();
  });

  it('does not write after its turn: the connection to the API became free too late', async () => {
    await nodes[0]?.stop();
    await nodes[1]?.stop();
    // All connections for one address: it must not wait for its share of them.
    const server = 'server: { listen: "127.0.0.1:0", limits: { perAddress: { originShare: 100% } } }';
    const settings = `origin: { url: "${origin.url}", timeout: 10s, connections: 1 }\n${server}`;
    // A read that looks into the tier first may come to the pool after the write.
    await start(1, 'merge: true', { settings, tier: 'off' });
    const [read, slow] = [gate(), gate()];
    origin.on('GET /settings', async (_, response) => {
      await read.pass();
      response.writeHead(200, { 'content-type': 'application/json' }).end(api.text);
    });
    origin.on('GET /slow', async (_, response) => {
      await slow.pass();
      response.end();
    });
    const late = put(0, { a: 1 });
    await read.arrived();
    const other = get(at(0).replace('/settings', '/slow'));
    await gaugeIs(nodes[0] as TestGateway, 'unstale_fills', 1);
    read.release();
    await slow.arrived();
    // Its turn, and the write: it is noted, and waits for the connection.
    const early = late.then(({ status, text }) => {
      throw new Error(`it was answered ${status} before it was noted: ${text}`);
    });
    for (const each of [early, late, other]) each.catch(() => {});
    await Promise.race([noted(2), early]);
    await redis.kill();
    await leaseRunsOut();
    slow.release();
    expect((await late).status).toBe(503);
    await other;
    expect(api.writes).toEqual([]);
    await redis.launch();
  });
});

describe('a node alone, once Redis is away', () => {
  /** A node whose next read of the document waits at the gate. */
  async function alone(settings: string, coherence: string) {
    await start(1, 'merge: true', { settings, coherence });
    const api = documentApi(origin, '/settings', { text: '{"a":0}' });
    const read = gate();
    origin.on('GET /settings', async (_, response) => {
      await read.pass();
      response.writeHead(200, { 'content-type': 'application/json' }).end(api.text);
    });
    return { api, read };
  }

  it('does not send the end of a long body after its turn: its lease has run out meanwhile', async () => {
    const rule = 'rules: [{ on: PATCH /settings, before: read, invalidate: ["/names/{before.a}"] }]';
    // The read may take longer than the lease.
    const patient = `origin: { url: "${origin.url}", timeout: 10s }`;
    const { api, read } = await alone(`${rule}\n${patient}`, LEASE);
    const late = get(at(0), { method: 'PATCH', body: { a: 'x'.repeat(400_000) } });
    // It has its turn, and is noted.
    await read.arrived();
    await redis.kill();
    await leaseRunsOut();
    read.release();
    // What the API has had of it is invalidated, which no other node has confirmed.
    expect((await late).status).toBe(504);
    expect(api.writes).toHaveLength(0);
    await redis.launch();
  });

  // Its turn would last long enough. But what the others do not know of would be lost with this node.
  it.each(['reject', 'queue'])('does not write what it cannot tell the others: onPartition is %s', async (choice) => {
    const { api, read } = await alone('', `lease: 6s, onPartition: ${choice}`);
    const write = put(0, { a: 1 });
    await read.arrived();
    await redis.kill();
    read.release();
    expect((await write).status).toBe(503);
    expect(api.writes).toEqual([]);
    await redis.launch();
  });
});
