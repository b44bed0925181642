import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StepResult } from '../../src/coherence/bus.ts';
import { Sequencer } from '../../src/coherence/sequencer.ts';
import { RedisBus } from '../../src/redis/redis-bus.ts';
import { Chance } from '../simulate/world.ts';
import { RedisServer } from './redis-server.ts';

const members = ['a', 'b', 'c'];
const terms = ['a', 'a1', 'a11', 'b', 'x9', '0'];

/** One step at random, the same on anything that has them. */
function randomStep(chance: Chance, epochs: string[], numbers: Map<string, number>) {
  const epoch = chance.happens(0.03) ? chance.pick(['other', ...epochs]) : (epochs.at(-1) ?? '');
  const member = chance.pick(members);
  const next = (): number => {
    const number = (numbers.get(member) ?? 0) + 1;
    numbers.set(member, number);
    return chance.happens(0.5) ? Math.max(1, number - chance.integer(8)) : number;
  };
  // Large ones, so that the log reaches its bound.
  const payload = chance.happens(0.2) ? 'ü'.repeat(500_000) : chance.pick(['{"a":"b c"}', 'ü "', '']);
  const steps = [
    (bus: Sequencer | RedisBus) => bus.renew(epoch, renewal, contact),
    (bus: Sequencer | RedisBus) => bus.append(epoch, member, append, contact),
    (bus: Sequencer | RedisBus) => bus.ack(epoch, member, applied, contact),
    (bus: Sequencer | RedisBus) => bus.intend(epoch, member, { id: intent, posts, payload, recorded }),
    (bus: Sequencer | RedisBus) => bus.withdraw(epoch, intent),
    (bus: Sequencer | RedisBus) => bus.evict(epoch, other, { id: silent, beat }),
    (bus: Sequencer | RedisBus) => bus.published(epoch, applied),
    (bus: Sequencer | RedisBus) => bus.conflicting(epoch, intent, probes, contact),
  ];
  const number = next();
  const applied = chance.integer(20);
  const someOf = (): string => terms.filter(() => chance.happens(0.3)).join();
  // Of one configuration each, of which one's name begins with another's.
  const configured = (): string => [chance.pick(['~A-', '~A-b', '~_', '~_', '~_']), someOf()].filter(Boolean).join();
  const [probes, posts] = [someOf, someOf].map((some) => (chance.happens(0.5) ? configured() : some())) as [
    string,
    string,
  ];
  const intent = `${member}:${chance.integer(number) + 1}`;
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
  const append = {
    payload,
    ref: `${member}:${number}`,
    quarantine: chance.happens(0.3),
    ...(chance.happens(0.3) && { endsQuarantine: chance.integer(20) }),
    ...(chance.happens(0.7) && { intent }),
    ...{ probes, asOf: chance.integer(chance.pick([4, 30])), hold: chance.happens(0.1) },
    ...(chance.happens(0.7) && { posts: someOf() }),
  };
  const recorded = chance.happens(0.2);
  const other = chance.happens(0.1) ? '' : chance.pick(members);
  const silent = chance.pick([...members, '(barrier)']);
  const beat = chance.integer(80);
  return chance.pick(steps);
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

  test.each(Array.from({ length: 12 }, (_, seed) => seed))('step by step, seed %i', async (seed) => {
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
      const step = randomStep(chance, epochs, numbers);
      const answer = await step(redis);
      expect(unordered(answer), `step ${i}`).toEqual(unordered(step(sequencer) as StepResult));
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

  test.each(['~A-', '~A-b', '~_'])('of writes under several configurations, asked under %s', async (own) => {
    const [commands, blocking] = [server.connect(), server.connect()];
    await Promise.all([once(commands, 'ready'), once(blocking, 'ready')]);
    const redis = new RedisBus({ commands, blocking, prefix: 'test', scope: own });
    const sequencer = new Sequencer();
    const same = async (step: (bus: Sequencer | RedisBus) => unknown) => {
      const answer = unordered((await step(redis)) as StepResult);
      expect(answer).toEqual(unordered(step(sequencer) as StepResult));
      return answer;
    };
    await same((bus) => bus.createEpoch('1_e', 100));
    const others = ['~A-', '~A-b', '~_'].filter((configuration) => configuration !== own);
    for (const [i, posts] of ['~A-', '~A-b,a', '~_,b'].entries())
      await same((bus) => bus.intend('1_e', 'a', { id: `a:${i + 1}`, posts, payload: '' }));
    const found = await same((bus) => bus.conflicting('1_e', 'a:9', `${own},x9`));
    expect(found).toMatchObject({ conflicting: { length: others.length } });
    const append = { payload: '', quarantine: false, hold: false };
    // Each was appended behind what the next one had applied.
    for (const [i, posts] of [own, ...others].entries()) {
      await same((bus) => bus.append('1_e', 'b', { ...append, ref: `b:${2 * i + 1}`, posts, probes: '', asOf: 0 }));
      const asking = { ...append, ref: `b:${2 * i + 2}`, posts: own, probes: own, asOf: 2 * i };
      for (const id of ['a:1', 'a:2', 'a:3']) await same((bus) => bus.withdraw('1_e', id));
      expect(await same((bus) => bus.append('1_e', 'b', asking))).toMatchObject({ held: posts !== own });
    }
    commands.disconnect();
    blocking.disconnect();
  });
});

/** The wire has no difference between no reference and an empty one. */
function withoutEmpty<T>(answer: T): T {
  return JSON.parse(JSON.stringify(answer).replaceAll(/,"(ref|intent|posts)":""/g, ''));
}
