import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { expect, test } from 'vitest';
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
