import { describe, expect, test } from 'vitest';
import { gate, until } from '../support/barrier.ts';
import { answering, PROBE, SHORT, silent, useFailingApi, well } from '../support/failing-api.ts';
import type { Answer, RequestOptions } from '../support/request.ts';

/* Whether an API is up again: a request of the gateway's own finds out, in pauses that double. */

const api = useFailingApi();

describe('a probe', () => {
  /** Asks until a request has come to the origin, as the probe does when its time has come. */
  async function untilProbed(options?: RequestOptions): Promise<void> {
    const before = api.seen.length;
    probed = [];
    await until(() => {
      if (api.seen.length === before) probed.push(api.ask('/passed/probe', options));
      return api.seen.length > before;
    }, 'a probe');
  }
  let probed: Promise<Answer>[] = [];
  const statuses = async (answers: readonly Promise<Answer>[]): Promise<number[]> =>
    (await Promise.all(answers)).map(({ status }) => status);
  const many = (): Promise<Answer>[] => Array.from({ length: 40 }, (_, i) => api.ask(`/many?${i}`));

  test('is one request, however many clients ask at once; its success lets all through', async () => {
    await api.start(PROBE.soon);
    await api.failUntilDown();
    const before = api.seen.length;
    const held = gate();
    api.behave = async (request, response) => {
      await held.pass();
      await well(request, response);
    };
    await untilProbed();
    expect(new Set(await statuses(many()))).toEqual(new Set([503]));
    expect(api.seen.slice(before)).toEqual(['HEAD /passed/probe']);
    held.release();
    expect((await statuses(probed)).filter((status) => status === 200)).toHaveLength(1);
    expect(api.seen.slice(before)).toEqual(['HEAD /passed/probe', 'GET /passed/probe']);
    expect(new Set(await statuses(many()))).toEqual(new Set([200]));
  });

  test('that fails is the last one for twice as long', async () => {
    await api.start(PROBE.quick);
    await api.failUntilDown();
    const before = api.seen.length;
    api.behave = answering(503, { 'Retry-After': '3000' });
    await untilProbed();
    await statuses(probed);
    const refused = await api.ask('/other');
    expect(Number(refused.headers['retry-after']), 'what the origin asks for').toBeGreaterThan(2_900);
    expect(new Set(await statuses(many()))).toEqual(new Set([503]));
    expect(api.seen.slice(before)).toHaveLength(1);
  });

  test('of a write is a HEAD, not of its URL; the write itself is only sent to an origin that answers', async () => {
    api.timeout = SHORT;
    await api.start(PROBE.soon);
    api.behave = answering(503);
    await api.failUntilDown();
    const before = api.seen.length;
    api.behave = silent;
    await untilProbed({ method: 'PUT', body: { a: 1 } });
    expect(new Set(await statuses(probed))).toEqual(new Set([503]));
    expect(new Set(api.seen.slice(before))).toEqual(new Set(['HEAD /']));
    api.behave = well;
    const put = (): Promise<Answer> => api.ask('/passed/probe', { method: 'PUT', body: { a: 2 } });
    await until(async () => (await put()).status === 200, 'a write to be sent');
    expect(api.seen.slice(before).slice(-2)).toEqual([expect.stringMatching(/^(?:HEAD|GET) \/$/), 'PUT /passed/probe']);
    expect(api.lines('write')).toHaveLength(1);
  });

  test('goes on when the client leaves that waits for it', async () => {
    await api.start(PROBE.soon);
    await api.failUntilDown();
    const held = gate();
    api.behave = async (request, response) => {
      await held.pass();
      await well(request, response);
    };
    const abort = new AbortController();
    const before = api.seen.length;
    await untilProbed({ signal: abort.signal });
    const left = Promise.allSettled(probed);
    abort.abort();
    await left;
    held.release();
    await until(() => api.lines('an origin is up again').length === 1, 'the origin to be up');
    expect(api.seen.slice(before)).toEqual(['HEAD /passed/probe']);
    expect((await api.ask('/well')).status).toBe(200);
  });

  test('asks for what was answered well last, with nothing of a client but the name', async () => {
    await api.start(PROBE.soon, ', headers: { x-key: k }');
    const headers = { authorization: 'Bearer a', cookie: 'a=b', host: 'api.example' };
    await api.ask('/passed/well?a=1', { headers });
    api.behave = answering(404);
    await api.ask('/passed/missing', { headers });
    await api.failUntilDown();
    await untilProbed({ method: 'PUT', body: {}, headers });
    await Promise.all(probed);
    const probe = api.requests.find(({ method }) => method === 'HEAD');
    expect(probe?.url).toBe('/passed/well?a=1');
    expect(probe?.headers).toMatchObject({ host: 'api.example', 'user-agent': 'unstale', 'x-key': 'k' });
    expect(probe?.headers).not.toHaveProperty('authorization');
    expect(probe?.headers).not.toHaveProperty('cookie');
    expect(api.seen.at(-1), '404 is an answer').toBe('PUT /passed/probe');
  });
});
