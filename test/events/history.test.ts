import { describe, expect, test } from 'vitest';
import type { Event } from '../../src/events/event.ts';
import { EventHistory } from '../../src/events/history.ts';

const event = (id: string, paths: string[] = []): Event => ({
  id,
  type: 'invalidate',
  paths,
  tags: [],
  cause: { method: 'PUT', path: '/', rule: null },
  at: '',
});
const idsSince = (history: EventHistory, id: string): readonly (string | undefined)[] | 'gap' => {
  const from = history.after(id);
  if (from === 'gap') return 'gap';
  return Array.from({ length: history.end - from }, (_, i) => history.at(from + i)?.id);
};
const upTo = (maxEvents: number, maxBytes = Number.POSITIVE_INFINITY): EventHistory => {
  const history = new EventHistory('e', { maxEvents, maxBytes });
  history.unsent = Number.POSITIVE_INFINITY;
  return history;
};

describe('what came after an event', () => {
  const history = upTo(100);
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
  test('a new subscriber begins after the newest id', () => {
    expect(history.lastId).toBe('e-5');
    expect(upTo(1).lastId).toBe('e-0');
    expect(idsSince(upTo(1), 'e-0')).toEqual([]);
  });
});

test('as many events are held as asked for, and what was dropped is a gap', () => {
  const history = upTo(10);
  for (let position = 1; position <= 1_000; position++) {
    history.push(event(`e-${position}`));
    const from = Math.max(0, position - 10);
    expect(idsSince(history, `e-${from}`)).toHaveLength(position - from);
    if (position > 10) expect(idsSince(history, `e-${position - 11}`)).toBe('gap');
  }
});

test('events that are still to be sent are held beyond the number, and not beyond the bytes', () => {
  const history = upTo(10, 100_000);
  history.unsent = 0;
  for (let position = 1; position <= 50; position++) history.push(event(`e-${position}`));
  expect(history.end - history.first).toBe(50);
  history.unsent = history.end;
  history.trim();
  expect(history.end - history.first).toBe(10);
  history.unsent = history.end;
  for (let position = 51; position <= 1_000; position++) history.push(event(`e-${position}`, ['/'.padEnd(2_000, 'x')]));
  expect(history.bytes).toBeLessThanOrEqual(100_000);
  expect(history.end - history.first).toBeGreaterThan(1);
  expect(idsSince(history, 'e-900')).toBe('gap');
  expect(idsSince(history, 'e-999')).toEqual(['e-1000']);
});

test('what is held counts: nothing of it is left when it is forgotten', () => {
  const history = upTo(0, 100_000);
  for (let position = 1; position <= 100; position++) history.push(event(`e-${position}`, ['/a', '/b']));
  expect(history.bytes).toBe(0);
  expect(idsSince(history, 'e-99')).toBe('gap');
  expect(idsSince(history, 'e-100')).toEqual([]);
});
