import { describe, expect, it } from 'vitest';
import { systemClock, systemTimers } from '../../src/clock.ts';
import { MemoryLog } from '../../src/coherence/memory-log.ts';
import { GatewayError } from '../../src/errors.ts';
import { OriginShares, type Place, Waiting } from '../../src/exchange/origin-shares.ts';
import type { TurnTaker } from '../../src/exchange/write/turn-queue.ts';
import { Turns } from '../../src/exchange/write/turns.ts';
import { gate } from '../support/barrier.ts';
import { documentApi } from '../support/document-api.ts';
import { gaugeIs } from '../support/gateway.ts';
import { rawClient } from '../support/raw-client.ts';
import { begin, gateway, origin, send, useScriptedRig } from '../support/scripted-rig.ts';

/* One client keeps no others from writing a resource. */

const A = '203.0.113.1';
const B = '203.0.113.2';
const merges = 'writes: [{ on: "PUT /**", merge: true }]';

const put = (from: string, value: Record<string, unknown>) =>
  send('PUT', '/settings', { body: value, headers: { 'x-forwarded-for': from } });

describe('a turn', () => {
  useScriptedRig();
  const start = () =>
    begin(`server: { listen: "127.0.0.1:0", trustedProxies: [127.0.0.1], limits: { perAddress: { originShare: 50% } } }
origins: { default: { url: "${origin.url}", timeout: 1h, connectTimeout: 1h, connections: 4 } }
${merges}`);

  it('is not taken by a client that has to wait for its share of the connections', async () => {
    await start();
    const api = documentApi(origin, '/settings', { text: '{"a":0}' });
    const hanging = gate();
    origin.on('GET /hang', async (_, response) => {
      await hanging.pass();
      response.end();
    });
    const reads = [1, 2].map((i) => send('GET', `/hang?${i}`, { headers: { 'x-forwarded-for': A } }));
    await hanging.arrived(2);
    const waits = put(A, { a: 1 });
    await gaugeIs(gateway, 'unstale_waiting_for_share', 1);
    expect((await put(B, { b: 1 })).status).toBe(200);
    hanging.release();
    expect((await waits).status).toBe(200);
    await Promise.all(reads);
    expect(JSON.parse(api.text)).toEqual({ a: 1, b: 1 });
  });

  it('keeps no other request of its address waiting, while others wait for it', async () => {
    await start();
    const api = documentApi(origin, '/settings', { text: '{"a":0}' });
    documentApi(origin, '/other', { text: '{"a":0}' });
    api.gate = gate();
    const first = put(A, { a: 1 });
    await api.gate.arrived();
    const waiting = [2, 3, 4, 5].map((a) => put(A, { a }));
    const others = ['PUT', 'GET'].map((method) =>
      send(method, '/other', { headers: { 'x-forwarded-for': A }, ...(method === 'PUT' && { body: { a: 1 } }) }),
    );
    expect((await Promise.all(others)).map(({ status }) => status)).toEqual([200, 200]);
    api.gate.release();
    const statuses = (await Promise.all([first, ...waiting])).map(({ status }) => status);
    expect(statuses).toEqual(Array(5).fill(200));
    expect(api.writes).toHaveLength(5);
  });

  it.each([
    ['its answer', 200],
    ['why it was refused', 422],
  ])('does not last until its client has read %s', async (_, status) => {
    await start();
    const api = documentApi(origin, '/settings', { text: '{"a":0}' });
    const long = Buffer.alloc(16_000_000, 'x');
    origin.on('PUT /settings', (request, response) => {
      if (String(request.headers['x-forwarded-for']).includes(A)) response.writeHead(status).end(long);
      else response.end();
    });
    const slow = await rawClient(gateway.url, { reads: false });
    const head = `PUT /settings HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: ${A}\r\nContent-Length: 7\r\n\r\n`;
    slow.write(`${head}{"a":1}`);
    await origin.until((seen) => seen.some(({ method }) => method === 'PUT'));
    expect((await put(B, { b: 1 })).status).toBe(200);
    expect(api.writes).toEqual([]);
    await slow.close();
  });
});

describe('who waits for a turn', () => {
  /** What becomes of writes that ask for the turn of one resource. */
  const queue = (places = 1, maxWaitMs = 60_000) => {
    const log = new MemoryLog(systemClock, { applied: () => 0, committed: () => {} });
    const turns = new Turns({ timers: systemTimers, clock: systemClock, log });
    const take = async (address: string | undefined, onGone: TurnTaker['onGone'] = () => {}): Promise<string> => {
      try {
        const turn = await turns.take('/settings', { address, onGone });
        turn.end();
        return 'had it';
      } catch (error) {
        return (error as Error).message;
      }
    };
    const shares = new OriginShares({ places, maxWaitMs, timers: systemTimers });
    const share = (): TurnTaker => ({ address: A, onGone: () => {}, enter: () => shares.enter(A) });
    return { turns, take, shares, share };
  };
  const tookTurn = (turns: Turns) => turns.take('/settings', { address: 'other', onGone: () => {} });

  it('so many of one address do, and others have room', async () => {
    const { turns, take } = queue();
    const first = await tookTurn(turns);
    const ofOne = Array.from({ length: 20 }, () => take(A));
    const others = [take(B), ...Array.from({ length: 20 }, () => take(undefined))];
    expect(turns.waiting).toBe(16 + 21);
    first.end();
    expect(await Promise.all(ofOne)).toEqual([
      ...Array(16).fill('had it'),
      ...Array(4).fill(new GatewayError('busy').message),
    ]);
    expect(await Promise.all(others)).toEqual(Array(21).fill('had it'));
    expect(turns.waiting).toBe(0);
  });

  it('holds no place among the connections of its address, and gets one with the turn', async () => {
    const { turns, shares, share } = queue(1);
    const first = await tookTurn(turns);
    const second = turns.take('/settings', share());
    const third = turns.take('/settings', share());
    const other = shares.enter(A) as Place;
    // Of the same address: it has to wait for its place.
    first.end();
    expect([turns.waiting, shares.waiting]).toEqual([2, 2]);
    const stranger = await tookTurn(turns);
    other.leave();
    // It came too late: the turn is another's, so it has given the place back.
    await new Promise(setImmediate);
    const again = shares.enter(A);
    expect([again instanceof Waiting, turns.waiting, shares.waiting]).toEqual([false, 2, 0]);
    (again as Place).leave();
    stranger.end();
    const turn = await second;
    expect(turn.place).toBeDefined();
    turn.place?.leave();
    turn.end();
    await third;
    expect(turns.waiting).toBe(0);
  });

  it('is told if it waits too long for its place, and lets others go first', async () => {
    const { turns, shares, share } = queue(1, 1);
    const other = shares.enter(A) as Place;
    await expect(turns.take('/settings', share())).rejects.toMatchObject({ code: 'originTimeout' });
    const left = turns.take('/settings', share());
    expect([turns.waiting, shares.waiting]).toEqual([1, 1]);
    (await tookTurn(turns)).end();
    other.leave();
    (await left).end();
    expect([turns.waiting, shares.waiting]).toEqual([0, 0]);
  });

  it('waits no longer once its client has gone', async () => {
    const { turns, take } = queue();
    const first = await tookTurn(turns);
    let leave = () => {};
    const gone = take(A, (listener) => {
      leave = listener;
    });
    const next = take(A);
    leave();
    expect([turns.waiting, await gone]).toEqual([1, 'the client has gone']);
    first.end();
    expect(await next).toBe('had it');
  });

  it('does not take it for a client that went while other nodes were asked', async () => {
    const { take } = queue();
    expect(await take(A, (listener) => listener())).toBe('the client has gone');
    expect(await take(A)).toBe('had it');
  });
});
