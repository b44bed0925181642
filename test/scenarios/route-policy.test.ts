import { describe, expect, test } from 'vitest';
import { type Answer, get } from '../support/request.ts';
import { api, gateway, travel, useTravelRig } from '../support/travel-rig.ts';

/* Scenario 2: per-route caching policy, for the gateway and, apart from that, for browsers. */

useTravelRig(`
include: [rules/travel.yaml]
routes:
  - { match: /users/me, cache: off }
  - { match: /notifications, cache: off }
  - { match: /dashboard, cache: off }
  - { match: /countries, cache: { ttl: 1d }, client: { cacheControl: "public, max-age=3600" } }
  - { match: /activities/:id, client: { cacheControl: origin, etag: origin } }
`);

const read = (path: string, headers: Record<string, string> = {}): Promise<Answer> =>
  get(gateway.url + path, { headers });
const status = (answer: Answer): string => String(answer.headers['cache-status']);

describe('user-specific and live routes', () => {
  test.each(['/users/me', '/notifications', '/dashboard'])(
    '%s is never cached, whatever the origin says, and no user sees a response of another',
    async (path) => {
      const [ada, grace] = await Promise.all([travel.ownUser(), travel.ownUser()]);
      for (const user of [ada, grace, ada]) {
        const answer = await read(path, { authorization: user.authorization });
        const direct = await get(api + path, { headers: { authorization: user.authorization } });
        expect(answer.text).toBe(direct.text);
        expect(status(answer)).toBe('unstale; fwd=bypass; fwd-status=200');
        expect(answer.headers.age).toBeUndefined();
        expect(answer.headers['cache-control'], 'browsers must not keep it either').toBe('no-cache');
      }
      const anonymous = await read(path);
      expect(anonymous.status).toBe(401);
    },
  );

  test('no other spelling of the path gets round the route', async () => {
    const { authorization } = await travel.ownUser();
    for (const path of ['/users/%6de', '/users/./me', '/x/../users/me', '/users/me/', '//users/me']) {
      for (let i = 0; i < 2; i++) expect(status(await read(path, { authorization }))).toContain('fwd=bypass');
    }
  });
});

test('reference data is cached by the gateway for its own time, and told to browsers for another', async () => {
  await read('/countries');
  const answer = await read('/countries');
  const ttl = Number(/ttl=(\d+)/.exec(status(answer))?.[1]);
  expect(ttl).toBeGreaterThan(86_000);
  expect(answer.headers['cache-control']).toBe('public, max-age=3600');
});

describe('by default a browser revalidates each time, and gets a 304 from the gateway', () => {
  test('from the first answer on', async () => {
    const { step } = await travel.ownTrip();
    const first = await read(`/steps/${step.id}`);
    expect(status(first)).toBe('unstale; fwd=uri-miss; fwd-status=200; stored');
    expect(first.headers['cache-control']).toBe('no-cache');
    expect(first.headers.expires).toBeUndefined();
    const etag = String(first.headers.etag);
    expect(etag).toMatch(/^"[A-Za-z0-9_-]+"$/);
    const second = await read(`/steps/${step.id}`, { 'if-none-match': etag });
    expect(second.status).toBe(304);
    expect(second.body.byteLength).toBe(0);
    expect(second.headers.etag).toBe(etag);
    expect(status(second)).toMatch(/^unstale; hit; ttl=\d+$/);
    expect(second.headers.age).toMatch(/^\d+$/);
  });

  test('and a full answer with another ETag once a write has changed it', async () => {
    const { step, accommodation } = await travel.ownTrip();
    const etag = String((await read(`/steps/${step.id}`)).headers.etag);
    await get(`${gateway.url}/accommodations/${accommodation.id}`, { method: 'PATCH', body: { name: 'Changed' } });
    const after = await read(`/steps/${step.id}`, { 'if-none-match': etag });
    expect(after.status).toBe(200);
    expect(after.headers.etag).not.toBe(etag);
  });

  test('even when the gateway has nothing stored: it compares what the origin answers', async () => {
    const { step } = await travel.ownTrip();
    const etag = String((await read(`/steps/${step.id}`)).headers.etag);
    await get(`${gateway.url}/steps/${step.id}`, { method: 'PATCH', body: {} });
    const direct = await get(`${api}/steps/${step.id}`);
    const again = await read(`/steps/${step.id}`, { 'if-none-match': etag });
    expect(again.status === 304).toBe(direct.text === '' || again.headers.etag === etag);
  });
});

test('a route may leave to browsers what the origin says', async () => {
  const { step } = await travel.ownTrip();
  const body = { stepId: step.id, name: 'A walk', priceCents: 0 };
  const activity = await travel.read<{ id: number }>('POST', '/activities', { body });
  const answer = await read(`/activities/${activity.id}`);
  const direct = await get(`${api}/activities/${activity.id}`);
  expect(answer.headers['cache-control']).toBe('public, max-age=300');
  expect(answer.headers.etag).toBe(direct.headers.etag);
});

test('variants by Vary are kept apart', async () => {
  const { step } = await travel.ownTrip();
  const english = await read(`/steps/${step.id}`, { 'accept-language': 'en' });
  const french = await read(`/steps/${step.id}`, { 'accept-language': 'fr' });
  expect(status(french)).toMatch(/fwd=(uri|vary)-miss/);
  expect(french.text).not.toBe(english.text);
  const again = await read(`/steps/${step.id}`, { 'accept-language': 'en' });
  expect(status(again)).toContain('hit');
  expect(again.text).toBe(english.text);
});

test('HEAD is answered from what GET stored', async () => {
  const { step } = await travel.ownTrip();
  const got = await read(`/steps/${step.id}`);
  const head = await get(`${gateway.url}/steps/${step.id}`, { method: 'HEAD' });
  expect(status(head)).toContain('hit');
  expect(head.body.byteLength).toBe(0);
  expect(head.headers['content-length']).toBe(String(got.body.byteLength));
});
