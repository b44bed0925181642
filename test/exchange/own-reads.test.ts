import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { get } from '../support/request.ts';
import { ask, begin, gateway, origin, send, useScriptedRig } from '../support/scripted-rig.ts';

/* What the gateway reads by itself for a write: with whose credentials, and what is said of it. */

useScriptedRig();

const SECRET = 'Bearer own-secret';
const rule = (more = '') => `rules:
  - name: r
    on: PATCH /inns/:id
    lookup: { step: "GET /steps/{before.stepId}" }
    invalidate: ["/steps/{before.stepId}", "/trips/{step.tripId}"]
    ${more}
`;
const withOwn = () => `origin: { url: "${origin.url}", headers: { Authorization: "${SECRET}", x-tenant: own } }\n`;

/** The origin shows inns and steps to `who` alone; writes are answered without a body. */
function onlyFor(who: string): void {
  origin.on(
    () => true,
    (request, response) => {
      if (request.method !== 'GET') return void response.writeHead(204).end();
      if (request.headers.authorization !== who) return void response.writeHead(403).end('no');
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify(request.url?.startsWith('/inns') ? { stepId: 7 } : { tripId: 3 }));
    },
  );
}

const written = () => gateway.logs.find(({ msg }) => msg === 'write');
const warned = () => gateway.logs.filter(({ msg }) => msg === 'a placeholder could not be resolved');
const fieldsOf = (match: (request: IncomingMessage) => boolean, name: string) =>
  origin.seen
    .filter((seen) => match(seen as unknown as IncomingMessage))
    .map(({ rawHeaders }) => rawHeaders[rawHeaders.findIndex((field) => field.toLowerCase() === name) + 1]);

describe('what is read for a write', () => {
  test("is read with the writer's credentials", async () => {
    await begin(rule());
    onlyFor('Bearer ada');
    await send('PATCH', '/inns/42', { headers: { authorization: 'Bearer ada' } });
    expect(written()?.targets).toEqual(['/steps/7', '/trips/3', '/inns/42']);
  });

  test("is read with the gateway's own, if it has any, and without any of the writer's", async () => {
    await begin(withOwn() + rule());
    onlyFor(SECRET);
    const headers = { authorization: 'Bearer ada', cookie: 'session=ada', 'X-Tenant': 'ada' };
    await send('PATCH', '/inns/42', { headers });
    expect(written()?.targets).toEqual(['/steps/7', '/trips/3', '/inns/42']);
    const isRead = ({ method }: IncomingMessage): boolean => method === 'GET';
    expect(fieldsOf(isRead, 'x-tenant')).toEqual(['own', 'own']);
    expect(
      origin.seen.filter(({ method }) => method === 'GET').map(({ rawHeaders }) => rawHeaders.join()),
    ).not.toContain(expect.stringContaining('ada'));
    expect(fieldsOf(({ method }) => method === 'PATCH', 'authorization')).toEqual(['Bearer ada']);
  });

  test('lends no credentials to what clients ask for, and no log, metric or explanation shows them', async () => {
    await begin(`${withOwn()}defaults: { cache: { ttl: 60s } }\n${rule('refresh: ["/steps/{before.stepId}"]')}`);
    onlyFor(SECRET);
    for (const path of ['/inns/42', '/steps/7']) expect((await ask(path)).status).toBe(403);
    await send('POST', '/inns');
    await send('PATCH', '/inns/42');
    expect((await ask('/steps/7')).status).toBe(403);
    const lent = origin.seen.filter(({ rawHeaders }) => rawHeaders.includes(SECRET));
    expect(lent.map(({ method, url }) => `${method} ${url}`)).toEqual(['GET /inns/42', 'GET /steps/7']);
    const explained = await get(`${gateway.adminUrl}/explain`, {
      method: 'POST',
      body: { method: 'PATCH', path: '/inns/42' },
    });
    expect(explained.text).toContain('/steps/7');
    const metrics = await get(`${gateway.adminUrl}/metrics`);
    for (const text of [explained.text, metrics.text, JSON.stringify(gateway.logs)]) {
      expect(text).not.toContain('own-secret');
    }
  });
});

describe('what is said where nothing can be resolved', () => {
  test.each([403, 401, 302, 500])('a %d on the read is named', async (status) => {
    await begin(rule());
    origin.on(
      () => true,
      (request, response) => void response.writeHead(request.method === 'GET' ? status : 204).end(),
    );
    await send('PATCH', '/inns/42');
    expect(warned()[0]).toMatchObject({
      placeholder: 'before.stepId',
      reason: `before.stepId: the origin answered ${status}`,
    });
    expect(written()?.targets).toContain('/steps/*');
  });

  test('nothing, where the rule says to ignore it', async () => {
    await begin(rule('unresolved: ignore'));
    onlyFor('nobody');
    await send('PATCH', '/inns/42');
    expect(warned()).toEqual([]);
    expect(written()?.targets).toEqual(['/inns/42']);
    expect((await get(`${gateway.adminUrl}/metrics`)).text).toContain('unstale_unresolved_placeholders_total 0');
  });

  test('that there are too many values, even then', async () => {
    await begin('rules:\n  - { on: PUT /a, invalidate: ["/b/{request[*]}"], unresolved: ignore }\n');
    origin.on('PUT /a', (_request, response) => void response.writeHead(204).end());
    await send('PUT', '/a', { body: Array.from({ length: 1_001 }, (_, i) => i) });
    expect(warned()).toHaveLength(1);
  });
});
