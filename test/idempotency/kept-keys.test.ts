import { describe, expect, test } from 'vitest';
import type { CachePolicy, WriteProtectionConfig } from '../../src/config/model.ts';
import type { ClientRequest, RouteTable } from '../../src/exchange/ports.ts';
import type { KeyedRun, WholeAnswer } from '../../src/exchange/write/protection-ports.ts';
import { Fields } from '../../src/http/fields.ts';
import { KeptKeys } from '../../src/idempotency/kept-keys.ts';
import { type KeyStore, KeyStoreAway } from '../../src/idempotency/key-store.ts';
import { MemoryKeys } from '../../src/idempotency/memory-keys.ts';
import { parseTarget } from '../../src/route/path.ts';

/* What happens around the store: leases, and a store that is away. */

const entry = { idempotency: { required: true, keepMs: 3_600_000 } } as WriteProtectionConfig;
const cache = {
  userKey: [],
  credentialHeaders: new Set(),
  credentialParams: [],
  idleCookies: [],
} as unknown as CachePolicy;
const routes = { find: () => ({ route: { policy: { cache } }, params: {} }) } as unknown as RouteTable;
const request: ClientRequest = {
  method: 'POST',
  target: parseTarget('/orders'),
  scheme: 'http',
  host: 'api.example',
  headers: new Fields(['Idempotency-Key', 'k']),
  peer: '127.0.0.1',
  trusted: false,
  client: { address: '127.0.0.1', isProxy: false },
};
const body = Buffer.from('{}');
const made: WholeAnswer = { status: 201, lines: [], body: Buffer.from('made') };

/** A store whose time passes as the test says, and the nodes that share it. */
class World {
  now = 0;
  isAway = false;
  /** It does not receive what it is told. */
  isCutOff = false;
  /** What it was told. */
  settled = 0;
  readonly addresses: (string | undefined)[] = [];
  /** It does what it is told, and nobody hears of it. */
  losesAnswers = false;
  readonly failures: unknown[] = [];
  readonly #due: { at: number; run: () => void; node: string }[] = [];
  readonly #dead = new Set<string>();
  readonly #store = new MemoryKeys(64 * 1024 * 1024, { monotonic: () => this.now });

  node(name: string): KeptKeys {
    const away = async <T>(step: () => Promise<T>): Promise<T> => {
      if (this.isCutOff) throw new KeyStoreAway('there is no connection');
      if (this.isAway) throw new Error('the store is away');
      const done = await step();
      if (this.losesAnswers) throw new Error('the store has not answered in time');
      return done;
    };
    const store: KeyStore = {
      claim: (claim) => {
        this.addresses.push(claim.address);
        return away(() => this.#store.claim(claim));
      },
      renew: (claim) => away(() => this.#store.renew(claim)),
      settle: (claim, settlement) => {
        this.settled += 1;
        return away(() => this.#store.settle(claim, settlement));
      },
    };
    const after = (ms: number, run: () => void): (() => void) => {
      const timer = { at: this.now + ms, run, node: name };
      this.#due.push(timer);
      return () => void this.#due.splice(this.#due.indexOf(timer) >>> 0, 1);
    };
    const clock = { monotonic: () => this.now };
    const failed = (error: unknown): void => void this.failures.push(error);
    return new KeptKeys({ store, routes, timers: { after }, clock, repeated: () => {}, failed });
  }

  /** Nothing of it is heard again. */
  kill(node: string): void {
    this.#dead.add(node);
  }

  async pass(ms: number): Promise<void> {
    for (const end = this.now + ms; ; ) {
      this.#due.sort((a, b) => a.at - b.at);
      const [next] = this.#due;
      if (next === undefined || next.at > end) {
        this.now = end;
        return;
      }
      this.#due.shift();
      this.now = next.at;
      if (!this.#dead.has(next.node)) next.run();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

const withKey = (key: string): ClientRequest => ({ ...request, headers: new Fields(['Idempotency-Key', key]) });

async function first(keys: KeptKeys, of = entry): Promise<KeyedRun> {
  const begun = await keys.begin(of, request, body);
  if (begun.kind !== 'first') throw new Error(`it is ${begun.kind}`);
  return begun.run;
}
const again = (keys: KeptKeys): Promise<string> =>
  keys.begin(entry, request, body).then(
    ({ kind }) => kind,
    (error: { code: string }) => error.code,
  );

test('a write that takes an hour is under way for an hour', async () => {
  const world = new World();
  const [a, b] = [world.node('a'), world.node('b')];
  const run = await first(a);
  for (let i = 0; i < 100; i++) {
    await world.pass(40_000);
    expect(await again(b)).toBe('idempotencyKeyInUse');
  }
  await run.answered(made, 'applied');
  expect(await again(b)).toBe('replay');
});

test('a write that takes longer than its key is kept is under way until it has ended', async () => {
  const world = new World();
  const [a, b] = [world.node('a'), world.node('b')];
  const run = await first(a, { idempotency: { required: true, keepMs: 2_000 } } as WriteProtectionConfig);
  await world.pass(4_000);
  expect(await again(b)).toBe('idempotencyKeyInUse');
  await world.pass(40_000);
  await run.answered(made, 'applied');
  expect(await again(b)).toBe('replay');
  await world.pass(2_000);
  expect(await again(b)).toBe('first');
});

test('the outcome of a write whose node has died is unknown soon, and stays so', async () => {
  const world = new World();
  const [a, b] = [world.node('a'), world.node('b')];
  await first(a);
  world.kill('a');
  expect(await again(b)).toBe('idempotencyKeyInUse');
  await world.pass(16_000);
  expect(await again(b)).toBe('idempotencyKeyUnknown');
  await world.pass(1_000_000);
  expect(await again(b)).toBe('idempotencyKeyUnknown');
});

describe('a write that was not sent yet', () => {
  test('may be sent for as long as its lease is renewed', async () => {
    const world = new World();
    const run = await first(world.node('a'));
    await world.pass(100_000);
    expect(run.holds()).toBe(true);
  });

  test.each([
    ['its node was paused', (world: World) => world.kill('a')],
    [
      'the store was away',
      (world: World) => {
        world.isAway = true;
      },
    ],
  ])('must not be sent once another client was told that its outcome is unknown: %s', async (_, disturb) => {
    const world = new World();
    const [a, b] = [world.node('a'), world.node('b')];
    const run = await first(a);
    disturb(world);
    const told: [string, boolean][] = [];
    for (let ms = 0; ms < 20_000; ms += 500) {
      await world.pass(500);
      world.isAway = false;
      told.push([await again(b), run.holds()]);
      disturb(world);
    }
    const unknown = told.filter(([what]) => what === 'idempotencyKeyUnknown');
    expect(unknown.length).toBeGreaterThan(0);
    expect(unknown.filter(([, holds]) => holds)).toEqual([]);
    expect(run.holds()).toBe(false);
    world.isAway = false;
    await run.notRun();
    expect(await again(b)).toBe('first');
  });
});

test('a write that has ended is not renewed', async () => {
  const world = new World();
  const [a, b] = [world.node('a'), world.node('b')];
  const run = await first(a);
  await run.unknown();
  await world.pass(60_000);
  expect(await again(b)).toBe('idempotencyKeyUnknown');
});

test('while the store is away, nothing is begun, and what it may have noted is taken back later', async () => {
  const world = new World();
  const a = world.node('a');
  world.losesAnswers = true;
  expect(await again(a)).toBe('uncoordinated');
  world.losesAnswers = false;
  expect(await again(a)).toBe('idempotencyKeyInUse');
  await world.pass(1_000);
  expect(await again(a)).toBe('first');
});

test('an answer that comes while the store is away is kept once it is back', async () => {
  const world = new World();
  const [a, b] = [world.node('a'), world.node('b')];
  const run = await first(a);
  world.isAway = true;
  await run.answered(made, 'applied');
  expect(world.failures).toHaveLength(1);
  await world.pass(20_000);
  world.isAway = false;
  expect(await again(b)).toBe('idempotencyKeyUnknown');
  await world.pass(1_000);
  expect(await again(b)).toBe('replay');
});

test('a refusal is kept for a minute: nothing was done, and anybody can have one', async () => {
  const world = new World();
  const a = world.node('a');
  await (await first(a)).answered({ ...made, status: 401 }, 'refused');
  expect(await again(a)).toBe('replay');
  await world.pass(60_000);
  expect(await again(a)).toBe('first');
});

test('the keys of a proxy that names no client are those of one address', async () => {
  const world = new World();
  const a = world.node('a');
  await a.begin(entry, { ...request, client: { address: '192.0.2.9', isProxy: true } }, body);
  expect(world.addresses).toEqual(['192.0.2.9']);
});

test('what was refused without a connection to the store is not given back', async () => {
  const world = new World();
  const a = world.node('a');
  world.isCutOff = true;
  for (let i = 0; i < 100; i++) expect(await again(a)).toBe('uncoordinated');
  await world.pass(60_000);
  expect(world.settled).toBe(0);
});

describe('of a store that does not answer', () => {
  const refused = async (keys: KeptKeys, requests: number): Promise<void> => {
    for (let i = 0; i < requests; i++) await keys.begin(entry, withKey(`refused-${i}`), body).catch(() => undefined);
  };

  test('as many requests as may be are given back, and answers still have room', async () => {
    const world = new World();
    const a = world.node('a');
    const run = await first(a);
    world.isAway = true;
    await refused(a, 2_000);
    await run.answered(made, 'applied');
    world.settled = 0;
    await world.pass(500);
    expect(world.settled).toBe(501);
    world.isAway = false;
    await world.pass(500);
    expect(await again(a)).toBe('replay');
    world.settled = 0;
    await world.pass(60_000);
    expect(world.settled).toBe(0);
  });

  test('one is tried while there is no connection', async () => {
    const world = new World();
    const a = world.node('a');
    world.isAway = true;
    await refused(a, 100);
    world.isCutOff = true;
    await world.pass(5_000);
    expect(world.settled).toBe(10);
    world.isCutOff = false;
    world.isAway = false;
    await world.pass(500);
    expect(world.settled).toBe(110);
  });

  test('nobody is told for more than half a minute', async () => {
    const world = new World();
    const a = world.node('a');
    world.isAway = true;
    await refused(a, 1);
    await world.pass(600_000);
    expect(world.settled).toBe(60);
  });

  test('answers wait with their bodies as far as there is room', async () => {
    const world = new World();
    const a = world.node('a');
    const large = { ...made, body: Buffer.alloc(256 * 1024) };
    const keys = Array.from({ length: 65 }, (_, i) => `k${i}`);
    const runs = await Promise.all(keys.map(async (key) => a.begin(entry, withKey(key), body)));
    world.isAway = true;
    for (const begun of runs) if (begun.kind === 'first') await begun.run.answered(large, 'applied');
    world.isAway = false;
    await world.pass(500);
    const told = (key: string | undefined) =>
      a.begin(entry, withKey(key as string), body).then(
        ({ kind }) => kind,
        ({ code }: { code: string }) => code,
      );
    expect([await told(keys.at(-2)), await told(keys.at(-1))]).toEqual(['replay', 'idempotencyAnswerNotKept']);
  });
});

test.each([
  ['a refusal that a retry may overcome', 429, 'refused', 'first'],
  ['a 503 of an origin whose 5xx change nothing', 503, 'refused', 'first'],
  ['a 503 of another origin', 503, 'indeterminate', 'replay'],
  ['a 404', 404, 'refused', 'replay'],
  ['a success', 201, 'applied', 'replay'],
] as const)('after %s', async (_, status, outcome, expected) => {
  const world = new World();
  const a = world.node('a');
  await (await first(a)).answered({ ...made, status }, outcome);
  expect(await again(a)).toBe(expected);
});
