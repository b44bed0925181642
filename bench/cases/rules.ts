import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Bench, type Case, type Metric, ratioOf, type Sample } from '../bench.ts';

/* These cases run in this process with modules of the built checkout: they measure functions without sockets. */

const each: Metric = { name: 'µs each', unit: 'µs', better: 'lower', digits: 2 };

interface RuleSet {
  match(method: string, resource: string): { rule: unknown; params: Record<string, string>; method: string }[];
}

async function load<T>(bench: Bench, path: string): Promise<T> {
  return (await import(pathToFileURL(join(bench.directories.gateway ?? '', 'dist', path)).href)) as T;
}

/** A minimal rule of a configuration. */
const rule = (name: string, pattern: string, targets: readonly string[]) => ({
  name,
  methods: ['PUT'],
  pattern,
  when: undefined,
  lookup: {},
  invalidate: targets.map((path) => ({ path, cascade: false, source: { file: '', line: 1, column: 1 } })),
  refresh: [],
  patch: [],
  onlyIfChanged: undefined,
  quarantineMs: undefined,
  event: undefined,
  unresolved: 'widen',
  before: 'off',
  source: { file: '', line: 1, column: 1 },
});

function timed(calls: number, call: (i: number) => void): number {
  for (let i = 0; i < calls / 4; i++) call(i);
  const started = process.hrtime.bigint();
  for (let i = 0; i < calls; i++) call(i);
  return Number(process.hrtime.bigint() - started) / calls / 1_000;
}

/** Measures all contenders in each round, one after the other, so that disturbances affect all of them. */
function rounds(bench: Bench, contenders: Readonly<Record<string, () => number>>): Record<string, Sample[]> {
  const samples: Record<string, Sample[]> = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
  for (const measure of Object.values(contenders)) measure();
  for (let round = 0; round < bench.effort.rounds; round++) {
    for (const [name, measure] of Object.entries(contenders)) samples[name]?.push({ [each.name]: measure() });
  }
  return samples;
}

/** One rule matches. The cost depends on the rules that share its pattern, not on their total number. */
export const matching: Case = {
  name: 'match',
  title: 'matching a write with one of 10 rules, and of 1,000',
  async run(bench) {
    const { compileRules } = await load<{ compileRules(rules: unknown[]): RuleSet }>(bench, 'rules/compile.js');
    const of = (count: number): (() => number) => {
      const rules = compileRules(
        Array.from({ length: count }, (_, i) => rule(`r${i}`, `/kind${i}/:id`, ['/parents/{response.parent}'])),
      );
      return () =>
        timed(100_000, (i) => {
          if (rules.match('PUT', `/kind${i % count}/42`).length !== 1) throw new Error('one rule should match');
        });
    };
    return {
      metrics: [each],
      samples: rounds(bench, { '10 rules': of(10), '1,000 rules': of(1_000) }),
      comparisons: [ratioOf('1,000 rules', '10 rules')],
    };
  },
};

/** About 4 KiB of JSON: an aggregate with twenty elements. */
const body = JSON.stringify({
  id: 42,
  step: { id: 7, trip: { id: 3 } },
  parts: Array.from({ length: 20 }, (_, i) => ({ id: i, name: `part ${i}`, notes: 'x'.repeat(150), tags: ['a', 'b'] })),
});

/** Resolves targets from a parsed body. Parsing is a separate row: a write parses once for all its rules. */
export const resolving: Case = {
  name: 'resolve',
  title: `targets from a body of ${(body.length / 1024).toFixed(1)} KiB`,
  async run(bench) {
    const { compileRules } = await load<{ compileRules(rules: unknown[]): RuleSet }>(bench, 'rules/compile.js');
    const { resolve } = await load<{ resolve(match: unknown, sources: unknown): { targets: unknown[] } }>(
      bench,
      'rules/resolve.js',
    );
    const { parseJson } = await load<{ parseJson(body: Buffer, type: string): unknown }>(bench, 'rules/json.js');
    const bytes = Buffer.from(body);
    const absent = { missing: 'absent' };
    const sources = {
      query: '',
      requestHeader: () => undefined,
      responseHeader: () => undefined,
      request: absent,
      before: absent,
    };
    const response = parseJson(bytes, 'application/json');
    const of = (target: string, count: number): (() => number) => {
      const [match] = compileRules([rule('r', '/a/:id', [target])]).match('PUT', '/a/42');
      return () =>
        timed(20_000, () => {
          const { targets } = resolve(match, { ...sources, params: { id: '42' }, response });
          if (targets.length !== count) throw new Error(`${target} resolved to ${targets.length} targets`);
        });
    };
    return {
      metrics: [each],
      samples: rounds(bench, {
        'a field': of('/steps/{response.step.id}', 1),
        'twenty elements': of('/parts/{response.parts[*].id}', 20),
        'a filter': of('/parts/{response.parts[?@.id > 17].id}', 2),
        'ids at any depth': of('/things/{response..id}', 21),
        'parsing alone': () => timed(20_000, () => void parseJson(bytes, 'application/json')),
      }),
      comparisons: [],
    };
  },
};

interface Store {
  put(response: unknown): string | undefined;
  invalidate(coverage: unknown): number;
  readonly size: number;
}

const dependents = 10;

/** A record always removes ten responses, while the number of stored responses grows. */
export const invalidating: Case = {
  name: 'invalidate',
  title: `an invalidation of ${dependents} responses, as stored ones grow`,
  async run(bench) {
    const { MemoryStore } = await load<{ MemoryStore: new (options: object, fence: object) => Store }>(
      bench,
      'store/memory.js',
    );
    const { Fence } = await load<{ Fence: new () => object }>(bench, 'coherence/fence.js');
    const { Fields } = await load<{ Fields: new (lines: string[]) => object }>(bench, 'http/fields.js');
    const headers = new Fields(['Content-Type', 'application/json']);
    const octets = Buffer.alloc(8);
    const { StoredResponse } = await load<{ StoredResponse: new (parts: object) => object }>(
      bench,
      'store/stored-response.js',
    );
    const partsOf = (i: number, tag: string) => ({
      ...{ key: `http://x\n/things/${i}\n`, path: `/things/${i}`, tags: [`p:/things/${i}`, tag], asOf: 1, status: 200 },
      ...{
        headers,
        content: octets,
        clientHeaders: [],
        vary: [],
        selecting: [],
        directives: { noCache: false, private: false },
        lifetimeMs: 1,
        initialAgeMs: 0,
      },
      ...{
        respondedAt: 0,
        shareable: false,
        etag: undefined,
        language: undefined,
      },
    });
    const sizes =
      bench.effort.storedResponses >= 20_000 ? [1_000, 10_000, 100_000, 1_000_000] : [1_000, 10_000, 100_000];
    const stores = sizes.map((size) => {
      const store = new MemoryStore({ maxBytes: 2 ** 40, maxEntryBytes: 2 ** 20, maxVariants: 8 }, new Fence());
      for (let i = 0; i < size; i++) store.put(new StoredResponse(partsOf(i, `t:group:${Math.floor(i / dependents)}`)));
      bench.progress(`${store.size.toLocaleString('en')} responses stored`);
      return { size, store };
    });
    const of =
      ({ size, store }: (typeof stores)[number]): (() => number) =>
      () => {
        let spent = 0n;
        const times = 2_000;
        for (let i = 0; i < times; i++) {
          const group = (i * 7919) % (size / dependents);
          const coverage = { tags: new Set([`t:group:${group}`]), patterns: [], tagPatterns: [] };
          const started = process.hrtime.bigint();
          const removed = store.invalidate(coverage);
          spent += process.hrtime.bigint() - started;
          if (removed !== dependents) throw new Error(`${removed} were removed`);
          for (let j = 0; j < dependents; j++)
            store.put(new StoredResponse(partsOf(group * dependents + j, `t:group:${group}`)));
        }
        return Number(spent) / times / 1_000;
      };
    const contenders = Object.fromEntries(stores.map((each) => [each.size.toLocaleString('en'), of(each)]));
    const names = Object.keys(contenders);
    return {
      metrics: [each],
      samples: rounds(bench, contenders),
      comparisons: names.slice(1).map((name) => ratioOf(name, names[0] ?? '')),
    };
  },
};
