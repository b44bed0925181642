import { describe, expect, test } from 'vitest';
import type { Answer } from '../../demo/player/client.ts';
import { showEvent, showExchange, showKept, showServed } from '../../demo/player/lines.ts';
import { Screen } from '../../demo/player/screen.ts';

/** The lines that are shown, on a terminal or not. */
function shown(
  show: (screen: Screen) => void,
  output: { isTTY?: boolean } = {},
  env: NodeJS.ProcessEnv = {},
): string[] {
  let text = '';
  show(new Screen({ ...output, write: (more) => (text += more) }, env));
  return text.split('\n').slice(0, -1);
}

const answer = (status: number, ms: number, cacheStatus?: string): Answer => ({
  status,
  ms,
  text: '',
  headers: cacheStatus === undefined ? {} : { 'cache-status': cacheStatus },
});

const everything = (screen: Screen): void => {
  showExchange(screen, { method: 'GET', target: '/steps/7' }, answer(200, 1.04, 'unstale; hit; ttl=59'));
  showServed(screen, { cache: 'ordinary cache', view: 'a view', isCurrent: false, remark: '(for another 299 s)' });
};

describe('colour', () => {
  test.each<[string, boolean, { isTTY?: boolean }, NodeJS.ProcessEnv]>([
    ['on a terminal', true, { isTTY: true }, {}],
    ['with an empty NO_COLOR, which says nothing', true, { isTTY: true }, { NO_COLOR: '' }],
    ['not with NO_COLOR', false, { isTTY: true }, { NO_COLOR: '1' }],
    ['not on a terminal that has none', false, { isTTY: true }, { TERM: 'dumb' }],
    ['not in a pipe', false, {}, {}],
  ])('%s', (_, expected, output, env) => {
    expect(shown(everything, output, env).join('\n').includes('\u001b[')).toBe(expected);
  });

  test('changes nothing else', () => {
    const plain = shown(everything, { isTTY: true }).map((line) => line.replace(/\u001b\[\d+m/g, ''));
    expect(plain).toEqual(shown(everything));
  });
});

test('exchanges and events stand in columns', () => {
  const lines = shown((screen) => {
    showExchange(screen, { method: 'GET', target: '/steps/7' }, answer(200, 1.04, 'unstale; hit; ttl=59'));
    showExchange(
      screen,
      { method: 'DELETE', target: '/accommodations/43' },
      answer(204, 112.56, 'unstale; fwd=method'),
    );
    showExchange(screen, { method: 'GET', target: '/users/me' }, answer(200, 30));
    const cause = { method: 'DELETE', path: '/accommodations/43' };
    const event = {
      type: 'accommodation.changed',
      paths: ['/steps/8', '/trips/3'],
      tags: ['step:8'],
      cause,
      arrivedAt: 0,
    };
    showEvent(screen, event, 111.9);
    showEvent(screen, event);
  });
  expect(lines).toEqual([
    '   GET     /steps/7                  200     1.0 ms  unstale; hit; ttl=59',
    '   DELETE  /accommodations/43        204   112.6 ms  unstale; fwd=method',
    '   GET     /users/me                 200    30.0 ms  ',
    '   event   accommodation.changed           111.9 ms',
    '           /steps/8  /trips/3  tag step:8',
    '   event   accommodation.changed     DELETE /accommodations/43',
    '           /steps/8  /trips/3  tag step:8',
  ]);
});

test('what two caches serve can be compared at a glance', () => {
  const lines = shown((screen) => {
    showServed(screen, { cache: 'unstale', view: '4 nights', isCurrent: true });
    showServed(screen, { cache: 'ordinary cache', view: '3 nights', isCurrent: false, remark: '(for another 299 s)' });
    showKept(screen, { cache: 'unstale', text: 'nights 4', isKept: true });
    showKept(screen, { cache: 'ordinary cache', text: "Ada's nights", isKept: false });
  });
  expect(lines).toEqual([
    '           unstale         fresh  4 nights',
    '           ordinary cache  old    3 nights  (for another 299 s)',
    '           unstale         kept   nights 4',
    "           ordinary cache  lost   Ada's nights",
  ]);
});
