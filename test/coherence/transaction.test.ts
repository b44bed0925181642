import { describe, expect, test } from 'vitest';
import {
  type Command,
  next,
  type Outcome,
  Transaction,
  type WriteEvent,
  type WriteState,
} from '../../src/coherence/transaction.ts';

const answered = (outcome: Outcome, more: { selects?: boolean; quarantined?: boolean } = {}): WriteEvent => ({
  ...{ type: 'answered', outcome, selects: true, quarantined: false, ...more },
});
const told = (
  more: { known?: boolean; pending?: number; disturbed?: boolean; quarantined?: boolean } = {},
): WriteEvent => ({
  ...{ type: 'told', known: true, pending: 0, disturbed: false, quarantined: false, ...more },
});
const appended = (
  more: { known?: boolean; pending?: number; lacking?: boolean; announced?: boolean } = {},
): WriteEvent => ({ type: 'appended', known: true, pending: 0, lacking: false, announced: true, ...more });
const ended = (all: boolean): WriteEvent => ({ type: 'ended', all });

/** What is done in turn, from the answer on. */
function commands(...events: WriteEvent[]): string[] {
  let state: WriteState = { phase: 'forwarded' };
  return events.map((event) => {
    const step = next(state, event);
    state = step.state;
    return describeCommand(step.command);
  });
}

function describeCommand(command: Command): string {
  if (command.do === 'append') return `append ${command.what}`;
  if (command.do === 'ask') return command.withdraws ? 'withdraw, ask' : 'ask';
  return command.do === 'release' ? `release${command.recorded ? ', recorded' : ''}` : command.do;
}

describe('a write that was done', () => {
  test.each<[string, WriteEvent[], string[]]>([
    ['conflicts with nothing', [answered('done'), appended()], ['append own', 'release, recorded']],
    [
      'depends on nothing that others write',
      [answered('done', { selects: false }), appended({ pending: 3, lacking: true })],
      ['append own', 'release, recorded'],
    ],
    [
      'waits for those that conflict, then announces',
      [answered('done'), appended({ pending: 2, announced: false }), ended(true), appended()],
      ['append own', 'wait', 'append rest', 'release, recorded'],
    ],
    [
      'conflicts with records that its node had not applied',
      [answered('done'), appended({ lacking: true, announced: false }), appended()],
      ['append own', 'append rest', 'release, recorded'],
    ],
    [
      'does not wait without end',
      [answered('done'), appended({ pending: 1, announced: false }), ended(false), appended()],
      ['append own', 'wait', 'append noted', 'release, recorded'],
    ],
    [
      'cannot know what it conflicts with',
      [answered('done'), appended({ known: false }), appended()],
      ['append own', 'append noted', 'release, recorded'],
    ],
    [
      'cannot know them all, and waits for those that it knows',
      [answered('done'), appended({ known: false, pending: 1 }), ended(true), appended()],
      ['append own', 'wait', 'append noted', 'release, recorded'],
    ],
    ['may have been done', [answered('indeterminate'), appended()], ['append own', 'release, recorded']],
  ])('%s', (_, events, expected) => {
    expect(commands(...events)).toEqual(expected);
  });
});

describe('a write that was refused waits for conflicting writes', () => {
  test.each<[string, WriteEvent[], string[]]>([
    ['none', [answered('refused'), told()], ['withdraw, ask', 'release']],
    ['some', [answered('refused'), told({ pending: 1 }), ended(true)], ['withdraw, ask', 'wait', 'release']],
    [
      'one that takes too long',
      [answered('refused'), told({ pending: 1 }), ended(false), appended()],
      ['withdraw, ask', 'wait', 'append noted', 'release, recorded'],
    ],
    [
      'an indeterminate one, recorded while the log was asked',
      [answered('refused'), told({ quarantined: true }), appended()],
      ['withdraw, ask', 'append noted', 'release, recorded'],
    ],
    [
      'ones that the log cannot name',
      [answered('refused'), told({ known: false }), appended()],
      ['withdraw, ask', 'append noted', 'release, recorded'],
    ],
    [
      'one that is known, and others that the log cannot name',
      [answered('refused'), told({ known: false, pending: 1 }), ended(true), appended()],
      ['withdraw, ask', 'wait', 'append noted', 'release, recorded'],
    ],
    [
      'an indeterminate one',
      [answered('refused', { quarantined: true }), appended()],
      ['append noted', 'release, recorded'],
    ],
  ])('%s', (_, events, expected) => {
    expect(commands(...events)).toEqual(expected);
  });
});

describe('a write that seems to have changed nothing', () => {
  test.each<[string, WriteEvent[], string[]]>([
    ['is alone', [answered('unchanged'), told()], ['ask', 'release']],
    [
      'while another is in flight',
      [answered('unchanged'), told({ pending: 1 }), appended()],
      ['ask', 'append own', 'release, recorded'],
    ],
    [
      'after another was recorded',
      [answered('unchanged'), told({ disturbed: true }), appended()],
      ['ask', 'append own', 'release, recorded'],
    ],
    [
      'while the log cannot say',
      [answered('unchanged'), told({ known: false }), appended()],
      ['ask', 'append own', 'release, recorded'],
    ],
    [
      'in a quarantine',
      [answered('unchanged', { quarantined: true }), appended()],
      ['append own', 'release, recorded'],
    ],
  ])('%s', (_, events, expected) => {
    expect(commands(...events)).toEqual(expected);
  });
});

test('a write is forwarded whole once it is noted, and only once', () => {
  const transaction = new Transaction();
  expect(transaction.take({ type: 'noted' })).toEqual({ do: 'forward' });
  expect(transaction.forwarded).toBe(false);
  expect(transaction.take({ type: 'forwarded' })).toEqual({ do: 'await' });
  expect(transaction.forwarded).toBe(true);
  // The origin answered early, so the write was noted before its upload had ended.
  expect(transaction.take({ type: 'noted' })).toEqual({ do: 'await' });
  expect(transaction.take(answered('done'))).toEqual({ do: 'append', what: 'own' });
  expect(transaction.take({ type: 'noted' })).toEqual({ do: 'await' });
  expect(transaction.state.phase).toBe('answered');
});

test.each<[WriteState, WriteEvent, string]>([
  [{ phase: 'arrived' }, { type: 'forwarded' }, 'a write that is arrived cannot be forwarded'],
  [{ phase: 'arrived' }, answered('done'), 'a write that is arrived cannot be answered'],
  [{ phase: 'noted' }, answered('done'), 'a write that is noted cannot be answered'],
  [{ phase: 'noted' }, appended(), 'a write that is noted cannot be appended'],
  [{ phase: 'concluded' }, ended(true), 'a write that is concluded cannot be ended'],
])('an event that a state does not expect is a defect: %j, %j', (state, event, says) => {
  expect(() => next(state, event)).toThrow(says);
});
