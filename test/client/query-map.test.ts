import { expect, test, vi } from 'vitest';
import { ANY, matchesKey } from '../../src/client/key-pattern.ts';
import { matcherOf } from '../../src/client/map-matcher.ts';
import { compileMap } from '../../src/client/query-map.ts';
import type { UnstaleEvent } from '../../src/client/types.ts';
import { PatternTrie } from '../../src/route/pattern.ts';

const event = (fields: Partial<UnstaleEvent>): UnstaleEvent => ({
  id: 'e-1',
  type: 'invalidate',
  paths: [],
  tags: [],
  cause: { method: 'PUT', path: '/x', rule: null },
  at: '2026-11-20T23:53:46.714Z',
  ...fields,
});

const keys = [
  ['step', '7'],
  ['step', 7],
  ['step', '7', 'photos'],
  ['step', '8'],
  ['steps', { page: 2, tripId: 3 }],
  ['trip', 'step-7'],
];

/** Which of `keys` the event affects, by what a map's only function returns. */
function affected(
  key: string,
  keysOf: (params: never, event: UnstaleEvent) => unknown[],
  fields: Partial<UnstaleEvent>,
) {
  const { affected, error } = compileMap({ [key]: keysOf }, Array.isArray)(event(fields));
  if (error !== undefined) throw error;
  return affected === 'all' ? 'all' : keys.filter((each) => affected.some((pattern) => matchesKey(each, pattern)));
}

const step = ({ id }: { id: string }): unknown[] => [['step', id]];
const seven = [keys[0], keys[1], keys[2]];
const allSteps = [keys[0], keys[1], keys[2], keys[3]];

test.each([
  ['a number in a key is the same as its text', '/steps/:id', step, { paths: ['/steps/7'] }, seven],
  ['another id, another path', '/steps/:id', step, { paths: ['/steps/9', '/trips/7'] }, []],
  ['shorter and longer paths', '/steps/:id', step, { paths: ['/steps', '/steps/7/thumbnail'] }, []],
  ['a path with a query', '/steps/:id', step, { paths: ['/steps/7?lang=fr'] }, seven],
  ['a wildcard: every id', '/steps/:id', step, { paths: ['/steps/*'] }, allSteps],
  ['everything below', '/steps/:id', step, { paths: ['/**'] }, allSteps],
  ['a path and everything below it', '/steps/:id', step, { paths: ['/steps/7/**'] }, seven],
  [
    'the rest of a pattern',
    '/steps/:id/:part',
    ({ id, part }: never) => [['step', id, part]],
    { paths: ['/steps/7/**'] },
    [keys[2]],
  ],
  ['the parameter that is used', '/trips/:trip/steps/:id', step, { paths: ['/trips/3/steps/7'] }, seven],
  ['a segment that is not named', '/*/:id', step, { paths: ['/steps/7'] }, seven],
  ['any rest', '/steps/**', () => [['step']], { paths: ['/steps/7/thumbnail'] }, allSteps],
  ['no rest', '/steps/**', () => [['step']], { paths: ['/steps'] }, allSteps],
  ['text after a parameter', '/steps/:id.json', step, { paths: ['/steps/7.json'] }, seven],
  ['other text after a parameter', '/steps/:id.json', step, { paths: ['/steps/7.xml'] }, []],
  [
    'a wildcard made a number',
    '/steps/:id',
    ({ id }: never) => [['step', Number(id)]],
    { paths: ['/steps/*'] },
    allSteps,
  ],
  [
    'a wildcard within text',
    '/steps/:id',
    ({ id }: never) => [['trip', `step-${id}`]],
    { paths: ['/steps/*'] },
    [keys[5]],
  ],
  [
    'encoded',
    '/steps/:id',
    ({ id }: never) => [['trip', `step-${encodeURIComponent(id)}`]],
    { paths: ['/steps/*'] },
    [keys[5]],
  ],
  ['a part of an object', '/steps', () => [['steps', { page: 2 }]], { paths: ['/steps'] }, [keys[4]]],
  ['another object', '/steps', () => [['steps', { page: 3 }]], { paths: ['/steps'] }, []],
  [
    'a condition cannot hold for all ids',
    '/steps/:id',
    ({ id }: never) => (id === '7' ? [['step', id]] : []),
    { paths: ['/steps/*'] },
    'all',
  ],
  ['a tag', 'tag:step:{id}', step, { tags: ['step:7'] }, seven],
  ['another tag', 'tag:step:{id}', step, { tags: ['trip:7'], paths: ['/steps/7'] }, []],
  ['a tag with a wildcard', 'tag:step:{id}', step, { tags: ['step:*'] }, allSteps],
  ['every tag', 'tag:step:{id}', step, { tags: ['*'] }, allSteps],
  ['a tag without a parameter', 'tag:step:7', () => [['step', 7]], { tags: ['step:7'] }, seven],
  ['any text in a tag', 'tag:step:*', () => [['step']], { tags: ['step:9'] }, allSteps],
  ['the type of an event', 'event:step.changed', () => [['step', 8]], { type: 'step.changed' }, [keys[3]]],
  ['another type', 'event:step.changed', () => [['step', 8]], { type: 'stepXchanged' }, []],
  ['any type that begins so', 'event:step.*', () => [['step', 8]], { type: 'step.created' }, [keys[3]]],
  [
    'its payload',
    'event:step.changed',
    (_: never, { payload }: UnstaleEvent) => [['step', payload?.id]],
    { type: 'step.changed', payload: { id: 8 } },
    [keys[3]],
  ],
] as const)('the map: %s', (_why, key, keysOf, fields, expected) => {
  expect(affected(key, keysOf as never, fields)).toEqual(expected);
});

test('parameters are percent-decoded, and what cannot be decoded stays as it is', () => {
  const seen: unknown[] = [];
  const read = compileMap(
    {
      '/places/:name': ({ name }: { name: string }) => {
        seen.push(name);
        return [];
      },
    },
    Array.isArray,
  );
  read(event({ paths: ['/places/caf%C3%A9', '/places/50%25', '/places/%zz'] }));
  expect(seen).toEqual(['café', '50%', '%zz']);
});

test.each([
  ['/files/:name.:ext', '/files/a.tar.gz'],
  ['/repos/:owner-:name', '/repos/my-big-project'],
  ['/repos/:owner-:name', '/repos/-project'],
  ['/ranges/:from-:to.json', '/ranges/2026-01-02.json'],
  ['/versions/:major.:minor.:patch', '/versions/1.2.3.4'],
  ['/versions/v:major.:minor', '/versions/v.1'],
  ['/steps/:id.json', '/steps/.json'],
  ['/places/:name', '/places/caf%C3%A9%2F7'],
])('%s takes the same parameters out of %s as a rule of the gateway', (pattern, path) => {
  const rules = new PatternTrie<true>();
  rules.add(pattern, true);
  const found = rules.first(path);
  expect(matcherOf(pattern)(event({ paths: [path] }))).toEqual(found === undefined ? [] : [{ ...found.params }]);
});

test.each([
  [
    'throws',
    () => {
      throw new Error('broken');
    },
  ],
  ['returns a key instead of a list', () => ['step', 7]],
  ['returns nothing', () => undefined],
])('a function that %s affects everything, and says which event it was', (_, keysOf) => {
  const { affected, error } = compileMap({ '/steps/:id': keysOf }, Array.isArray)(event({ paths: ['/steps/7'] }));
  expect(affected).toBe('all');
  expect(error?.message).toMatch(/^"\/steps\/:id" of the map cannot read the event e-1, so all is fetched again: /);
});

test.each([
  ['steps/:id', () => [], /must be a path \(\/steps\/:id\), tag:… or event:…/],
  ['/steps/{id}', () => [], /must be a path/],
  ['/steps/:id?', () => [], /must be a path/],
  ['/steps?trip=:id', () => [], /must be a path/],
  ['/steps/:id#top', () => [], /must be a path/],
  ['/steps/**/photos', () => [], /must be a path/],
  ['/steps/:id/photos/:id', () => [], /must be a path/],
  ['/steps/:id', [['step']], /"\/steps\/:id" must be a function/],
])('a map that cannot be right is refused: %s', (key, keysOf, message) => {
  expect(() => compileMap({ [key]: keysOf }, Array.isArray)).toThrow(message);
});

test('no expression is made to compare keys without a wildcard: there may be thousands', () => {
  const made = vi.fn();
  vi.stubGlobal(
    'RegExp',
    class extends RegExp {
      constructor(source: string, flags: string) {
        super(source, flags);
        made(source);
      }
    },
  );
  try {
    expect(matchesKey(['step', 'a.b'], ['step', 'a.b'])).toBe(true);
    expect(matchesKey(['step', 'axb'], ['step', 'a.b'])).toBe(false);
    expect(matchesKey(['step', 7], ['step', '7'])).toBe(true);
    expect(made).not.toHaveBeenCalled();
    expect(matchesKey(['step-axb'], [`step-${ANY}`])).toBe(true);
    expect(made).toHaveBeenCalledTimes(1);
  } finally {
    vi.unstubAllGlobals();
  }
});
