import { expect, test } from 'vitest';
import type { CachePolicy, WriteProtectionConfig } from '../../src/config/model.ts';
import type { ClientRequest, RouteTable } from '../../src/exchange/ports.ts';
import type { KeyedRun, WholeAnswer } from '../../src/exchange/write/protection-ports.ts';
import { Fields } from '../../src/http/fields.ts';
import { KeptKeys } from '../../src/idempotency/kept-keys.ts';
import type { KeyStore } from '../../src/idempotency/key-store.ts';
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
  /** It does what it is told, and nobody hears of it. */
  losesAnswers = false;
  readonly failures: unknown[] = [];
  readonly #due: { at: number; run: () => void; node: string }[] = [];
  readonly #dead = new Set<string>();
  readonly #store = new MemoryKeys(1024 * 1024, { monotonic: () => this.now });

  node(name: string): KeptKeys {
    const away = async <T>(step: () => Promise<T>): Promise<T> => {
      if (this.isAway) throw new Error('the store is away');
      const done = await step();
      if (this.losesAnswers) throw new Error('the store has not answered in time');
      return done;
    };
    const store: KeyStore = {
      claim: (claim) => away(() => this.#store.claim(claim)),
      renew: (claim) => away(() => this.#store.renew(claim)),
      settle: (claim, settlement) => away(() => this.#store.settle(claim, settlement)),
    };
    const after = (ms: number, run: () => void): (() => void) => {
      const timer = { at: this.now + ms, run, node: name };
      this.#due.push(timer);
      return () => void this.#due.splice(this.#due.indexOf(timer) >>> 0, 1);
    };
    const failed = (error: unknown): void => void this.failures.push(error);
    return new KeptKeys({ store, routes, timers: { after }, repeated: () => {}, failed });
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

test('the key of a node that has died is in doubt soon, and stays so', async () => {
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
