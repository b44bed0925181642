import { expect, test } from 'vitest';
import { gate, until } from '../support/barrier.ts';
import { answering, type Behaviour, DOWN, forAWhile, PROBE, useFailingApi, well } from '../support/failing-api.ts';

/* `health`: the gateway asks the API how it is. That alone closes the circuit, and opens it, too. */

const api = useFailingApi();

const probes = (): string[] => api.seen.filter((request) => request.endsWith('/healthz'));
/** The API's health, and what everything else is answered. */
const behaving =
  (health: Behaviour, other: Behaviour): Behaviour =>
  (request, response) =>
    request.url === '/healthz' ? health(request, response) : other(request, response);
const health = (interval: string, timeout = '10s'): string =>
  `, health: { path: /healthz, interval: ${interval}, timeout: ${timeout} }`;

test('an API that says that it is not well is down, whatever its clients get', async () => {
  api.behave = behaving(answering(503), well);
  await api.start(PROBE.never, health('10ms'));
  await until(async () => (await api.ask(`/well?${api.seen.length}`)).status === 503, 'the API to be down');
  expect(probes().length).toBe(3);
  expect((await api.ask('/other')).json()).toMatchObject({ type: DOWN });
  expect(api.lines('an origin is down')).toMatchObject([{ reason: 'GET /healthz answers 503' }]);
});

test.each<[string, Behaviour]>([
  ['a redirect', answering(301, { Location: '/health/' })],
  ['204', (_request, response) => void response.writeHead(204).end()],
  ['a long body', (_request, response) => void response.writeHead(200).end(Buffer.alloc(500_000))],
])('%s says that it is well', async (_what, behave) => {
  api.behave = behaving(behave, well);
  await api.start(PROBE.never, health('10ms'));
  await until(() => probes().length > 10, 'probes');
  expect((await api.ask('/well')).status).toBe(200);
});

test.each<[string, Behaviour]>([
  ['404', answering(404)],
  ['500', answering(500)],
  ['no answer in time', () => {}],
  ['a reset', ({ socket }) => void socket.destroy()],
])('%s says that it is not', async (_what, behave) => {
  api.behave = behaving(behave, well);
  await api.start(PROBE.never, health('10ms', '100ms'));
  await until(() => api.lines('an origin is down').length === 1, 'the API to be down');
});

test('no request of a client is used as a probe', async () => {
  api.behave = behaving(answering(503), answering(503));
  await api.start(PROBE.soon, health('1h'));
  await api.failUntilDown();
  const before = api.seen.length;
  api.behave = behaving(answering(503), well);
  await until(async () => {
    for (const method of ['GET', 'PUT']) expect((await api.ask('/other', { method })).status).toBe(503);
    return probes().length > 5;
  }, 'probes');
  expect(api.seen.slice(before).filter((request) => !request.endsWith('/healthz'))).toEqual([]);
});

test('its first success lets all requests through', async () => {
  api.behave = behaving(well, answering(503));
  await api.start(PROBE.soon, health('1h'));
  const held = gate();
  api.behave = behaving(async (request, response) => {
    await held.pass();
    await well(request, response);
  }, answering(503));
  await api.failUntilDown();
  await held.arrived();
  api.behave = behaving(well, well);
  expect((await api.ask('/other')).status).toBe(503);
  held.release();
  await until(async () => (await api.ask('/other')).status === 200, 'the API to be up');
  expect(probes()).toHaveLength(1);
});

test('what one resource answers says nothing while it says that it is well', async () => {
  api.behave = behaving(well, ({ url, socket }, response) =>
    url?.startsWith('/reset') ? void socket.destroy() : void response.writeHead(503).end(),
  );
  await api.start(PROBE.quick, health('1h'));
  await forAWhile(async (i) => {
    expect((await api.ask(`/limited?${i}`)).text).not.toContain(DOWN);
    expect((await api.ask(`/reset?${i}`)).status).toBe(502);
  });
  expect(api.lines('an origin is down')).toEqual([]);
  await api.failUntilDown();
  expect(api.lines('an origin is down'), 'requests that find no connection do').toHaveLength(1);
});

test('a body that does not end holds up no further probe', async () => {
  api.behave = behaving((_request, response) => void response.writeHead(200).write('{'), well);
  await api.start(PROBE.never, health('10ms'));
  await until(() => probes().length > 5, 'probes');
  expect((await api.ask('/well')).status).toBe(200);
});

test('a probe carries the fields that the gateway sends with its own reads, and never comes from a cache', async () => {
  await api.start(
    PROBE.never,
    `${health('10ms')}, host: api.example, headers: { authorization: "Bearer s3cret", x-key: k }`,
  );
  await until(() => probes().length >= 3, 'probes');
  expect(api.requests[0]?.headers).toMatchObject({
    authorization: 'Bearer s3cret',
    'x-key': 'k',
    host: 'api.example',
    'cache-control': 'no-cache',
  });
});

test('a probe does not wait behind requests that take long', async () => {
  const held = gate();
  api.behave = behaving(well, () => held.pass());
  await api.startWith(
    `origin: { url: "${api.url}", connections: 1, timeout: 20s, circuit: { failures: 1 }, health: { path: /healthz, interval: 10ms, timeout: 10s } }`,
  );
  const slow = api.ask('/slow').catch(() => undefined);
  await held.arrived();
  await until(() => probes().length > 3, 'probes');
  expect(api.lines('an origin is down')).toEqual([]);
  held.release();
  await api.down();
  await slow;
});

test('a gateway that stops asks no more', async () => {
  const gateway = await api.start(PROBE.never, health('10ms'));
  await until(() => probes().length > 0, 'a probe');
  await gateway.stop();
  const after = probes().length;
  // Of another gateway, in the same pauses.
  await api.start(PROBE.never, ', health: { path: /other, interval: 10ms, timeout: 10s }');
  await until(() => api.seen.filter((request) => request.endsWith('/other')).length > 3, 'probes of another');
  expect(probes()).toHaveLength(after);
});
