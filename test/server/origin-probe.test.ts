import { describe, expect, test } from 'vitest';
import { gate, until } from '../support/barrier.ts';
import { answering, SOON, silent, useFailingApi, well } from '../support/failing-api.ts';
import type { Answer, RequestOptions } from '../support/request.ts';

/* Whether an API is up again: one request finds out, at a time that doubles. */

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
    api.timeout = '20s';
    await api.start(SOON);
    api.behave = answering(503);
    await api.failUntilDown();
    const before = api.seen.length;
    const held = gate();
    api.behave = async (request, response) => {
      await held.pass();
      await well(request, response);
    };
    await untilProbed();
    expect(new Set(await statuses(many()))).toEqual(new Set([503]));
    expect(api.seen.slice(before)).toEqual(['GET /passed/probe']);
    held.release();
    expect((await statuses(probed)).filter((status) => status === 200)).toHaveLength(1);
    expect(new Set(await statuses(many()))).toEqual(new Set([200]));
  });

  test('that fails is the last one for twice as long', async () => {
    await api.start('first: 20ms, most: 1h');
    api.behave = answering(503, { 'Retry-After': '3000' });
    await api.ask('/failing?1');
    await api.ask('/failing?2');
    api.behave = answering(503);
    await api.ask('/failing?3');
    const before = api.seen.length;
    api.behave = answering(503, { 'Retry-After': '3000' });
    await untilProbed();
    await statuses(probed);
    const refused = await api.ask('/other');
    expect(Number(refused.headers['retry-after']), 'what the origin asks for').toBeGreaterThan(2_900);
    expect(new Set(await statuses(many()))).toEqual(new Set([503]));
    expect(api.seen.slice(before)).toHaveLength(1);
  });

  test('of a write is a HEAD; the write itself is only sent to an origin that answers', async () => {
    await api.start(SOON);
    api.behave = answering(503);
    await api.failUntilDown();
    const before = api.seen.length;
    api.behave = silent;
    await untilProbed({ method: 'PUT', body: { a: 1 } });
    expect(new Set(await statuses(probed))).toEqual(new Set([503]));
    expect(new Set(api.seen.slice(before))).toEqual(new Set(['HEAD /passed/probe']));
    api.behave = well;
    const put = (): Promise<Answer> => api.ask('/passed/probe', { method: 'PUT', body: { a: 2 } });
    await until(async () => (await put()).status === 200, 'a write to be sent');
    expect(api.seen.slice(before).slice(-2)).toEqual(['HEAD /passed/probe', 'PUT /passed/probe']);
    expect(api.lines('write')).toHaveLength(1);
  });

  test('whose client gives up is followed by another one', async () => {
    api.timeout = '20s';
    await api.start(SOON);
    api.behave = answering(503);
    await api.failUntilDown();
    const held = gate();
    api.behave = () => held.pass();
    const abort = new AbortController();
    const before = api.seen.length;
    const given: Promise<unknown>[] = [];
    await until(() => {
      if (api.seen.length === before) given.push(api.ask('/passed/1', { signal: abort.signal }).catch(() => undefined));
      return api.seen.length > before;
    });
    abort.abort();
    await Promise.all(given);
    api.behave = well;
    await until(async () => (await api.ask('/well')).status === 200, 'the origin to be up');
    held.release();
  });
});
