import { expect, it } from 'vitest';
import type { ReplayReport } from '../../src/replay/report.ts';
import { line, replayOf } from './play.ts';

const steps = `routes:
  - { match: /accommodations/**, cache: { ttl: 60s } }
  - { match: /steps/:stepId, cache: { ttl: 60s } }
  - { match: /live, cache: off }
rules:
  - name: in-step
    on: PUT|PATCH|DELETE /accommodations/:id
    invalidate: [ /accommodations, '/steps/{before.stepId, response.stepId}' ]
`;

const routeIn = ({ routes }: ReplayReport, name: string | null) => routes.find(({ route }) => route === name);
const ruleIn = ({ rules }: ReplayReport, name: string | null) => rules.find(({ rule }) => rule === name);

it('answers reads from memory for the lifetime that the route gives', async () => {
  const report = await replayOf(steps, [
    line(0, 'GET /steps/7', { bytes: 1000 }),
    line(59.9, 'GET /steps/7', { bytes: 1000 }),
    line(60, 'GET /steps/7', { bytes: 1000 }),
    line(61, 'GET /steps/7?lang=de', { bytes: 500 }),
  ]);
  expect(routeIn(report, '/steps/:stepId')).toMatchObject({
    ...{ requests: 4, hits: 1, hitRatio: 0.25, misses: 3, originRequests: 3, bytes: 3500, savedBytes: 1000 },
  });
  expect(report.reads).toMatchObject({ requests: 4, hits: 1 });
});

it('a write drops what it wrote, and what rules name; an id in a body that is not in the log is any id', async () => {
  const report = await replayOf(steps, [
    line(0, 'GET /accommodations'),
    line(1, 'GET /accommodations/42'),
    line(2, 'GET /accommodations/43'),
    line(3, 'GET /steps/7'),
    line(4, 'GET /steps/8'),
    line(5, 'PUT /accommodations/42'),
    line(6, 'GET /accommodations'),
    line(7, 'GET /accommodations/42'),
    line(8, 'GET /accommodations/43'),
    line(9, 'GET /steps/7'),
  ]);
  expect(report.reads).toMatchObject({ requests: 9, hits: 1, misses: 8 });
  expect(report.writes).toEqual({ requests: 1, recorded: 1, dropped: 4 });
  expect(ruleIn(report, null)).toMatchObject({ writes: 1, resolved: 1, dropped: 1 });
  expect(ruleIn(report, 'in-step')).toMatchObject({ writes: 1, resolved: 0, wildcard: 1, dropped: 3 });
  expect(report.assumed.join('\n')).toContain('Bodies: unknown');
});

it('staleness: hits of a cache that ignores writes, between a write that certainly concerns them and expiry', async () => {
  const report = await replayOf(steps, [
    line(0, 'GET /accommodations'),
    line(0, 'GET /accommodations/42'),
    line(0, 'GET /steps/7'),
    line(10, 'PUT /accommodations/42'),
    line(20, 'GET /accommodations'), // stale: the rule names the list
    line(21, 'GET /accommodations'), // stale
    line(22, 'GET /accommodations/42'), // stale: it was written
    line(23, 'GET /steps/7'), // perhaps stale: the log does not tell the step
    line(61, 'GET /accommodations/42'), // expired there, too
    line(62, 'GET /accommodations/42'), // fresh again
  ]);
  expect(report.reads.ttlOnly).toEqual({ hits: 5, hitRatio: 5 / 9, staleHits: 3 });
  expect(ruleIn(report, 'in-step')?.staleHits).toBe(2);
  expect(ruleIn(report, null)?.staleHits).toBe(1);
});

it.each([
  ['404: nothing changed', 404, { hits: 1, staleHits: 0 }],
  ['503: it may have been applied, or not', 503, { hits: 0, staleHits: 0 }],
  ['499: the client had gone, so nobody knows', 499, { hits: 0, staleHits: 0 }],
  ['204', 204, { hits: 0, staleHits: 1 }],
])('a write that was answered %s', async (_, status, { hits, staleHits }) => {
  const { reads } = await replayOf(steps, [
    line(0, 'GET /accommodations/42'),
    line(1, 'DELETE /accommodations/42', { status }),
    line(2, 'GET /accommodations/42'),
  ]);
  expect({ hits: reads.hits, staleHits: reads.ttlOnly.staleHits }).toEqual({ hits, staleHits });
});

it('after a write of unknown outcome, nothing that it may have changed is stored for coherence.settle', async () => {
  const { reads } = await replayOf(`${steps}coherence: { settle: 10s }\n`, [
    line(0, 'PUT /accommodations/42', { status: 504 }),
    line(1, 'GET /accommodations/42'),
    line(9, 'GET /accommodations/42'), // still in quarantine
    line(11, 'GET /accommodations/42'),
    line(12, 'GET /accommodations/42'), // stored since the end
  ]);
  expect(reads).toMatchObject({ requests: 4, hits: 1 });
});

it('a read that began before a write and ended after it is not stored', async () => {
  const raced = (took: number) =>
    replayOf(steps, [
      line(8, 'PUT /accommodations/42', { took: 0.1 }),
      line(10, 'GET /accommodations/42', { took }),
      line(12, 'GET /accommodations/42', { took: 0.1 }),
    ]);
  expect((await raced(5)).reads.hits).toBe(0);
  expect((await raced(1)).reads.hits).toBe(1);
});

it('reads of one resource that overlap ask the API once, and not if a write came in between', async () => {
  const before = line(9, 'GET /steps/7', { took: 5 });
  const during = line(10, 'GET /steps/7', { took: 2, bytes: 700 });
  const write = line(7, 'PUT /steps/7', { took: 0.1 });
  expect((await replayOf(steps, [before, during])).reads).toMatchObject({
    ...{ collapsed: 1, misses: 1, originRequests: 1, savedBytes: 700 },
  });
  expect((await replayOf(steps, [write, before, during])).reads).toMatchObject({ collapsed: 0, originRequests: 2 });
});

it.each([
  ['a route without cache', 'GET /live', {}, 'off'],
  ['no route: an access log has no header fields that would allow it', 'GET /other', {}, 'no-freshness'],
  ['a named user: the request had credentials', 'GET /steps/7', { user: 'ada' }, 'credentials'],
  ['HEAD', 'HEAD /steps/7', {}, 'method'],
  ['a part', 'GET /steps/7', { status: 206 }, 'partial'],
  ['an error', 'GET /steps/7', { status: 500 }, 'status'],
])('what is not stored, and why: %s', async (_, request, logged, detail) => {
  const { reads } = await replayOf(steps, [line(0, request, logged), line(1, request, logged)]);
  expect(reads).toMatchObject({ requests: 2, hits: 0, originRequests: 2, notStored: { [detail]: 2 } });
});

it('an assumed lifetime is for routes that give none', async () => {
  const lines = [0, 9, 11].flatMap((at) => [line(at, 'GET /other'), line(at, 'GET /steps/7')]);
  const report = await replayOf(steps, lines, { assumedTtlMs: 10_000 });
  expect(routeIn(report, null)).toMatchObject({ requests: 3, hits: 1 });
  expect(routeIn(report, '/steps/:stepId')).toMatchObject({ requests: 3, hits: 2 });
});

it('a 304 counts as the whole, which the gateway would have asked for, in the size that the URL had last', async () => {
  const report = await replayOf(steps, [
    line(0, 'GET /steps/7', { bytes: 5000 }),
    line(70, 'GET /steps/7', { status: 304, bytes: 0 }),
    line(71, 'GET /steps/7', { status: 304, bytes: 0 }),
    line(72, 'HEAD /steps/7', { bytes: 0 }),
  ]);
  expect(report.reads).toMatchObject({ requests: 4, hits: 2, misses: 2 });
  expect(report.memory.peakBytes).toBeGreaterThan(5000);
  expect(report.assumed.join('\n')).toContain('2 reads were answered 304');
});

it('memory: what is stored at the peak, and what has to make room', async () => {
  const kept = 300 * 1024;
  const lines = [1, 2, 3, 4, 1].map((id, i) => line(i, `GET /steps/${id}`, { bytes: kept }));
  const small = await replayOf(`${steps}store: { memory: { maxSize: 1MiB, maxEntry: 1MiB } }\n`, lines);
  expect(small.memory).toMatchObject({ maxBytes: 1024 * 1024, evicted: 2, evictedFresh: 2 });
  expect(small.reads.hits).toBe(0);
  const large = await replayOf(steps, lines);
  expect(large.memory).toMatchObject({ evicted: 0, evictedFresh: 0 });
  expect(large.memory.peakBytes).toBeGreaterThan(4 * kept);
  expect(large.reads.hits).toBe(1);
});

it('tags: those in the path are known, and of those in a body it says that they are not', async () => {
  const tagged = `routes:
  - { match: '/steps/:stepId', cache: { ttl: 60s }, tags: ['step:{stepId}', 'bed:{response.beds[*].id}'] }
rules:
  - { name: by-path, on: 'POST /steps/:stepId/close', invalidate: [{ tag: 'step:{stepId}' }] }
  - { name: by-body, on: 'PUT /beds/:id', invalidate: [{ tag: 'bed:{id}' }] }
`;
  const report = await replayOf(tagged, [
    line(0, 'GET /steps/7'),
    line(1, 'PUT /beds/1'),
    line(2, 'GET /steps/7'),
    line(3, 'POST /steps/7/close'),
    line(4, 'GET /steps/7'),
  ]);
  expect(report.reads.hits).toBe(1);
  expect(ruleIn(report, 'by-path')).toMatchObject({ writes: 1, dropped: 1 });
  expect(ruleIn(report, 'by-body')).toMatchObject({ writes: 1, dropped: 0 });
  expect(report.assumed.join('\n')).toContain('Tags from bodies: unknown for 2 fills');
});

it('a condition on a body holds for the gateway that cannot read it, and proves nothing stale', async () => {
  const conditional = `routes: [{ match: /steps, cache: { ttl: 60s } }]
rules: [{ name: r, on: PUT /beds/:id, when: { present: response.stepId }, invalidate: [/steps] }]
`;
  const report = await replayOf(conditional, [line(0, 'GET /steps'), line(1, 'PUT /beds/1'), line(2, 'GET /steps')]);
  expect(ruleIn(report, 'r')).toMatchObject({ writes: 1, dropped: 1, staleHits: 0 });
  expect(report.reads).toMatchObject({ hits: 0, ttlOnly: { hits: 1, staleHits: 0 } });
});

it('a route for each user stores nothing for credentials that do not name one', async () => {
  const perUser = (key: string) =>
    `routes: [{ match: /me, cache: { ttl: 60s, credentials: perUser, userKey: ['${key}'] } }]\n`;
  const lines = [line(0, 'GET /me', { user: 'ada' }), line(1, 'GET /me', { user: 'ada' })];
  const twice = async (key: string) => {
    const { hits, notStored } = (await replayOf(perUser(key), lines)).reads;
    return { hits, notStored };
  };
  expect(await twice('cookie:session')).toEqual({ hits: 0, notStored: { credentials: 2 } });
  expect(await twice('authorization')).toEqual({ hits: 1, notStored: {} });
});

it.each([
  [204, { resolved: 1, wildcard: 0 }],
  [200, { resolved: 0, wildcard: 1 }],
])('a DELETE answered %i: what its body may have told', async (status, ids) => {
  const parent = "rules: [{ name: r, on: 'DELETE /beds/:id', invalidate: ['/steps/{id, response.stepId}'] }]\n";
  const report = await replayOf(parent, [line(0, 'DELETE /beds/1', { status })]);
  expect(ruleIn(report, 'r')).toMatchObject({ writes: 1, ...ids });
});

it('counts what is neither read nor write, and what the gateway refuses', async () => {
  const report = await replayOf(`${steps}reads: [POST /search]\n`, [
    line(0, 'OPTIONS /steps/7'),
    line(1, 'POST /search'),
    line(2, 'GET /steps/..%2f7'),
    line(3, 'GET /steps/7'),
  ]);
  expect({ passed: report.passed, refused: report.log.refused }).toEqual({ passed: 2, refused: 1 });
  expect({ reads: report.reads.requests, writes: report.writes.requests }).toEqual({ reads: 1, writes: 0 });
});

it('keeps a host, a time, or so many lines', async () => {
  const lines = [
    line(0, 'GET /steps/7', { host: 'api.example' }),
    line(1, 'GET /steps/7', { host: 'www.example' }),
    line(2, 'GET /steps/7', { host: 'api.example' }),
  ];
  const { log, reads } = await replayOf(steps, lines);
  expect({ replayed: log.replayed, hosts: log.hosts, hits: reads.hits }).toEqual({ replayed: 3, hosts: 2, hits: 1 });
  const of = async (options: object) => (await replayOf(steps, lines, options)).log.replayed;
  expect(await of({ host: 'API.example' })).toBe(2);
  expect(await of({ from: Date.parse('2026-11-21T10:00:01Z') })).toBe(2);
  expect(await of({ to: Date.parse('2026-11-21T10:00:01Z') })).toBe(1);
  expect(await of({ limit: 2 })).toBe(2);
});

it('counts lines that it cannot read, and shows the first three', async () => {
  const { log } = await replayOf(steps, ['', 'one', line(0, 'GET /steps/7'), 'two\u001b[2J', 'three', 'four']);
  expect(log).toMatchObject({ lines: 5, replayed: 1, unreadable: 4 });
  expect(log.firstUnreadable).toEqual([
    { at: 2, reason: 'no [time]', excerpt: 'one' },
    { at: 4, reason: 'no [time]', excerpt: 'two?[2J' },
    { at: 5, reason: 'no [time]', excerpt: 'three' },
  ]);
});

it.each([
  ['is empty', [], {}, 'the log is empty'],
  ['has nothing that can be read', ['{', 'a'], {}, 'it begins like a HAR, but is no JSON'],
  ['is another format', ['a', 'b'], {}, 'none of 2 lines can be read; 1: no [time]: a'],
  ['has nothing left', [line(0, 'GET /')], { host: 'other' }, 'nothing of the log is left'],
])('a log that %s is an error', async (_, lines, options, message) => {
  await expect(replayOf(steps, lines, options)).rejects.toThrow(message);
});
