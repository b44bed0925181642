import { describe, expect, test } from 'vitest';
import { Fields } from '../../src/http/fields.ts';
import { type Refused, requestAllows, requestDirectives } from '../../src/http/request-directives.ts';

const cc = (value: string): string[] => ['Cache-Control', value];

describe('RFC 9111 §5.2.1: what a client accepts', () => {
  test.each<[string, string[], { age: number; lifetime: number }, Refused | undefined]>([
    ['anything fresh', [], { age: 59, lifetime: 60 }, undefined],
    ['§4.2 nothing stale', [], { age: 60, lifetime: 60 }, 'stale'],
    ['§5.2.1.4 no-cache', cc('no-cache'), { age: 0, lifetime: 60 }, 'no-cache'],
    ['no-cache for fields', cc('no-cache="a"'), { age: 0, lifetime: 60 }, 'no-cache'],
    ['§5.2.1.1 max-age=0', cc('max-age=0'), { age: 1, lifetime: 60 }, 'max-age'],
    ['younger than max-age', cc('max-age=10'), { age: 10, lifetime: 60 }, undefined],
    ['older than max-age', cc('max-age=10'), { age: 10.001, lifetime: 60 }, 'max-age'],
    ['an illegible max-age: only what is new', cc('max-age=x'), { age: 1, lifetime: 60 }, 'max-age'],
    ['§5.2.1.3 fresh for long enough', cc('min-fresh=10'), { age: 50, lifetime: 60 }, undefined],
    ['not fresh for long enough', cc('min-fresh=10'), { age: 50.001, lifetime: 60 }, 'min-fresh'],
    ['never fresh for long enough', cc('min-fresh=2000'), { age: 0, lifetime: 1500 }, 'min-fresh'],
    ['min-fresh against max-stale', cc('min-fresh=1, max-stale'), { age: 70, lifetime: 60 }, 'min-fresh'],
    ['§5.2.1.2 stale by less', cc('max-stale=10'), { age: 70, lifetime: 60 }, undefined],
    ['stale by more', cc('max-stale=10'), { age: 70.001, lifetime: 60 }, 'stale'],
    ['stale by anything', cc('max-stale'), { age: 1e9, lifetime: 60 }, undefined],
    ['an illegible max-stale', cc('max-stale=x'), { age: 61, lifetime: 60 }, 'stale'],
    ['max-age with max-stale', cc('max-age=10, max-stale'), { age: 11, lifetime: 60 }, 'max-age'],
    ['§5.2.1.5 no-store keeps nothing from being used', cc('no-store'), { age: 0, lifetime: 60 }, undefined],
    ['§5.2.1.7 only-if-cached is for the caller', cc('only-if-cached'), { age: 0, lifetime: 60 }, undefined],
    ['unknown ones', cc('foo=1, nothing-to-see-here'), { age: 0, lifetime: 60 }, undefined],
    ['§5.4 Pragma', ['Pragma', 'no-cache'], { age: 0, lifetime: 60 }, 'no-cache'],
    ['Pragma in a list', ['Pragma', 'x, NO-CACHE'], { age: 0, lifetime: 60 }, 'no-cache'],
    [
      'not Pragma together with Cache-Control',
      ['Pragma', 'no-cache', ...cc('max-age=60')],
      { age: 0, lifetime: 60 },
      undefined,
    ],
    ['not another Pragma', ['Pragma', 'unrecognised-extension'], { age: 0, lifetime: 60 }, undefined],
  ])('%s', (_, request, { age, lifetime }, reason) => {
    const answer = requestAllows(requestDirectives(new Fields(request)), {
      ageMs: age * 1000,
      lifetimeMs: lifetime * 1000,
    });
    expect(answer).toEqual(reason === undefined ? { reuse: true } : { reuse: false, reason });
  });
});
