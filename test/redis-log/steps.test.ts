import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Step, StepResult } from '../../src/coherence/bus.ts';
import { Sequencer } from '../../src/coherence/sequencer.ts';
import { RedisBus } from '../../src/redis/redis-bus.ts';
import { Chance } from '../simulate/world.ts';
import { RedisServer } from './redis-server.ts';

const members = ['a', 'b', 'c'];
const terms = ['a', 'a1', 'a11', 'b', 'x9', '0'];

type Either = Sequencer | RedisBus;

const someOf = (chance: Chance): string => terms.filter(() => chance.happens(0.3)).join();

/** Of one configuration each, of which one's name begins with another's. */
function configured(chance: Chance): string {
  const terms = someOf(chance);
  if (chance.happens(0.5)) return terms;
  return [chance.pick(['~A-', '~A-b', '~_', '~_', '~_']), terms].filter(Boolean).join();
}

/** One of those that go in groups. */
function stepOf(chance: Chance, member: string, number: number): Step {
  const [probes, posts] = [configured(chance), configured(chance)];
  // Large ones, so that the log reaches its bound.
  const payload = chance.happens(0.1) ? 'ü'.repeat(500_000) : chance.pick(['{"a":"b c"}', 'ü "', '']);
  const intent = `${member}:${chance.integer(number) + 1}`;
  const append = {
    payload,
    ref: `${member}:${number}`,
    quarantine: chance.happens(0.3),
    ...(chance.happens(0.3) && { endsQuarantine: chance.integer(20) }),
    ...(chance.happens(0.7) && { intent }),
    ...{ probes, asOf: chance.integer(chance.pick([4, 30])), hold: chance.happens(0.1) },
    ...(chance.happens(0.7) && { posts: someOf(chance) }),
  };
  return chance.pick<Step>([
    { kind: 'append', append },
    { kind: 'ack', applied: chance.integer(20) },
    { kind: 'intend', note: { id: intent, posts, payload, recorded: chance.happens(0.2) } },
    { kind: 'withdraw', intent },
    { kind: 'conflicting', intent, probes },
  ]);
}

/** One call at random, the same on anything that has them. */
function randomCall(chance: Chance, epochs: string[], numbers: Map<string, number>) {
  const epoch = chance.happens(0.03) ? chance.pick(['other', ...epochs]) : (epochs.at(-1) ?? '');
  const member = chance.pick(members);
  const next = (): number => {
    const number = (numbers.get(member) ?? 0) + 1;
    numbers.set(member, number);
    return chance.happens(0.5) ? Math.max(1, number - chance.integer(8)) : number;
  };
  const number = next();
  const applied = chance.integer(20);
  const renewal = {
    member,
    applied: chance.happens(0.3) ? null : applied,
    appliedRef: chance.happens(0.05) ? `${member}:${chance.integer(number)}` : '',
    intentsFrom: Math.max(1, number - chance.integer(6)),
    recordsFrom: Math.max(1, number - chance.integer(6)),
    quarantines: chance.happens(0.5),
  };
  const strange = (): number => (chance.happens(0.03) ? 1_000 : 0);
  const contact = { number, answered: strange(), seq: strange(), held: chance.happens(0.03) };
  const other = chance.happens(0.1) ? '' : chance.pick(members);
  const silent = chance.pick([...members, '(barrier)']);
  const beat = chance.integer(80);
  const steps = Array.from({ length: 1 + chance.integer(5) }, () => stepOf(chance, member, next()));
  const group = (bus: Either) => bus.group(epoch, member, steps, contact);
  return chance.pick([
    group,
    group,
    group,
    (bus: Either) => bus.renew(epoch, renewal, contact),
    (bus: Either) => bus.evict(epoch, other, { id: silent, beat }),
    (bus: Either) => bus.published(epoch, applied),
  ]);
}

/** Without what has no order. */
function unordered(answer: StepResult): unknown {
  const sorted = (value: unknown): unknown => {
    if (Array.isArray(value)) {
      return value.map(sorted).sort((x, y) => (JSON.stringify(x) < JSON.stringify(y) ? -1 : 1));
    }
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.keys(value)
        .sort()
        .map((key) => [key, sorted((value as Record<string, unknown>)[key])]),
    );
  };
  return sorted(answer);
}

describe('the scripts do what the sequencer does', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.stop());

  test.each(Array.from({ length: 12 }, (_, seed) => seed))('call by call, seed %i', async (seed) => {
    const chance = new Chance(seed);
    const [commands, blocking] = [server.connect(), server.connect()];
    await Promise.all([once(commands, 'ready'), once(blocking, 'ready')]);
    const redis = new RedisBus({ commands, blocking, prefix: 'test', scope: `s${seed}` });
    const sequencer = new Sequencer();
    const numbers = new Map<string, number>();
    const epochs = [`1_e${seed}`];
    expect(
      await redis.renew('e', { member: 'a', applied: null, intentsFrom: 1, recordsFrom: 1, quarantines: false }),
    ).toEqual(sequencer.renew('e', { member: 'a', applied: null, intentsFrom: 1, recordsFrom: 1, quarantines: false }));
    const createEpoch = async (epoch: string): Promise<void> => {
      await redis.createEpoch(epoch, 100);
      sequencer.createEpoch(epoch, 100);
    };
    await createEpoch(`1_e${seed}`);
    let voided = 0;
    for (let i = 0; i < 300; i++) {
      const call = randomCall(chance, epochs, numbers);
      const answer = await call(redis);
      expect(unordered(answer), `call ${i}`).toEqual(unordered(call(sequencer) as StepResult));
      if (answer.ok || answer.epoch !== null) continue;
      // It was told that it had been set back: the next epoch begins, and now and then one that was left before.
      voided += 1;
      if (chance.happens(0.7)) epochs.push(`${epochs.length + 1}_e${seed}`);
      await createEpoch(epochs.at(-1) ?? '');
    }
    expect(voided).toBeGreaterThan(0);
    const last = epochs.at(-1) ?? '';
    const [mine, model] = [await redis.read(last, 0, 0), sequencer.read(last, 0, 0)];
    // Members are listed in no order, and so are the ends of their intents.
    const plain = (answer: StepResult): unknown => unordered(JSON.parse(JSON.stringify(answer)));
    expect(plain(mine)).toEqual(plain(withoutEmpty(model)));
    commands.disconnect();
    blocking.disconnect();
  });

  test.each([
    ['one by one, in their order', 256, Array.from({ length: 256 }, (_, i) => [`{"n":${i + 1}}`, `x${i + 1}`])],
    ['as one, which covers everything, if there are more than can be read back', 257, [['', undefined]]],
  ])('unpublished records of a member that is gone are repeated %s', async (_, count, expected) => {
    const [commands, blocking] = [server.connect(), server.connect()];
    await Promise.all([once(commands, 'ready'), once(blocking, 'ready')]);
    // As those with a long name: what they hold has no order.
    await commands.config('SET', 'hash-max-listpack-entries', 0);
    const redis = new RedisBus({ commands, blocking, prefix: 'test', scope: `again${count}` });
    for (const bus of [redis, new Sequencer()] as const) {
      await bus.createEpoch('1_e', 100);
      const renewal = { applied: null, intentsFrom: 1, recordsFrom: 1, quarantines: false };
      await bus.renew('1_e', { member: 'a', ...renewal });
      const renewed = await bus.renew('1_e', { member: 'b', ...renewal });
      const gone = renewed.ok ? renewed.members.find(({ id }) => id === 'a') : undefined;
      const appends = Array.from({ length: count }, (_, i): Step => {
        const append = { payload: `{"n":${i + 1}}`, ref: `a:${i + 1}`, quarantine: false, hold: false };
        return { kind: 'append', append: { ...append, probes: '', posts: `x${i + 1}`, asOf: i } };
      });
      await bus.group('1_e', 'a', appends);
      await bus.evict('1_e', 'b', { id: 'a', beat: gone?.beat ?? 0 });
      const batch = await bus.read('1_e', count, 0);
      const repeated = batch.ok ? batch.entries.filter(({ again }) => again === true) : [];
      expect(repeated.map(({ payload, posts }) => [payload, posts])).toEqual(expected);
    }
    commands.disconnect();
    blocking.disconnect();
  });

  test.each(['~A-', '~A-b', '~_'])('of writes under several configurations, asked under %s', async (own) => {
    const [commands, blocking] = [server.connect(), server.connect()];
    await Promise.all([once(commands, 'ready'), once(blocking, 'ready')]);
    const redis = new RedisBus({ commands, blocking, prefix: 'test', scope: own });
    const sequencer = new Sequencer();
    const same = async (call: (bus: Either) => unknown) => {
      const answer = unordered((await call(redis)) as StepResult);
      expect(answer).toEqual(unordered(call(sequencer) as StepResult));
      return answer;
    };
    const sameStep = (member: string, step: Step) => same((bus) => bus.group('1_e', member, [step]));
    await same((bus) => bus.createEpoch('1_e', 100));
    const others = ['~A-', '~A-b', '~_'].filter((configuration) => configuration !== own);
    for (const [i, posts] of ['~A-', '~A-b,a', '~_,b'].entries())
      await sameStep('a', { kind: 'intend', note: { id: `a:${i + 1}`, posts, payload: '' } });
    const found = await sameStep('a', { kind: 'conflicting', intent: 'a:9', probes: `${own},x9` });
    expect(found).toMatchObject({ answers: [{ conflicting: { length: others.length } }] });
    const append = { payload: '', quarantine: false, hold: false };
    // Each was appended behind what the next one had applied.
    for (const [i, posts] of [own, ...others].entries()) {
      const before = { ...append, ref: `b:${2 * i + 1}`, posts, probes: '', asOf: 0 };
      await sameStep('b', { kind: 'append', append: before });
      const asking = { ...append, ref: `b:${2 * i + 2}`, posts: own, probes: own, asOf: 2 * i };
      for (const intent of ['a:1', 'a:2', 'a:3']) await sameStep('a', { kind: 'withdraw', intent });
      const answer = await sameStep('b', { kind: 'append', append: asking });
      expect(answer).toMatchObject({ answers: [{ held: posts !== own }] });
    }
    commands.disconnect();
    blocking.disconnect();
  });
});

/** The wire has no difference between no reference and an empty one. */
function withoutEmpty<T>(answer: T): T {
  return JSON.parse(JSON.stringify(answer).replaceAll(/,"(ref|intent|posts)":""/g, ''));
}
