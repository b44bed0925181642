import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { expect, test, vi } from 'vitest';
import { UnstaleIndicator, UnstaleProvider, useUnstale } from '../../src/client/react.ts';
import { LiveStore } from '../../src/client/react-store.ts';
import { scriptedLive } from './scripted-live.ts';

/* On a server: no effect runs, so nothing connects. test/browser/react.test.ts has the rest. */

test('a server renders the indicator as connecting, with the text in what is announced', () => {
  const page = createElement(UnstaleProvider, {}, createElement(UnstaleIndicator, { className: 'mine' }));
  expect(renderToString(page)).toBe(
    '<span class="mine" data-state="connecting"><span aria-hidden="true" class="mine-symbol">◌</span> ' +
      '<span role="status" aria-live="polite">Connecting</span></span>',
  );
});

test('a hook without a provider says what is missing', () => {
  const Lost = (): string => useUnstale().state;
  expect(() => renderToString(createElement(Lost))).toThrow('There is no <UnstaleProvider> above this component.');
});

test('the time of the last change is that of the clock', () => {
  const live = scriptedLive();
  const store = new LiveStore({ wall: () => 1_000 });
  store.attach(live);
  live.event({ id: 'e-1' });
  expect(store.snapshot().lastChange).toMatchObject({ event: { id: 'e-1' }, at: new Date(1_000) });
});

test('how an API stands is no change', () => {
  const live = scriptedLive();
  const store = new LiveStore();
  store.attach(live);
  live.event({ id: 'e-1' });
  live.event({ id: 'e-1', type: 'origin.up', tags: ['unstale:origin:default'], isStatus: true });
  expect(store.snapshot().lastChange?.event.type).toBe('invalidate');
});

test('what one connection was told last is not shown under the next one', () => {
  const live = scriptedLive();
  const store = new LiveStore();
  const end = store.attach(live);
  live.event({ id: 'e-1' });
  end();
  expect(store.snapshot().lastChange).toBeUndefined();
  store.attach(scriptedLive());
  expect(store.snapshot()).toMatchObject({ state: 'live', lastChange: undefined });
});

test('a connection of the provider is closed at its end, behind what onConnect returned', () => {
  const ended: string[] = [];
  const live = { ...scriptedLive(), close: () => void ended.push('connection') };
  const end = new LiveStore().own(live, () => () => void ended.push('follow'));
  expect(ended).toEqual([]);
  end();
  expect(ended).toEqual(['follow', 'connection']);
});

test('a connection of the provider is closed even if what onConnect returned throws', () => {
  const store = new LiveStore();
  const close = vi.fn();
  const end = store.own({ ...scriptedLive(), close }, () => () => {
    throw new Error('a broken ending');
  });
  expect(end).toThrow('a broken ending');
  expect(close).toHaveBeenCalledTimes(1);
  expect(store.snapshot().live).toBeUndefined();
});

test('a connection of the provider is closed if onConnect throws, as for a wrong map', () => {
  const store = new LiveStore();
  const close = vi.fn();
  const onConnect = (): never => {
    throw new TypeError('a wrong map');
  };
  expect(() => store.own({ ...scriptedLive(), close }, onConnect)).toThrow('a wrong map');
  expect(close).toHaveBeenCalledTimes(1);
  expect(store.snapshot().live).toBeUndefined();
});
