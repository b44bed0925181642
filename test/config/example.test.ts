import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { configJsonSchema } from '../../src/config/json-schema.ts';
import { loadConfig } from '../../src/config/load.ts';
import { configSchema } from '../../src/config/schema.ts';

const example = 'gateway.example.yaml';

describe('the example', () => {
  it('loads without a warning, with nothing in the environment', () => {
    expect(loadConfig(example, {}).warnings).toEqual([]);
  });

  it('can be run against another origin and on other ports', () => {
    const env = {
      UNSTALE_ORIGIN: 'http://127.0.0.1:5',
      UNSTALE_LISTEN: '127.0.0.1:0',
      UNSTALE_ADMIN_LISTEN: '127.0.0.1:0',
      UNSTALE_LOG_LEVEL: 'silent',
    };
    const { config } = loadConfig(example, env);
    expect(config.origins.default?.url).toBe('http://127.0.0.1:5');
    expect([config.server.listen.port, config.admin.listen.port, config.log.level]).toEqual([0, 0, 'silent']);
  });

  it('names every setting there is', () => {
    const text = readFileSync(example, 'utf8');
    const named = (key: string) => new RegExp(`\\b${key}:`).test(text);
    const missing = Object.keys(configSchema.shape).filter((key) => !named(key) && key !== 'rules');
    for (const key of ['server', 'admin', 'coherence', 'events', 'log'] as const) {
      const section = configSchema.shape[key].def.innerType;
      missing.push(...Object.keys(section.shape).filter((inner) => !named(inner)));
    }
    expect(missing).toEqual([]);
  });

  it('says of its defaults only what is true', () => {
    const { config } = loadConfig(example, {});
    const { server, admin, origins, store, coherence, events, webhooks, log, fallback } = config;
    const least = loadConfig('test/config/least.yaml', {}).config;
    expect({ server, admin, origins, store, coherence, events, webhooks, log, fallback }).toEqual({
      ...least,
      routes: undefined,
      reads: undefined,
      rules: undefined,
      writes: undefined,
    });
  });

  it('leaves what is somebody’s own, or live, uncached', () => {
    const off = loadConfig(example, {}).config.routes.filter(({ cache }) => cache.off);
    expect(off.map(({ match }) => match)).toEqual(['/users/me', '/notifications/**', '/dashboard', '/files/**']);
  });

  describe('has a profile', () => {
    const load = (profile: string) => loadConfig(example, { UNSTALE_PROFILE: profile });
    /** For how long stale copies are served, by every policy that there is. 0: never. */
    const windowsOf = (profile: string) => {
      const { routes, reads, fallback } = load(profile).config;
      const policies = [
        fallback.cache,
        ...routes.map(({ cache }) => cache),
        ...reads.flatMap(({ cache }) => cache ?? []),
      ];
      const cached = policies.filter(({ off }) => !off);
      expect(cached.length).toBeGreaterThan(7);
      return {
        whileRevalidating: [...new Set(cached.map(({ staleWhileRevalidateMs }) => staleWhileRevalidateMs))],
        ifError: [...new Set(cached.map(({ staleIfErrorMs }) => staleIfErrorMs))],
      };
    };

    it('development: warm after a restart, and every route answers while the API is down', () => {
      const { config, warnings } = load('development');
      expect(warnings).toEqual([]);
      expect(config.store.snapshot).toMatchObject({ load: 'revalidate', save: 30_000 });
      expect(windowsOf('development').ifError).toEqual([600_000]);
    });

    it('production: cold after a restart, and no route serves anything stale', () => {
      const { config, warnings } = load('production');
      expect(warnings).toEqual([]);
      expect([config.store.snapshot, config.coherence.mode]).toEqual([undefined, 'strict']);
      expect(windowsOf('production')).toEqual({ whileRevalidating: [0], ifError: [0] });
    });
  });

  it.each([example, 'rules/travel.yaml'])('%s is what editors are told is right', (file) => {
    const value = parse(readFileSync(file, 'utf8'));
    expect(schema.safeParse(value)).toEqual(expect.objectContaining({ success: true }));
  });
});

const schema = z.fromJSONSchema(configJsonSchema());

describe('the JSON Schema', () => {
  const origin = { url: 'http://x' };
  const variable = '$' + '{NAME:-x}';
  it.each<[string, unknown, boolean]>([
    ['the least', { origin }, true],
    ['a variable for a word', { origin, log: { level: variable } }, true],
    ['a variable for a number', { origin, events: { history: variable } }, true],
    ['a variable for a flag', { origin, defaults: { cache: { force: variable } } }, true],
    ['a variable inside a URL', { origin: { url: `https://${variable}/` } }, true],
    ['cache: off', { routes: [{ match: '/a', cache: 'off' }] }, true],
    ['a variable for a name', { origins: { [variable]: origin } }, false],
    ['an unknown key', { orign: origin }, false],
    ['an unknown key of a policy', { defaults: { cache: { tll: '60s' } } }, false],
    ['an unknown word', { log: { level: 'loud' } }, false],
    ['a duration without a unit', { origin: { ...origin, timeout: 10 } }, false],
    ['a number out of bounds', { events: { history: -1 } }, false],
    ['an origin without a URL', { origin: {} }, false],
    ['a route without a pattern', { routes: [{ cache: 'off' }] }, false],
    ['a rule without targets', { rules: [{ name: 'r', on: 'PUT /a', invalidate: [] }] }, false],
    ['a target that is neither a path nor a tag', { rules: [{ name: 'r', on: 'PUT /a', invalidate: ['a'] }] }, false],
  ])('%s', (_, value, accepted) => expect(schema.safeParse(value).success).toBe(accepted));

  it('describes every key', () => {
    const undescribed: string[] = [];
    const visit = (node: unknown, path: string): void => {
      if (typeof node !== 'object' || node === null) return;
      for (const [key, value] of Object.entries(node)) {
        if (key !== 'properties') {
          visit(value, path);
          continue;
        }
        for (const [name, property] of Object.entries(value)) {
          const isDescribed = typeof property === 'object' && property !== null && 'description' in property;
          if (!isDescribed) undescribed.push(`${path}/${name}`);
          visit(property, `${path}/${name}`);
        }
      }
    };
    visit(configJsonSchema(), '');
    expect(undescribed).toEqual([]);
  });

  it('tells the defaults', () => {
    const shown = JSON.stringify(configJsonSchema());
    for (const fallback of ['"127.0.0.1:8080"', '"256MiB"', '"strict"', '"10s"', '10000']) {
      expect(shown).toContain(`"default":${fallback}`);
    }
  });
});
