import { describe, expect, test } from 'vitest';
import { SingleSteps } from './single-steps.ts';

const joining = { applied: null, intentsFrom: 1, recordsFrom: 1, quarantines: false };
const append = { payload: '', ref: 'a:1', quarantine: false, probes: '', asOf: 0, hold: false };

function withMembers(...ids: string[]): SingleSteps {
  const sequencer = new SingleSteps();
  sequencer.createEpoch('e', 100);
  for (const member of ids) {
    sequencer.renew('e', { ...joining, member });
    sequencer.ack('e', member, 0);
  }
  sequencer.evict('e', ids[0] ?? '', { id: '(barrier)', beat: 1 });
  return sequencer;
}

const committed = (sequencer: SingleSteps, member: string, applied: number): number => {
  const answer = sequencer.ack('e', member, applied);
  return answer.ok ? answer.committed : -1;
};

describe('the sequencer', () => {
  test('commits what every member has acknowledged', () => {
    const sequencer = withMembers('a', 'b');
    sequencer.append('e', 'a', append);
    expect(committed(sequencer, 'a', 1)).toBe(0);
    expect(committed(sequencer, 'b', 1)).toBe(1);
  });

  test('a late copy of the renewal with which a member joined does not acknowledge records', () => {
    const sequencer = withMembers('a', 'b');
    sequencer.append('e', 'a', append);
    committed(sequencer, 'a', 1);
    const late = sequencer.renew('e', { ...joining, member: 'b' });
    expect(late).toMatchObject({ ok: true, committed: 0 });
  });

  test('a member that returns gets a beat that it did not have before', () => {
    const sequencer = withMembers('a', 'b');
    const beat = () => sequencer.members.find(({ id }) => id === 'b')?.beat ?? 0;
    const before = beat();
    sequencer.evict('e', 'a', { id: 'b', beat: before });
    sequencer.renew('e', { ...joining, member: 'b' });
    expect(beat()).not.toBe(before);
    sequencer.evict('e', 'a', { id: 'b', beat: before });
    expect(sequencer.members.map(({ id }) => id)).toEqual(['a', 'b']);
  });

  test('a record is appended once, however often it arrives', () => {
    const sequencer = withMembers('a');
    expect(sequencer.append('e', 'a', append)).toMatchObject({ seq: 1 });
    expect(sequencer.append('e', 'a', append)).toMatchObject({ seq: 1 });
    sequencer.renew('e', { ...joining, member: 'a', recordsFrom: 2 });
    expect(sequencer.append('e', 'a', append)).toMatchObject({ seq: 0 });
  });

  test('a configuration is forgotten with the last intent that was noted under it', () => {
    const sequencer = withMembers('a');
    for (const id of ['a:1', 'a:2']) sequencer.intend('e', 'a', { id, posts: '~A', payload: '' });
    sequencer.intend('e', 'a', { id: 'a:3', posts: '~B', payload: '' });
    sequencer.withdraw('e', 'a:1');
    expect(sequencer.configurations).toEqual(['~A', '~B']);
    sequencer.append('e', 'a', { ...append, intent: 'a:2' });
    expect(sequencer.configurations).toEqual(['~B']);
    sequencer.withdraw('e', 'a:3');
    expect(sequencer.configurations).toEqual([]);
  });

  test('a reader that meets an intent noted again after its record is told the position of the record', () => {
    const sequencer = withMembers('a', 'b');
    const note = { id: 'a:1', posts: 'x', payload: '' };
    sequencer.intend('e', 'a', note);
    sequencer.append('e', 'a', { ...append, intent: 'a:1' });
    // Its node has not heard the answer, and joins anew: it notes it again, and repeats the record.
    sequencer.intend('e', 'a', note);
    expect(sequencer.conflicting('e', 'b:1', 'x')).toMatchObject({ conflicting: ['a:1'] });
    sequencer.append('e', 'a', { ...append, intent: 'a:1' });
    const told = sequencer.read('e', 1, 0);
    expect(told.ok && told.notes).toEqual([{ kind: 'recorded', intent: 'a:1', seq: 1 }]);
    expect(sequencer.conflicting('e', 'b:1', 'x')).toMatchObject({ conflicting: [] });
  });

  test('nobody waits for a write that is noted again between its two records', () => {
    const sequencer = withMembers('a', 'b');
    const note = { id: 'a:1', posts: 'x', payload: '' };
    sequencer.intend('e', 'a', note);
    sequencer.append('e', 'a', { ...append, intent: 'a:1', hold: true });
    sequencer.intend('e', 'a', { ...note, recorded: true });
    expect(sequencer.conflicting('e', 'b:1', 'x')).toMatchObject({ conflicting: [] });
  });

  test('an intent that arrives after its end is not noted; one from an unknown node makes that node a member', () => {
    const sequencer = withMembers('a');
    sequencer.renew('e', { ...joining, member: 'a', intentsFrom: 2 });
    sequencer.intend('e', 'a', { id: 'a:1', posts: 'a', payload: '' });
    expect(sequencer.intents).toEqual([]);
    sequencer.intend('e', 'c', { id: 'c:1', posts: 'a', payload: '' });
    expect(sequencer.members.map(({ id }) => id)).toEqual(['a', 'c']);
  });

  const noting = (sequencer: SingleSteps, id: string, posts: string) =>
    sequencer.intend('e', id.slice(0, 1), { id, posts, payload: '' });

  test.each([
    ['posts one of the terms', 'x,y', ['b:1']],
    ['posts none', 'z', []],
    ['posts nothing', '', []],
  ])('a record is told of the writes in flight that conflict, and held for them: one %s', (_, posts, conflicting) => {
    const sequencer = withMembers('a', 'b');
    noting(sequencer, 'a:1', 'y');
    noting(sequencer, 'b:1', posts);
    const answer = sequencer.append('e', 'a', { ...append, intent: 'a:1', probes: 'y,*' });
    expect(answer).toMatchObject({ conflicting, held: conflicting.length > 0 });
    // What is held is not over for its node: the note stands until a second record.
    expect(sequencer.intents).toEqual(conflicting.length > 0 ? ['a:1', 'b:1'] : ['b:1']);
    expect(sequencer.conflicting('e', 'b:1', 'y')).toMatchObject({ conflicting: [], seq: 1 });
  });

  test.each([
    ['posted one of the terms, and was not applied', 'y', 0, true],
    ['posted one of the terms, and was applied', 'y', 1, false],
    ['posted none of the terms', 'z', 0, false],
  ])('a record is held for one before it that %s', (_, posts, asOf, held) => {
    const sequencer = withMembers('a', 'b');
    noting(sequencer, 'b:1', posts);
    sequencer.append('e', 'b', { ...append, ref: 'b:1', intent: 'b:1' });
    expect(sequencer.append('e', 'a', { ...append, probes: 'y', asOf })).toMatchObject({ held, conflicting: [] });
  });

  test.each([
    ['covers what the write reads', 'y', true],
    ['covers something else', 'z', false],
  ])(
    'a record is held for one before it without an intent, as one that ends a quarantine, that %s',
    (_, posts, held) => {
      const sequencer = withMembers('a', 'b');
      sequencer.append('e', 'b', { ...append, ref: 'b:1', posts });
      expect(sequencer.append('e', 'a', { ...append, probes: 'y' })).toMatchObject({ held, conflicting: [] });
    },
  );

  test('a record is held for one that is repeated, because its member is gone', () => {
    const sequencer = withMembers('a', 'b');
    sequencer.append('e', 'b', { ...append, ref: 'b:1', posts: 'y' });
    sequencer.evict('e', 'a', { id: 'b', beat: sequencer.members.find(({ id }) => id === 'b')?.beat ?? 0 });
    expect(sequencer.append('e', 'a', { ...append, probes: 'y', asOf: 1 })).toMatchObject({ seq: 3, held: true });
  });

  test('acknowledgements commit nothing before the barrier of a new epoch is over', () => {
    const sequencer = new SingleSteps();
    sequencer.createEpoch('e', 100);
    sequencer.renew('e', { ...joining, member: 'a' });
    sequencer.append('e', 'a', append);
    expect(committed(sequencer, 'a', 1)).toBe(0);
  });

  test('the lease of an epoch is the longer of its own and that of the epoch before', () => {
    const sequencer = new SingleSteps();
    const lease = (epoch: string): number => {
      const answer = sequencer.renew(epoch, { ...joining, member: 'a' });
      return answer.ok ? answer.leaseMs : 0;
    };
    sequencer.createEpoch('e', 400);
    sequencer.invalidate();
    sequencer.createEpoch('f', 100);
    expect(lease('f')).toBe(400);
    sequencer.invalidate();
    sequencer.createEpoch('g', 100);
    expect(lease('g')).toBe(100);
  });
});

test.each([
  ['an intent', (sequencer: SingleSteps) => sequencer.intend('e', 'a', { id: 'a:1', posts: 'a', payload: '' })],
  ['a quarantine', (sequencer: SingleSteps) => sequencer.append('e', 'a', { ...append, quarantine: true })],
])('a node that has stored %s does not evict itself', (_, leave) => {
  const sequencer = new SingleSteps();
  sequencer.createEpoch('e', 100);
  leave(sequencer);
  const beat = sequencer.members.find(({ id }) => id === 'a')?.beat ?? 0;
  sequencer.evict('e', '', { id: 'a', beat });
  expect(sequencer.members.map(({ id }) => id)).toContain('a');
  const evicted = sequencer.evict('e', 'b', { id: 'a', beat });
  expect(evicted.ok && evicted.orphans.map(({ owner }) => owner)).toEqual(['b']);
});
