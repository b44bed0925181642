import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { configJsonSchema } from '../../src/config/json-schema.ts';
import { configOf, lines, problemsOf, warningsOf } from './parse.ts';

const text = `origin: { url: "http://127.0.0.1:4000", timeout: 5s }
admin: { token: "\${ADMIN_TOKEN}" }
defaults: { cache: { staleIfError: 1m } }
store:
  redis: { url: redis://127.0.0.1:6379, prefix: travel }
credentialHeaders: [x-key]
routes: [{ match: /a }, { match: /b }]
include: [pack.yaml]
profiles:
  development:
    admin: { token: development-token }
    log: { level: debug }
    store: { redis: null }
    origin: { url: "http://127.0.0.1:5000" }
    credentialHeaders: [x-other]
  production:
    defaults: { cache: { staleIfError: 0s } }
    log: { level: "\${LEVEL}" }
    routes: [{ match: /c }]
  empty:
`;
const files = { 'pack.yaml': 'routes: [{ match: /pack }]\n', 'other.yaml': 'routes: [{ match: /other }]\n' };
const env = { ADMIN_TOKEN: 'a-token-of-the-file' };
const using = (UNSTALE_PROFILE: string, more = {}) => ({ files, env: { ...env, UNSTALE_PROFILE, ...more } });

describe('a profile', () => {
  it('is not there unless it is chosen', () => {
    const { admin, log, store } = configOf(text, { files, env });
    expect([admin.token, log.level, store.redis?.prefix]).toEqual(['a-token-of-the-file', 'info', 'travel']);
    expect(configOf(text, using('empty'))).toEqual(configOf(text, { files, env }));
    expect(configOf(text, using(''))).toEqual(configOf(text, { files, env }));
  });

  it('changes the members that it names, and no others', () => {
    const { origins, log, fallback } = configOf(text, using('development'));
    expect(origins.default).toMatchObject({ url: 'http://127.0.0.1:5000', timeoutMs: 5000 });
    expect([log.level, fallback.cache.staleIfErrorMs]).toEqual(['debug', 60_000]);
  });

  it('takes away what is null there', () => {
    expect(configOf(text, using('development')).store.redis).toBeUndefined();
  });

  it('replaces a list as a whole, and leaves included files', () => {
    const { routes, fallback } = configOf(text, using('production', { LEVEL: 'warn' }));
    expect(routes.map(({ match }) => match)).toEqual(['/c', '/pack']);
    expect(fallback.cache.credentialHeaders).toContain('x-key');
    const developed = configOf(text, using('development'));
    expect(developed.fallback.cache.credentialHeaders).toContain('x-other');
    expect(developed.fallback.cache.credentialHeaders).not.toContain('x-key');
  });

  it('may include other files', () => {
    const { routes } = configOf(`${text}  packed: { include: [other.yaml] }\n`, using('packed'));
    expect(routes.map(({ match }) => match)).toEqual(['/a', '/b', '/other']);
  });

  it.each([
    ['a scalar by a mapping', 'defaults: { cache: off }', 'defaults: { cache: { ttl: 1m } }', 60_000],
    [
      'a mapping by a mapping',
      'defaults: { cache: { ttl: 2m } }',
      'defaults: { cache: { staleIfError: 1m } }',
      120_000,
    ],
    [
      'what an alias stands for',
      'defaults: &d { cache: { ttl: 3m } }',
      'defaults: { client: { etag: origin } }',
      180_000,
    ],
    ['by an alias', 'defaults: { cache: &c { ttl: 4m } }', 'defaults: { cache: *c }', 240_000],
  ])('replaces or merges %s', (_, base, over, ttlMs) => {
    const whole = `origin: { url: http://x }\n${base}\nprofiles: { p: { ${over} } }\n`;
    expect(configOf(whole, using('p')).fallback.cache.ttlMs).toBe(ttlMs);
  });

  it('needs no variable of what it replaces, nor of other profiles', () => {
    expect(configOf(text, { files, env: { UNSTALE_PROFILE: 'development' } }).admin.token).toBe('development-token');
    expect(lines(problemsOf(text, using('production')))).toEqual([
      `gateway.yaml:18:20 the environment variable LEVEL is not set | set it or give a default: $${'{LEVEL:-…}'}`,
    ]);
  });
});

describe('what is wrong with profiles', () => {
  const least = 'origin: { url: http://x }\n';
  it.each<[string, string, string, string[]]>([
    [
      'one that there is not',
      text,
      'prod',
      [
        'gateway.yaml:9:1 no profile is called "prod" (--profile, UNSTALE_PROFILE) | known: development, production, empty',
      ],
    ],
    [
      'one that is mistyped',
      text,
      'prodution',
      [
        'gateway.yaml:9:1 no profile is called "prodution" (--profile, UNSTALE_PROFILE) | did you mean "production"? known: development, production, empty',
      ],
    ],
    [
      'one of a file without any',
      least,
      'production',
      [
        'gateway.yaml:1:1 no profile is called "production" (--profile, UNSTALE_PROFILE) | this file has no profiles: leave the option away, or add one',
      ],
    ],
    [
      'an unknown key',
      `${least}profiles:\n  p:\n    logg: { level: debug }\n`,
      'p',
      ['gateway.yaml:4:5 unknown key "logg" | did you mean "log"?'],
    ],
    [
      'a wrong value below a key that the file has',
      `${least}log: { level: info }\nprofiles:\n  p:\n    log: { level: loud }\n`,
      'p',
      [
        'gateway.yaml:5:19 "loud" is not one of fatal, error, warn, info, debug, trace, silent | known: fatal, error, warn, info, debug, trace, silent',
      ],
    ],
    [
      'a setting that contradicts the file',
      `${least}profiles:\n  p:\n    admin: { listen: 127.0.0.1:8080 }\n`,
      'p',
      ['gateway.yaml:4:22 the admin port and the public port are the same: 8080 | choose another port: 127.0.0.1:9090'],
    ],
    [
      'a key without a value',
      `${least}profiles:\n  p:\n    log:\n`,
      'p',
      ['gateway.yaml:4:5 "log" has no value | give it one, or remove the key'],
    ],
    [
      'no mapping',
      `${least}profiles: production\n`,
      '',
      [
        'gateway.yaml:2:1 expected a mapping of profiles by name | write its settings below its name, as they are in the file: development: { log: { level: debug } }',
      ],
    ],
    [
      'a profile that is no mapping',
      `${least}profiles: { p: debug }\n`,
      '',
      [
        'gateway.yaml:2:13 profile "p" is no mapping | write its settings below its name, as they are in the file: development: { log: { level: debug } }',
      ],
    ],
    [
      'a name with a space',
      `${least}profiles: { "a b": {} }\n`,
      '',
      ['gateway.yaml:2:13 "a b" is not a name | use a letter, then letters, digits, "_" and "-"'],
    ],
    [
      'profiles in a profile',
      `${least}profiles: { p: { profiles: {} } }\n`,
      '',
      ['gateway.yaml:2:18 a profile cannot have profiles | move them to the top of the file'],
    ],
  ])('%s', (_, whole, profile, says) => expect(lines(problemsOf(whole, using(profile)))).toEqual(says));

  it('is not told of what is silenced in the profile', () => {
    const whole = (comment: string) => `${least}profiles:\n  p:\n    coherence: { onPartition: queue }${comment}\n`;
    expect(lines(warningsOf(whole(''), using('p')))).toEqual([expect.stringContaining('gateway.yaml:4:18 warning')]);
    expect(warningsOf(whole(' # unstale-ignore no-partition'), using('p'))).toEqual([]);
  });

  it('ends, however often aliases repeat a mapping', () => {
    const levels = Array.from({ length: 12 }, (__, i) =>
      i === 0 ? 'a0: &a0 { x: { y: 1 } }' : `a${i}: &a${i} { x: *a${i - 1}, z: *a${i - 1} }`,
    );
    const whole = `${least}log: *a11\nprofiles: { p: { log: *a11 } }\n`;
    const problems = problemsOf(`${levels.join('\n')}\n${whole}`, using('p'));
    expect(problems.map(({ message }) => message)).toContain('the aliases of this profile expand to too many mappings');
  });

  it('ends where both are inside themselves', () => {
    const whole = `${least}log: &a { level: *a }\nprofiles: { p: { log: &b { level: *b } } }\n`;
    expect(problemsOf(whole, using('p')).map(({ message }) => message)).toContain(
      'this alias is inside its own anchor',
    );
  });
});

describe('the JSON Schema', () => {
  const schema = z.fromJSONSchema(configJsonSchema());
  const accepts = (profile: unknown) => schema.safeParse({ profiles: { p: profile } }).success;
  it.each([
    [{}, true],
    [null, true],
    [{ store: { redis: { prefix: 'travel' } } }, true],
    [{ store: { redis: null }, origin: { timeout: '5s' } }, true],
    [{ routes: [{ match: '/a' }] }, true],
    [{ routes: [{ cache: 'off' }] }, false],
    [{ logg: {} }, false],
    [{ log: { level: 'loud' } }, false],
    [{ profiles: {} }, false],
    ['development', false],
  ])('%j: %s', (profile, isAccepted) => expect(accepts(profile)).toBe(isAccepted));
});
