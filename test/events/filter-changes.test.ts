import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import type { Event } from '../../src/events/event.ts';
import { EventHub } from '../../src/events/hub.ts';
import { unrestricted } from '../../src/events/rights.ts';
import type { Sink } from '../../src/events/sink.ts';
import { EventSocket, type SocketSink } from '../../src/events/web-socket.ts';
import { until } from '../support/barrier.ts';

/*
 * Filters of a WebSocket change between two events, whenever the message comes: while an event is being sent to
 * thousands, while others wait to be sent, or while the client is sent what it missed.
 */

interface Message {
  readonly type: string;
  readonly id?: string;
  readonly ref?: string;
  readonly data?: { readonly paths: readonly string[] };
}

/** The messages that are written, without a socket. */
function recorder(): SocketSink & { readonly messages: Message[] } {
  const messages: Message[] = [];
  return {
    messages,
    writableLength: 0,
    write: (bytes) => messages.push(...messagesIn(bytes)) >= 0,
    once: () => {},
    cork: () => {},
    uncork: () => {},
    end: () => {},
    close: () => {},
  };
}

/** As `recorder`, of a client that has not read yet. */
function slowRecorder() {
  const sink = recorder();
  let isSlow = true;
  let drained = (): void => {};
  const slow: SocketSink = {
    ...sink,
    write: (bytes) => sink.write(bytes) && !isSlow,
    once: (_event, listener) => {
      drained = listener;
    },
  };
  const drain = (): void => {
    isSlow = false;
    drained();
  };
  return { sink, slow, drain };
}

/** One frame of at most 64 KiB, or nothing. */
function messagesIn(frame: Buffer): Message[] {
  if (frame.byteLength === 0) return [];
  const payload = frame.subarray(frame[1] === 126 ? 4 : 2);
  return [JSON.parse(String(payload)) as Message];
}

const silent: Sink = { ...recorder(), write: () => true };

let hub: EventHub;
let position: number;
afterEach(() => hub.close());

/** @param others more subscribers than one slice of work reaches */
function begin(others: number, maxEvents = 100_000, maxBytes = 64 * 1024 * 1024): void {
  position = 0;
  const history = { maxEvents, maxBytes };
  hub = new EventHub({ epoch: 'e', history, maxSubscribers: 10_000, heartbeatMs: 60_000 });
  for (let i = 0; i < others; i++)
    hub.subscribe({ filter: { match: [`/${i % 3}`], tags: [] }, rights: unrestricted }, silent);
}

function announce(paths: readonly string[]): void {
  const cause = { method: 'PUT', path: '/', rule: null };
  hub.announce(
    paths.map((path): Event => {
      position += 1;
      return { id: `e-${position}`, type: 'invalidate', paths: [path], tags: [], cause, at: '' };
    }),
  );
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const positionOf = (id: string | undefined): number => Number(id?.slice(2));

const path = fc.constantFrom('/0', '/1', '/2');
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('announce' as const),
      paths: fc.array(path, { minLength: 1, maxLength: 100 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('turn' as const), times: fc.integer({ min: 1, max: 5 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('subscribe' as const),
      match: fc.uniqueArray(path, { maxLength: 2 }),
      /** How many events ago it was there last; 0: it has not been. */
      ago: fc.nat(200),
    }),
  },
);

test('with any changes at any time: each filter gets all from where it resumes, and nothing comes twice', async () => {
  const steps = fc.array(step, { minLength: 5, maxLength: 25 });
  await fc.assert(
    fc.asyncProperty(steps, fc.constantFrom(0, 1_000), async (plan, others) => {
      begin(others);
      const all: string[] = [];
      const sink = recorder();
      const socket = new EventSocket(hub, { filter: undefined, rights: unrestricted }, sink);
      const asked: { match: readonly string[]; from: number; to: number }[] = [];
      for (const next of plan) {
        if (next.do === 'announce') {
          all.push(...next.paths);
          announce(next.paths);
        } else if (next.do === 'turn') {
          for (let i = 0; i < next.times; i++) await turn();
        } else {
          const from = next.ago === 0 ? undefined : Math.max(0, position - next.ago);
          const { match } = next;
          const ref = String(asked.length);
          asked.push({ match, from: from ?? position, to: position });
          const lastEventId = from === undefined ? undefined : `e-${from}`;
          socket.receive(Buffer.from(JSON.stringify({ type: 'subscribe', ref, match, lastEventId })), false);
        }
      }
      const confirmed = (): Message[] => sink.messages.filter(({ type }) => type === 'subscribed');
      await until(() => confirmed().length === asked.length);
      announce(['/end']);
      const everything = { type: 'subscribe', ref: 'end', match: ['/end'], lastEventId: `e-${position - 1}` };
      socket.receive(Buffer.from(JSON.stringify(everything)), false);
      await until(() => sink.messages.some(({ data }) => data?.paths[0] === '/end'));
      const got = sink.messages.filter(({ type }) => type === 'event').map(({ id }) => positionOf(id));
      expect(new Set(got).size).toBe(got.length);
      expect(sink.messages.some(({ type }) => type === 'resync' || type === 'error')).toBe(false);
      for (const { match, from } of asked) {
        const wanted = all.flatMap((each, i) =>
          i >= from && (match.length === 0 || match.includes(each)) ? [i + 1] : [],
        );
        expect(got).toEqual(expect.arrayContaining(wanted));
      }
      // Each came before what it belongs to was confirmed.
      for (const [i, { match, from, to }] of asked.entries()) {
        const at = sink.messages.findIndex(({ type, ref }) => type === 'subscribed' && ref === String(i));
        const before = new Set(sink.messages.slice(0, at).map(({ id }) => positionOf(id)));
        const missed = all.flatMap((each, k) =>
          k >= from && k < to && (match.length === 0 || match.includes(each)) ? [k + 1] : [],
        );
        expect(missed.filter((each) => !before.has(each))).toEqual([]);
      }
      socket.end();
      hub.close();
    }),
    { numRuns: 40 },
  );
});

describe('a filter that is added', () => {
  const subscribe = (socket: EventSocket, asked: object): void =>
    socket.receive(Buffer.from(JSON.stringify({ type: 'subscribe', ref: 'r', match: ['/1'], ...asked })), false);
  const numbers = (sink: { readonly messages: readonly Message[] }): number[] =>
    sink.messages.filter(({ type }) => type === 'event').map(({ id }) => positionOf(id));
  const upTo = (last: number): number[] => Array.from({ length: last }, (_, i) => i + 1);
  const confirmed = (sink: { readonly messages: readonly Message[] }): Promise<void> =>
    until(() => sink.messages.some(({ type }) => type === 'subscribed'));

  test('selects nothing from before, unless it says from where', async () => {
    begin(0);
    const sink = recorder();
    const socket = new EventSocket(hub, { filter: { match: ['/0'], tags: [] }, rights: unrestricted }, sink);
    announce(['/1', '/1']);
    subscribe(socket, {});
    await confirmed(sink);
    announce(['/1']);
    await until(() => numbers(sink).length > 0);
    expect(numbers(sink)).toEqual([3]);
  });

  test('is confirmed when all that it missed has been sent, which takes several turns', async () => {
    begin(0);
    announce(Array<string>(1_000).fill('/1'));
    const sink = recorder();
    const socket = new EventSocket(hub, { filter: undefined, rights: unrestricted }, sink);
    subscribe(socket, { lastEventId: 'e-0' });
    await confirmed(sink);
    expect(numbers(sink)).toEqual(upTo(1_000));
    expect(sink.messages.at(-1)?.type).toBe('subscribed');
  });

  // A slice of work ends wherever it ends: the change may come while an event is being compared with the old filter.
  test.each(upTo(6))('while another one resumes gets all, whichever event is being looked at (%i)', async (more) => {
    begin(0);
    announce(Array<string>(1_000 + more).fill('/1'));
    // Until nothing is left to do: the first slice then belongs to the subscriber, and ends within an event.
    for (let i = 0; i < 20; i++) await turn();
    const sink = recorder();
    const filter = { match: ['/0'], tags: Array.from({ length: more }, (_, i) => `t${i}`) };
    const socket = new EventSocket(hub, { filter, rights: unrestricted, lastEventId: `e-${more}` }, sink);
    subscribe(socket, { lastEventId: 'e-0' });
    await confirmed(sink);
    expect(numbers(sink).sort((a, b) => a - b)).toEqual(upTo(1_000 + more));
  });

  test('gets what is still held when another one, which was to bring it, has waited for too long', async () => {
    begin(0, 200);
    announce(Array<string>(100).fill('/1'));
    const { sink, slow, drain } = slowRecorder();
    const socket = new EventSocket(hub, { filter: undefined, rights: unrestricted }, slow);
    subscribe(socket, { ref: 'first', lastEventId: 'e-5' });
    subscribe(socket, { ref: 'second', lastEventId: 'e-85' });
    await until(() => numbers(sink).length > 0);
    // The oldest 80 are forgotten.
    announce(Array<string>(180).fill('/0'));
    for (let i = 0; i < 20; i++) await turn();
    drain();
    await until(() => sink.messages.filter(({ type }) => type === 'subscribed').length === 2);
    expect(numbers(sink).slice(-20)).toEqual(upTo(100).slice(-20));
    expect(sink.messages.filter(({ type }) => type === 'resync').map(({ ref }) => ref)).toEqual(['first']);
  });

  describe('after a resync for all that waits', () => {
    const resumeTwice = async (socket: EventSocket, sink: ReturnType<typeof recorder>): Promise<void> => {
      await until(() => sink.messages.some(({ type }) => type === 'resync'));
      sink.messages.length = 0;
      subscribe(socket, { lastEventId: `e-${position - 60}` });
      subscribe(socket, { ref: 'again', lastEventId: `e-${position - 60}` });
      await until(() => sink.messages.filter(({ type }) => type === 'subscribed').length === 2);
      expect(sink.messages.some(({ type }) => type === 'resync')).toBe(false);
      expect(numbers(sink)).toEqual(upTo(position).slice(-60));
    };

    test('gets what a slow client was not sent, once', async () => {
      begin(0, 100);
      announce(Array<string>(90).fill('/1'));
      for (let i = 0; i < 5; i++) await turn();
      const { sink, slow, drain } = slowRecorder();
      const filter = { match: ['/1'], tags: [] };
      const socket = new EventSocket(hub, { filter, rights: unrestricted, lastEventId: 'e-0' }, slow);
      await until(() => numbers(sink).length > 0);
      announce(Array<string>(120).fill('/1'));
      for (let i = 0; i < 20; i++) await turn();
      drain();
      await resumeTwice(socket, sink);
    });

    test('gets what nobody could be sent in time, once', async () => {
      begin(0, 100, 100_000);
      const sink = recorder();
      const socket = new EventSocket(hub, { filter: { match: ['/1'], tags: [] }, rights: unrestricted }, sink);
      announce(Array<string>(1_000).fill('/1'));
      await resumeTwice(socket, sink);
    });
  });

  test('gets nothing twice after the log has been replaced', async () => {
    begin(0);
    const sink = recorder();
    announce(['/0', '/0', '/0', '/0', '/0']);
    const socket = new EventSocket(hub, { filter: { match: ['/1'], tags: [] }, rights: unrestricted }, sink);
    hub.reset('f', 7);
    const at = {
      id: 'f-8',
      type: 'invalidate',
      paths: ['/1'],
      tags: [],
      cause: { method: 'PUT', path: '/', rule: null },
      at: '',
    };
    hub.announce([at]);
    await until(() => numbers(sink).length === 1);
    subscribe(socket, { lastEventId: 'f-7.999999' });
    await confirmed(sink);
    expect(numbers(sink)).toHaveLength(1);
  });
});

test('a filter that is taken away while an event is being sent selects nothing from then on', async () => {
  begin(2_000);
  const sink = recorder();
  const socket = new EventSocket(hub, { filter: { match: ['/0'], tags: [] }, rights: unrestricted }, sink);
  announce(['/0', '/0']);
  socket.receive(Buffer.from('{"type":"unsubscribe","ref":"url"}'), false);
  await until(() => sink.messages.some(({ type }) => type === 'unsubscribed'));
  const at = sink.messages.length;
  announce(['/0', '/1']);
  for (let i = 0; i < 100; i++) await turn();
  expect(sink.messages.slice(at)).toEqual([]);
});

test('what is forgotten while it waits to be sent is a resync, and the change is confirmed all the same', async () => {
  begin(0);
  const sink = recorder();
  const socket = new EventSocket(hub, { filter: undefined, rights: unrestricted }, sink);
  announce(['/0']);
  hub.reset('f', 7);
  socket.receive(Buffer.from('{"type":"subscribe","ref":"r","match":["/0"],"lastEventId":"e-0"}'), false);
  await until(() => sink.messages.some(({ type }) => type === 'subscribed'));
  const told = sink.messages.filter(({ ref }) => ref === 'r').map(({ type, id }) => [type, id]);
  expect(told).toEqual([
    ['resync', 'f-7.999999'],
    ['subscribed', 'f-7.999999'],
  ]);
});
