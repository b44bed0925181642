import { describe, expect, test } from 'vitest';
import type { Event } from '../../src/events/event.ts';
import { EventHistory } from '../../src/events/history.ts';

const event = (id: string): Event => ({
  id,
  type: 'invalidate',
  paths: [],
  tags: [],
  cause: { method: 'PUT', path: '/', rule: null },
  at: '',
});
const idsSince = (history: EventHistory, id: string): readonly string[] | 'gap' => {
  const events = history.since(id);
  return events === 'gap' ? 'gap' : events.map((each) => each.id);
};

describe('what came after an event', () => {
  const history = new EventHistory('e', 100);
  for (const id of ['e-1', 'e-2', 'e-2.1', 'e-2.2', 'e-5']) history.push(event(id));
  test.each([
    ['e-0', ['e-1', 'e-2', 'e-2.1', 'e-2.2', 'e-5']],
    ['e-1', ['e-2', 'e-2.1', 'e-2.2', 'e-5']],
    ['e-2', ['e-2.1', 'e-2.2', 'e-5']],
    ['e-2.1', ['e-2.2', 'e-5']],
    // a position whose record announced nothing
    ['e-3', ['e-5']],
    ['e-5', []],
    ['e-6', 'gap'],
    ['e-5.1', 'gap'],
    ['f-1', 'gap'],
    ['e-', 'gap'],
    ['e-x', 'gap'],
    ['e-1.x', 'gap'],
    ['', 'gap'],
    ['1', 'gap'],
    ['e-99999999999999999999', 'gap'],
  ])('%s', (id, expected) => {
    expect(idsSince(history, id)).toEqual(expected);
  });
  test('the newest id is where somebody who comes now begins', () => {
    expect(history.lastId).toBe('e-5');
    expect(new EventHistory('e', 1).lastId).toBe('e-0');
    expect(idsSince(new EventHistory('e', 1), 'e-0')).toEqual([]);
  });
});

test('at least as many events are held as asked for, at most twice as many, and what was dropped is a gap', () => {
  const history = new EventHistory('e', 10);
  for (let position = 1; position <= 1_000; position++) {
    history.push(event(`e-${position}`));
    const from = Math.max(0, position - 10);
    expect(idsSince(history, `e-${from}`)).toHaveLength(position - from);
    if (position > 20) expect(idsSince(history, `e-${position - 21}`)).toBe('gap');
  }
});
