import { expect, it } from 'vitest';
import { parseHar } from '../../src/replay/har.ts';
import { replayOf, START } from './play.ts';

const rules = `routes:
  - { match: /accommodations/**, cache: { ttl: 60s } }
  - { match: /steps/:stepId, cache: { ttl: 60s } }
rules:
  - name: in-step
    on: PUT|PATCH|DELETE /accommodations/:id
    invalidate: [ '/steps/{before.stepId, response.stepId}' ]
`;

interface Recorded {
  readonly status?: number;
  readonly json?: unknown;
  readonly headers?: Record<string, string>;
  readonly requestHeaders?: Record<string, string>;
  readonly took?: number;
}

const fields = (named: Record<string, string> = {}) => Object.entries(named).map(([name, value]) => ({ name, value }));

function recorded(at: number, method: string, path: string, { status = 200, json, took = 10, ...rest }: Recorded = {}) {
  const text = json === undefined ? undefined : JSON.stringify(json);
  return {
    startedDateTime: new Date(START + at * 1000).toISOString(),
    time: took,
    request: { method, url: `https://api.example${path}`, headers: fields(rest.requestHeaders) },
    response: {
      status,
      headers: fields({ 'Content-Type': 'application/json', 'Content-Encoding': 'br', ...rest.headers }),
      content: { size: text?.length ?? 0, ...(text === undefined ? {} : { text }) },
      bodySize: -1,
    },
  };
}

const har = (entries: readonly unknown[]): string[] => [JSON.stringify({ log: { version: '1.2', entries } }, null, 1)];

it('rules take ids from the bodies of a HAR, and from what was stored before the write', async () => {
  const report = await replayOf(
    rules,
    har([
      recorded(0, 'GET', '/steps/7', { json: { id: 7 } }),
      recorded(1, 'GET', '/steps/8', { json: { id: 8 } }),
      recorded(2, 'GET', '/steps/9', { json: { id: 9 } }),
      recorded(3, 'GET', '/accommodations/42', { json: { stepId: 7 } }),
      recorded(4, 'PATCH', '/accommodations/42', { json: { stepId: 9 } }),
      recorded(5, 'GET', '/steps/7', { json: { id: 7 } }),
      recorded(6, 'GET', '/steps/8', { json: { id: 8 } }),
      recorded(7, 'GET', '/steps/9', { json: { id: 9 } }),
    ]),
  );
  expect(report.log).toMatchObject({ format: 'HAR', lines: 8, replayed: 8, withDuration: 8 });
  expect(report.reads).toMatchObject({ requests: 7, hits: 1, ttlOnly: { hits: 3, staleHits: 2 } });
  expect(report.rules).toMatchObject([{ rule: null }, { rule: 'in-step', resolved: 1, wildcard: 0, dropped: 2 }]);
});

it('too many ids fall back to a wildcard, which proves nothing stale', async () => {
  const many = `routes: [{ match: /steps/:stepId, cache: { ttl: 60s } }]
rules: [{ name: many, on: PUT /beds/:id, invalidate: ['/steps/{response.ids[*]}'] }]
`;
  const played = async (count: number) => {
    const ids = Array.from({ length: count }, (_, id) => id);
    const report = await replayOf(
      many,
      har([
        recorded(0, 'GET', '/steps/1', { json: {} }),
        recorded(1, 'PUT', '/beds/1', { json: { ids } }),
        recorded(2, 'GET', '/steps/1', { json: {} }),
      ]),
    );
    return { wildcard: report.rules[1]?.wildcard, stale: report.reads.ttlOnly.staleHits };
  };
  expect(await played(2)).toEqual({ wildcard: 0, stale: 1 });
  expect(await played(20_000)).toEqual({ wildcard: 1, stale: 0 });
});

it('variants and prohibitions are as the fields of a HAR say', async () => {
  const german = { 'Accept-Language': 'de' };
  const varies = { headers: { Vary: 'Accept-Language' } };
  const { reads } = await replayOf(
    rules,
    har([
      recorded(0, 'GET', '/steps/7', varies),
      recorded(1, 'GET', '/steps/7', { ...varies, requestHeaders: german }),
      recorded(2, 'GET', '/steps/7', { ...varies, requestHeaders: german }),
      recorded(3, 'GET', '/steps/8', { headers: { 'Cache-Control': 'no-store' } }),
      recorded(4, 'GET', '/other', { headers: { 'Cache-Control': 'max-age=60' } }),
      recorded(5, 'GET', '/other', { headers: { 'Cache-Control': 'max-age=60' } }),
    ]),
  );
  expect(reads).toMatchObject({ requests: 6, hits: 2, notStored: { 'no-store': 1 } });
});

it.each([
  ['no time', { request: {} }, 'no startedDateTime'],
  ['no URL', { startedDateTime: '2026-11-21T10:00:00Z', request: { url: 'data:,x' } }, '"data:,x" is no URL'],
  ['no response', { startedDateTime: '2026-11-21T10:00:00Z', request: { url: 'http://a/' } }, 'no response'],
  ['null', null, 'no startedDateTime'],
])('an entry with %s is counted, and not played', (_, entry, reason) => {
  expect(parseHar(har([entry]).join(''))).toEqual([reason]);
});

it('JSON that is no HAR is an error', () => {
  expect(() => parseHar('{"entries":[]}')).toThrow('it is JSON without log.entries');
});

it.each([
  { path: '/posts/1', dropped: 0 },
  { path: '/posts/1?lang=de', dropped: 1 },
  { path: '/posts/1', requestHeaders: { 'Content-Language': 'de' }, dropped: 1 },
  { path: '/posts/1', headers: { 'Content-Location': '/posts/2' }, dropped: 1 },
])(
  'an answer that equals what was stored proves nothing of another variant: %j',
  async ({ path, dropped, ...sent }) => {
    const report = await replayOf(
      `defaults: { cache: { ttl: 60s } }
rules: [{ name: post, on: "PUT /posts/:id", invalidate: [/posts], onlyIfChanged: true }]`,
      har([
        recorded(0, 'GET', '/posts', { json: [] }),
        recorded(1, 'GET', '/posts/1', { json: { id: 1 } }),
        recorded(2, 'PUT', path, { json: { id: 1 }, ...sent }),
        recorded(3, 'GET', '/posts', { json: [] }),
      ]),
    );
    expect([report.rules.find(({ rule }) => rule === 'post')?.dropped ?? 0, report.reads.hits]).toEqual([
      dropped,
      1 - dropped,
    ]);
  },
);
