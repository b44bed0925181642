import { expect, test, vi } from 'vitest';
import { follow, type Mutate } from '../../src/client/swr.ts';
import { scriptedLive } from './scripted-live.ts';

/* What a browser is not needed for. test/browser/swr.test.ts has the rest, with SWR itself. */

test('what a revalidation throws is on the console, and the next event is followed', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
  const asked: unknown[] = [];
  const error = new Error("the application's onError is broken");
  const mutate: Mutate = (key) => {
    if (typeof key === 'function') return Promise.resolve((key as (key: unknown) => boolean)('/steps/7'));
    asked.push(key);
    return Promise.reject(error);
  };
  const live = scriptedLive('connecting');
  follow(mutate, live, { '/steps/:id': ({ id }) => [`/steps/${id}`] });
  for (const id of ['e-1', 'e-2']) {
    live.event({ id, paths: ['/steps/7'] });
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(asked).toEqual(['/steps/7', '/steps/7']);
  expect(warn.mock.calls).toEqual([
    ['unstale:', error],
    ['unstale:', error],
  ]);
  warn.mockRestore();
});
