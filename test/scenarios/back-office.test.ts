import { beforeEach, describe, expect, test } from 'vitest';
import { type BackOfficeApi, backOfficeApi, type Row } from '../support/back-office-api.ts';
import type { Answer } from '../support/request.ts';
import { ask, cacheStatus, gateway, isHit, origin, send, useScriptedRig } from '../support/scripted-rig.ts';
import { sseClient } from '../support/sse-client.ts';

/* rules/back-office.yaml, before an API that protects from nothing. */

useScriptedRig('include: [rules/back-office.yaml]');

/** pino's number of the level. */
const INFO = 30;

let api: BackOfficeApi;
beforeEach(() => {
  api = backOfficeApi(origin, {
    '/settings': {
      name: 'Acme',
      contact: { email: 'a@example.org', phone: '1' },
      stats: { views: 7 },
      createdAt: 1,
      updatedAt: 1,
      updatedBy: 'ada',
    },
    '/team/1': { id: 1, name: 'Ada', email: 'ada@example.org', role: 'owner', createdAt: 1, lastLoginAt: 5 },
    '/services/1': { id: 1, name: 'Audit', priceCents: 900, slug: 'audit', stats: { bookings: 3 }, createdAt: 1 },
    '/services/2': { id: 2, name: 'Review', priceCents: 500, slug: 'review', stats: { bookings: 0 }, createdAt: 1 },
    '/solutions/1': { id: 1, title: 'Start', slug: 'start', publishedAt: 2, services: [{ id: 1 }], createdAt: 1 },
  });
});

/** What an editor who has read it sends back as its condition. */
const tagOf = async (path: string): Promise<string> => String((await ask(path)).headers.etag);
const save = (method: string, path: string, body: Row, headers: Record<string, string> = {}): Promise<Answer> =>
  send(method, path, { body, headers: { 'content-type': 'application/json', ...headers } });
const problemOf = ({ status, json }: Answer): [number, unknown] => [status, json<{ type: string }>().type];

describe('what the form leaves out, or may not change, stays as it is', () => {
  test.each<[string, string, Row, Row]>([
    [
      'PUT',
      '/settings',
      { name: 'Acme Ltd', contact: { phone: '2' }, stats: { views: 0 }, createdAt: 0, updatedBy: 'eve' },
      { name: 'Acme Ltd', contact: { email: 'a@example.org', phone: '2' }, stats: { views: 7 }, updatedBy: 'ada' },
    ],
    ['PATCH', '/settings', { name: 'Acme Ltd', createdAt: 0 }, { name: 'Acme Ltd', contact: { phone: '1' } }],
    [
      'PUT',
      '/team/1',
      { name: 'Ada L.', lastLoginAt: 0 },
      { name: 'Ada L.', email: 'ada@example.org', lastLoginAt: 5 },
    ],
    ['PUT', '/services/1', { priceCents: 950, slug: 'x' }, { name: 'Audit', priceCents: 950, stats: { bookings: 3 } }],
    ['PUT', '/solutions/1', { title: 'Begin', publishedAt: 9 }, { title: 'Begin', slug: 'start', publishedAt: 2 }],
  ])('%s %s', async (method, path, body, expected) => {
    const answer = await save(method, path, body, { 'if-match': await tagOf(path) });
    expect(answer.status).toBe(200);
    expect(api.rows.get(path)).toMatchObject({ ...expected, createdAt: 1 });
  });

  test('two editors at once each keep what they have changed', async () => {
    const [a, b] = [{ name: 'Security audit' }, { priceCents: 1_200 }];
    const answers = await Promise.all([save('PUT', '/services/1', a), save('PUT', '/services/1', b)]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(api.rows.get('/services/1')).toMatchObject({ ...a, ...b, slug: 'audit', stats: { bookings: 3 } });
  });

  test('a patch of a service that would change its address is refused', async () => {
    const answer = await save('PATCH', '/services/1', { slug: 'x', name: 'Y' });
    expect(problemOf(answer)).toEqual([422, 'urn:unstale:problem:preserved-member']);
    expect(api.writes).toEqual([]);
  });
});

describe('an old form does not win', () => {
  test.each([
    ['PUT', '/settings', { name: 'Old' }],
    ['PATCH', '/settings', { name: 'Old' }],
    ['PUT', '/solutions/1', { title: 'Old' }],
    ['DELETE', '/services/1', undefined],
    ['DELETE', '/solutions/1', undefined],
  ])('%s %s', async (method, path, body) => {
    const old = await tagOf(path);
    api.rows.set(path, { ...api.rows.get(path), name: 'Newer', title: 'Newer' });
    const options = body === undefined ? {} : { body };
    expect(problemOf(await send(method, path, options))).toEqual([428, 'urn:unstale:problem:precondition-required']);
    const refused = await send(method, path, { ...options, headers: { 'if-match': old } });
    expect(problemOf(refused)).toEqual([412, 'urn:unstale:problem:precondition-failed']);
    expect(api.writes).toEqual([]);
    const logged = gateway.logs.flatMap(({ msg, level, code }) =>
      msg.startsWith('a request') ? [[msg, level, code]] : [],
    );
    expect(logged, 'a refusal is no failure').toEqual([
      ['a request was refused', INFO, 'preconditionRequired'],
      ['a request was refused', INFO, 'preconditionFailed'],
    ]);
    const current = String(refused.headers.etag);
    const accepted = await send(method, path, { ...options, headers: { 'if-match': current } });
    expect(accepted.status).toBeLessThan(300);
    expect(api.writes).toEqual([`${method} ${path}`]);
  });
});

test('"Save" without a change asks nobody, and tells nobody', async () => {
  const events = await sseClient(`${gateway.url}/_unstale/events`);
  await ask('/services/1');
  const { updatedAt: _, ...form } = (await ask('/services/1')).json<Row>();
  expect(cacheStatus(await save('PUT', '/services/1', form))).toBe('unstale; detail=UNCHANGED');
  expect([api.writes, isHit(await ask('/services/1'))]).toEqual([[], true]);
  await save('PUT', '/services/1', { ...form, name: 'Another' });
  expect(await events.next()).toMatchObject({ type: 'service.changed' });
  expect(events.events).toHaveLength(1);
  events.close();
});

describe('what is created is created once', () => {
  test.each([
    ['/team', { name: 'Grace', email: 'grace@example.org' }],
    ['/services', { name: 'Training', priceCents: 100 }],
    ['/solutions', { title: 'Grow', services: [] }],
  ])('POST %s', async (path, body) => {
    const without = await save('POST', path, body);
    expect(problemOf(without)).toEqual([400, 'urn:unstale:problem:idempotency-key-missing']);
    const key = { 'idempotency-key': '8e03978e-40d5-43dd-bc93-6894a57f9324' };
    const first = await save('POST', path, body, key);
    const again = await save('POST', path, body, key);
    expect([first.status, again.status, again.text]).toEqual([201, 201, first.text]);
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect(api.writes).toEqual([`POST ${path}`]);
  });
});

describe('what the API should not get is refused before it hears of it', () => {
  test.each<[string, string, Row, string]>([
    ['PUT', '/settings', { contact: { email: 'nobody' } }, '/contact/email'],
    ['PATCH', '/settings', { locale: 'tlh' }, '/locale'],
    ['PUT', '/team/1', { role: 'king' }, '/role'],
    ['POST', '/team', { name: 'Grace' }, ''],
    ['PUT', '/services/1', { priceCents: -1 }, '/priceCents'],
    ['POST', '/services', { name: 'Training', priceCents: 'free' }, '/priceCents'],
  ])('%s %s with %j', async (method, path, body, pointer) => {
    const condition = method === 'POST' ? { 'idempotency-key': 'k-1' } : { 'if-match': await tagOf(path) };
    const answer = await save(method, path, body, condition);
    expect(problemOf(answer)).toEqual([422, 'urn:unstale:problem:invalid-request']);
    expect(answer.json<{ errors: { pointer: string }[] }>().errors.map((each) => each.pointer)).toEqual([pointer]);
    expect(api.writes).toEqual([]);
  });
});

describe('what a write makes stale', () => {
  test.each<[string, string, Row, readonly string[], readonly string[]]>([
    ['PUT', '/settings', { name: 'Acme Ltd' }, ['/settings'], ['/services/1']],
    [
      'PUT',
      '/services/1',
      { name: 'New' },
      ['/services/1', '/services', '/solutions/1', '/solutions'],
      ['/services/2'],
    ],
    [
      'PUT',
      '/services/2',
      { name: 'New' },
      ['/services/2', '/services', '/solutions'],
      ['/services/1', '/solutions/1'],
    ],
    ['PATCH', '/solutions/1', { title: 'New' }, ['/solutions/1', '/solutions'], ['/services/1']],
    ['POST', '/services', { name: 'New', priceCents: 1 }, ['/services'], ['/services/1', '/solutions']],
  ])('%s %s', async (method, path, body, stale, kept) => {
    const condition = method === 'POST' ? { 'idempotency-key': 'k-1' } : { 'if-match': await tagOf(path) };
    for (const each of [...stale, ...kept]) {
      await ask(each);
      expect(isHit(await ask(each)), `${each} is stored`).toBe(true);
    }
    expect((await save(method, path, body, condition)).status).toBeLessThan(300);
    const hits: string[] = [];
    for (const each of [...stale, ...kept]) if (isHit(await ask(each))) hits.push(each);
    expect(hits).toEqual(kept);
  });

  test('people are never stored, and their changes are announced', async () => {
    const events = await sseClient(`${gateway.url}/_unstale/events`);
    await ask('/team/1');
    expect(isHit(await ask('/team/1'))).toBe(false);
    await save('PATCH', '/team/1', { name: 'Ada L.' });
    expect(await events.next()).toMatchObject({ type: 'team.changed' });
    events.close();
  });
});
