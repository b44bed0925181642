import { beforeEach, describe, expect, it } from 'vitest';
import { gate, until } from '../support/barrier.ts';
import { type DocumentApi, documentApi } from '../support/document-api.ts';
import { gaugeIs, type TestGateway } from '../support/gateway.ts';
import { patience } from '../support/patience.ts';
import { get } from '../support/request.ts';
import { useProtectedRig } from './protected-rig.ts';

/* Protected writes through several nodes: they take turns as those of one node do. */

/** Of each editor. EDITS=5000 for more. */
const EDITS = Number(process.env.EDITS ?? 40);

const rig = useProtectedRig();
const { start, leaseRunsOut, noted, stored, at, put } = rig;

describe.each(['none', 'strong'] as const)('before an API with entity tags: %s', (etags) => {
  it(
    'two editors, each with a partial document, through three nodes: no member of either is lost',
    async () => {
      await start(3, 'merge: true');
      const api = documentApi(rig.origin, '/settings', { text: '{"a":0,"b":0,"kept":9007199254740993}', etags });
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
    patience(20_000 + EDITS * 200),
  );

  it('of equal-tagged writes through three nodes exactly one succeeds, each time', async () => {
    await start(3, 'precondition: required');
    documentApi(rig.origin, '/settings', { text: '{"a":0}', etags });
    for (let round = 1; round <= 10; round++) {
      const etag = String((await get(at(round % 3))).headers.etag);
      const answers = await Promise.all([0, 1, 2].map((node) => put(node, { round, node }, { 'if-match': etag })));
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412]);
    }
  });
});

describe('after a tag that somebody past the gateway has made old was refused', () => {
  it.each(['tier', 'no tier'])('no node gives it again: %s', async (tier) => {
    const settings = 'defaults: { cache: { ttl: 60s } }';
    await start(2, 'precondition: required', { settings, ...(tier === 'no tier' && { tier: 'off' }) });
    const api = documentApi(rig.origin, '/settings', { text: '{"a":0}', etags: 'strong' });
    const old = api.etag();
    const etags = async (nodes: readonly number[]): Promise<string[]> =>
      (await Promise.all(nodes.map((node) => get(at(node))))).map(({ headers }) => String(headers.etag));
    expect(await etags([0])).toEqual([old]);
    if (tier === 'tier') await stored(1);
    api.text = '{"a":1}';
    // Of the two nodes, only the first one has given it.
    expect((await put(1, { a: 2 }, { 'if-match': old })).status).toBe(412);
    expect(await etags([0, 1])).toEqual([api.etag(), api.etag()]);
  });

  it('one that is made up costs no more than a record a second', async () => {
    await start(2, 'precondition: required', { settings: 'defaults: { cache: { ttl: 60s } }', tier: 'off' });
    documentApi(rig.origin, '/settings', { text: '{"a":0}', etags: 'strong' });
    const positions = async (): Promise<number> =>
      Number(/^unstale_log_position (\d+)$/m.exec((await get(`${rig.nodes[0]?.adminUrl}/metrics`)).text)?.[1]);
    const [before, startedAt] = [await positions(), performance.now()];
    for (let i = 0; i < 20; i++) expect((await put(i % 2, { a: 2 }, { 'if-match': `"x${i}"` })).status).toBe(412);
    const seconds = Math.ceil((performance.now() - startedAt) / 1_000);
    const made = (await positions()) - before;
    // Of each of the two nodes.
    expect(made).toBeGreaterThan(0);
    expect(made).toBeLessThanOrEqual(2 * seconds);
  });
});

describe('a node that cannot go on', () => {
  let api: DocumentApi;
  beforeEach(async () => {
    await start(2, 'merge: true');
    api = documentApi(rig.origin, '/settings', { text: '{"a":0,"b":0}' });
  });

  it('a write waits for that of another node, however long the API takes', async () => {
    api.gate = gate();
    const first = put(0, { a: 1 });
    await api.gate.arrived();
    const second = put(1, { b: 1 });
    await until(() => rig.origin.requests('GET /settings').length === 1);
    api.gate.release();
    await Promise.all([first, second]);
    expect(JSON.parse(api.text)).toEqual({ a: 1, b: 1 });
  });

  it('while Redis is away, protected writes are refused, and the API is not asked', async () => {
    await rig.redis.kill();
    const answer = await put(0, { a: 1 });
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '1']);
    expect(api.writes).toEqual([]);
    await rig.redis.launch();
  });

  it('does not write after its turn: the connection to the API became free too late', async () => {
    await rig.nodes[0]?.stop();
    await rig.nodes[1]?.stop();
    // All connections for one address: it must not wait for its share of them.
    const server = 'server: { listen: "127.0.0.1:0", limits: { perAddress: { originShare: 100% } } }';
    const settings = `origin: { url: "${rig.origin.url}", timeout: 10s, connections: 1 }\n${server}`;
    // A read that looks into the tier first may come to the pool after the write.
    await start(1, 'merge: true', { settings, tier: 'off' });
    const [read, slow] = [gate(), gate()];
    rig.origin.on('GET /settings', async (_, response) => {
      await read.pass();
      response.writeHead(200, { 'content-type': 'application/json' }).end(api.text);
    });
    rig.origin.on('GET /slow', async (_, response) => {
      await slow.pass();
      response.end();
    });
    const late = put(0, { a: 1 });
    await read.arrived();
    const other = get(at(0).replace('/settings', '/slow'));
    await gaugeIs(rig.nodes[0] as TestGateway, 'unstale_fills', 1);
    read.release();
    await slow.arrived();
    // Its turn, and the write: it is noted, and waits for the connection.
    const early = late.then(({ status, text }) => {
      throw new Error(`it was answered ${status} before it was noted: ${text}`);
    });
    for (const each of [early, late, other]) each.catch(() => {});
    await Promise.race([noted(2), early]);
    await rig.redis.kill();
    await leaseRunsOut();
    slow.release();
    expect((await late).status).toBe(503);
    await other;
    expect(api.writes).toEqual([]);
    await rig.redis.launch();
  });
});
