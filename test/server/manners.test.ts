import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { startGateway } from '../support/gateway.ts';
import { rawClient } from '../support/raw-client.ts';
import { get } from '../support/request.ts';
import { gate, until } from '../support/scripted-origin.ts';
import { gateway, origin, useScriptedRig } from '../support/scripted-rig.ts';
import { sseClient } from '../support/sse-client.ts';

useScriptedRig('defaults: { cache: { ttl: 60s } }');

describe('stopping', () => {
  test.each(['GET', 'PUT', 'OPTIONS'])('lets a %s in flight end, and takes no new connections', async (method) => {
    const answering = gate();
    origin.on(`${method} /slow`, async (_request, response) => {
      await answering.pass();
      response.end('done');
    });
    const answer = get(`${gateway.url}/slow`, { method });
    await answering.arrived();
    const stopping = gateway.stop();
    expect((await get(`${gateway.adminUrl}/readyz`)).text).toContain('draining');
    expect((await get(`${gateway.adminUrl}/livez`)).status).toBe(200);
    await expect(get(`${gateway.url}/new`)).rejects.toThrow('ECONNREFUSED');
    answering.release();
    expect((await answer).text).toBe('done');
    await stopping;
  });

  test('cuts off what does not end within the drain deadline', async () => {
    const own = await startGateway(origin.url, 'server: { listen: "127.0.0.1:0", drain: 50ms }');
    const answering = gate();
    origin.on('GET /stuck', (_request, response) => answering.pass().then(() => void response.end()));
    const reading = get(`${own.url}/stuck`).catch((error: Error) => error.message);
    await answering.arrived();
    await own.stop();
    expect(await reading).toMatch(/socket hang up|ECONNRESET/);
    expect(own.logs.some(({ msg }) => msg.includes('drain deadline'))).toBe(true);
    answering.release();
  });

  test('is not held up by subscribers, nor by connections that never asked for anything', async () => {
    const subscriber = await sseClient(`${gateway.url}/_unstale/events`);
    const idle = connect(Number(new URL(gateway.url).port), '127.0.0.1');
    await once(idle, 'connect');
    const half = await rawClient(gateway.url);
    half.write('GET / HTTP/1.1\r\nHost:');
    await gateway.stop();
    await until(() => subscriber.closed);
    idle.destroy();
    await half.close();
  });

  test('twice is harmless', async () => {
    await Promise.all([gateway.stop(), gateway.stop()]);
  });
});

describe('the admin port', () => {
  test('answers probes, and scrapes with figures', async () => {
    await get(`${gateway.url}/a`);
    expect((await get(`${gateway.adminUrl}/livez`)).text).toBe('live\n');
    expect((await get(`${gateway.adminUrl}/readyz`)).text).toBe('ready\n');
    const { text } = await get(`${gateway.adminUrl}/metrics`);
    expect(text).toContain('unstale_reads_total{outcome="miss"} 1');
    expect((await get(`${gateway.adminUrl}/nothing`)).json()).toMatchObject({ status: 404 });
  });

  test('asks for its token, but not of probes', async () => {
    const own = await startGateway(origin.url, 'admin: { listen: "127.0.0.1:0", token: hush }');
    const metrics = (authorization?: string) =>
      get(`${own.adminUrl}/metrics`, authorization === undefined ? {} : { headers: { authorization } });
    expect((await metrics()).status).toBe(401);
    expect((await metrics('Bearer wrong')).json()).toMatchObject({ type: 'urn:unstale:problem:unauthorized' });
    expect((await metrics('Bearer hush')).status).toBe(200);
    expect((await get(`${own.adminUrl}/readyz`)).status).toBe(200);
    await own.stop();
  });
});

test('no secret reaches the log, whatever happens to the request that holds it', async () => {
  origin.on('GET /broken', (_request, response) => void response.destroy());
  const headers = { authorization: 'Bearer SECRET-1', cookie: 'session=SECRET-2', 'x-api-key': 'SECRET-3' };
  for (const [method, path] of [
    ['GET', '/a?token=SECRET-4'],
    ['GET', '/broken?token=SECRET-4'],
    ['PUT', '/a?token=SECRET-4'],
    ['PUT', '/broken'],
    ['GET', '/%zz?token=SECRET-4'],
  ] as const) {
    await get(gateway.url + path, { method, headers, ...(method === 'PUT' ? { body: 'SECRET-5' } : {}) });
  }
  await origin.close();
  await get(`${gateway.url}/b?token=SECRET-4`, { headers });
  expect(gateway.logs.length).toBeGreaterThan(5);
  expect(JSON.stringify(gateway.logs)).not.toContain('SECRET');
});

test('one line for each write, and at debug one for each read with its reason', async () => {
  const own = await startGateway(
    origin.url,
    'defaults: { cache: { ttl: 60s } }\nrules: [{ name: parent, on: PUT /a/:id, invalidate: [/list, "tag:{id}"] }]'.replace(
      '"tag:{id}"',
      '{ tag: "a:{id}" }',
    ),
  );
  origin.on(
    () => true,
    (_request, response) => void response.end('x'),
  );
  await get(`${own.url}/list`);
  await get(`${own.url}/list`);
  await get(`${own.url}/a/1`, { method: 'PUT', body: 'x' });
  const lines = own.logs.filter(({ msg }) => msg === 'read' || msg === 'write');
  expect(lines).toMatchObject([
    { msg: 'read', outcome: 'miss' },
    { msg: 'read', outcome: 'hit' },
    {
      msg: 'write',
      method: 'PUT',
      path: '/a/1',
      status: 200,
      outcome: 'applied',
      rules: ['parent'],
      targets: ['/list', 'tag:a:1', '/a/1'],
      removed: 1,
      ms: expect.any(Number),
    },
  ]);
  await own.stop();
});
