import { describe, expect, test } from 'vitest';
import { systemSoon } from '../../../src/clock.ts';
import type { Bus, Step, StepAnswer } from '../../../src/coherence/bus.ts';
import { GroupCommit, groupBounds } from '../../../src/coherence/group-commit.ts';

type Result = Awaited<ReturnType<Bus['group']>>;

/** A bus that answers when it is told to. */
function heldBus() {
  const groups: { epoch: string; steps: readonly Step[]; answer(result: Result): void; fail(error: Error): void }[] =
    [];
  const bus: Pick<Bus, 'group'> = {
    group: (epoch, _member, steps) =>
      new Promise((answer, fail) => {
        groups.push({ epoch, steps, answer, fail });
      }),
  };
  return { groups, commit: new GroupCommit({ bus, member: 'n' }) };
}

/** Each record is appended at the number in its `ref`. */
const answersTo = (steps: readonly Step[]): Result => ({ ok: true, answers: steps.map(answerTo) });

function answerTo(step: Step): StepAnswer {
  if (step.kind === 'append') return { kind: 'append', seq: Number(step.append.ref), conflicting: [], held: false };
  if (step.kind === 'ack') return { kind: 'ack', committed: step.applied };
  if (step.kind === 'conflicting') return { kind: 'conflicting', seq: 0, conflicting: [step.intent] };
  return { kind: step.kind };
}

const record = (ref: number, payload = '') => {
  return { payload, ref: String(ref), quarantine: false, probes: '', asOf: 0, hold: false };
};
const note = (id: number) => ({ id: String(id), posts: '', payload: '' });
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const settled = async (promises: readonly Promise<unknown>[]): Promise<string[]> =>
  (await Promise.allSettled(promises)).map((each) => (each.status === 'rejected' ? String(each.reason) : each.status));

describe('group commit', () => {
  test('a step that is alone is sent at once', () => {
    const { groups, commit } = heldBus();
    void commit.append('e', record(1));
    expect(groups.map(({ steps }) => steps.length)).toEqual([1]);
  });

  test('what comes during a round trip goes together in the next one, in its order, and each gets its own answer', async () => {
    const { groups, commit } = heldBus();
    const first = commit.append('e', record(1));
    const others = [commit.append('e', record(2)), commit.intend('e', note(7)), commit.append('e', record(3))];
    const asked = commit.conflicting('e', '7', '');
    expect(groups).toHaveLength(1);
    groups[0]?.answer(answersTo(groups[0].steps));
    expect(await first).toMatchObject({ ok: true, seq: 1 });
    await turn();
    expect(groups[1]?.steps.map(({ kind }) => kind)).toEqual(['append', 'intend', 'append', 'conflicting']);
    groups[1]?.answer(answersTo(groups[1].steps));
    expect(await Promise.all(others)).toMatchObject([{ seq: 2 }, { ok: true }, { seq: 3 }]);
    expect(await asked).toMatchObject({ ok: true, conflicting: ['7'] });
  });

  test('what comes in one turn of the event loop goes together', async () => {
    const sizes: number[] = [];
    const bus: Pick<Bus, 'group'> = {
      group: async (_epoch, _member, steps) => {
        sizes.push(steps.length);
        return answersTo(steps);
      },
    };
    const commit = new GroupCommit({ bus, member: 'n', soon: systemSoon });
    await Promise.all([1, 2, 3].map((ref) => commit.append('e', record(ref))));
    await commit.append('e', record(4));
    expect(sizes).toEqual([3, 1]);
  });

  test('an acknowledgement that waited names what has been applied when it leaves', async () => {
    const { groups, commit } = heldBus();
    void commit.append('e', record(1));
    let applied = 1;
    const acked = commit.ack('e', () => applied);
    applied = 5;
    groups[0]?.answer(answersTo(groups[0].steps));
    await turn();
    groups[1]?.answer(answersTo(groups[1].steps));
    expect(await acked).toMatchObject({ ok: true, committed: 5 });
  });

  test('a step that fails fails alone', async () => {
    const { groups, commit } = heldBus();
    const first = commit.withdraw('e', '1');
    const three = [1, 2, 3].map((ref) => commit.append('e', record(ref)));
    groups[0]?.answer(answersTo(groups[0].steps));
    await first;
    await turn();
    const answers = groups[1]?.steps.map((step, i) =>
      i === 1 ? { kind: 'failed' as const, reason: 'OOM' } : answerTo(step),
    );
    groups[1]?.answer({ ok: true, answers: answers ?? [] });
    expect(await settled(three)).toEqual(['fulfilled', 'Error: OOM', 'fulfilled']);
  });

  test('an unknown outcome of a group is unknown for each of its steps, and not for those that waited', async () => {
    const { groups, commit } = heldBus();
    const first = commit.withdraw('e', '1');
    const two = [1, 2].map((ref) => commit.append('e', record(ref)));
    groups[0]?.answer(answersTo(groups[0].steps));
    await first;
    await turn();
    const later = commit.append('e', record(3));
    groups[1]?.fail(new Error('no answer'));
    expect(await settled(two)).toEqual(['Error: no answer', 'Error: no answer']);
    await turn();
    groups[2]?.answer(answersTo(groups[2].steps));
    expect(await later).toMatchObject({ ok: true, seq: 3 });
  });

  test('what waits while two groups fail fails with the second: a bus that hangs keeps nobody waiting for long', async () => {
    const { groups, commit } = heldBus();
    const results = settled(Array.from({ length: 3 * groupBounds.steps }, (_, i) => commit.append('e', record(i))));
    groups[0]?.fail(new Error('first'));
    await turn();
    const later = commit.append('e', record(0));
    groups[1]?.fail(new Error('second'));
    const [first, ...others] = await results;
    expect([first, new Set(others)]).toEqual(['Error: first', new Set(['Error: second'])]);
    await turn();
    groups[2]?.answer(answersTo(groups[2].steps));
    expect(await later).toMatchObject({ ok: true });
    expect(groups).toHaveLength(3);
  });

  test('a step without an answer fails, as one of a bus that knows fewer kinds', async () => {
    const { groups, commit } = heldBus();
    const step = commit.append('e', record(1));
    groups[0]?.answer({ ok: true, answers: [] });
    expect(await settled([step])).toEqual(['Error: the bus did not answer the step']);
  });

  test('another epoch is the answer to every step of the group', async () => {
    const { groups, commit } = heldBus();
    const first = commit.withdraw('e', '1');
    const two = [1, 2].map((ref) => commit.append('e', record(ref)));
    groups[0]?.answer({ ok: false, epoch: 'f' });
    expect(await first).toEqual({ ok: false, epoch: 'f' });
    await turn();
    groups[1]?.answer({ ok: false, epoch: 'f' });
    expect(await Promise.all(two)).toEqual([
      { ok: false, epoch: 'f' },
      { ok: false, epoch: 'f' },
    ]);
  });

  test('steps of two epochs never share a group', async () => {
    const { groups, commit } = heldBus();
    const steps = ['e', 'e', 'e', 'f', 'f', 'e'].map((epoch, i) => commit.append(epoch, record(i)));
    for (let i = 0; i < 4; i++) {
      groups[i]?.answer(answersTo(groups[i]?.steps ?? []));
      await turn();
    }
    expect(groups.map(({ epoch, steps }) => `${epoch}${steps.length}`)).toEqual(['e1', 'e2', 'f2', 'e1']);
    expect(await Promise.all(steps)).toMatchObject([0, 1, 2, 3, 4, 5].map((seq) => ({ seq })));
  });

  test.each([
    ['steps', groupBounds.steps + 10, '', [1, groupBounds.steps, 9]],
    ['characters', 4, 'x'.repeat(groupBounds.characters / 2), [1, 2, 1]],
    ['characters, of which one step may have more', 3, 'x'.repeat(2 * groupBounds.characters), [1, 1, 1]],
  ])('a group is bounded in %s', async (_, count, payload, sizes) => {
    const { groups, commit } = heldBus();
    const steps = Array.from({ length: count }, (_, i) => commit.append('e', record(i, payload)));
    for (let i = 0; i < sizes.length; i++) {
      groups[i]?.answer(answersTo(groups[i]?.steps ?? []));
      await turn();
    }
    await Promise.all(steps);
    expect(groups.map(({ steps }) => steps.length)).toEqual(sizes);
  });
});
