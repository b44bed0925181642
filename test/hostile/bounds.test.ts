import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { configJsonSchema } from '../../src/config/json-schema.ts';
import { parseDuration, parseSize } from '../../src/config/units.ts';

/* Walks the table of docs/security.md: all that can grow, what bounds it, and the test that fills it. */

const root = new URL('../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

interface Row {
  readonly what: string;
  readonly bounds: readonly { readonly name: string; readonly file: string | undefined; readonly value: string }[];
  readonly tests: readonly { readonly file: string; readonly title: string }[];
}

const rows = read('docs/security.md')
  .split('## Bounds', 2)[1]
  ?.split('\n')
  .filter((line) => line.startsWith('| '))
  .slice(2)
  .map(rowOf) as readonly Row[];

function rowOf(line: string): Row {
  const [what = '', bounds = '', values = '', _beyond, tests = ''] = line
    .split(/ ?\| ?/)
    .slice(1, -1)
    .map((cell) => cell.trim());
  const all = values.split('<br>');
  return {
    what,
    bounds: bounds.split('<br>').map((bound, i) => {
      const [, name = '', file] = /^`([\w.]+)`(?: \(([\w./-]+)\))?$/.exec(bound) ?? [];
      return { name, file, value: all[i] ?? '' };
    }),
    tests: tests.split('<br>').map((each) => {
      const [, file = '', title = ''] = /^`([\w./-]+)`: (.+)$/.exec(each) ?? [];
      return { file, title };
    }),
  };
}

interface Schema {
  readonly properties?: Record<string, Schema>;
  readonly anyOf?: readonly Schema[];
  readonly default?: unknown;
}

/** The settings by their path, with their defaults. Those of `origins` are those of `origin`. */
function* settings(schema: Schema, path: readonly string[] = []): Generator<[string, unknown]> {
  const objects = [schema, ...(schema.anyOf ?? [])].filter(({ properties }) => properties !== undefined);
  if (objects.length === 0) yield [path.join('.'), schema.default];
  for (const { properties = {} } of objects) {
    for (const [name, each] of Object.entries(properties)) yield* settings(each, [...path, name]);
  }
}
const defaults = new Map(settings(configJsonSchema() as Schema));

/** Of numbers, sizes and durations, however they are written. */
function amountOf(text: string): number {
  const plain = text.replaceAll(',', '');
  if (/^[\d.]+$/.test(plain)) return Number(plain);
  const any = { min: 0, max: Number.MAX_SAFE_INTEGER };
  const joined = plain.replace(' ', '');
  return /(?:ms|s|m|h|d)$/.test(joined) ? parseDuration(joined, any) : parseSize(joined, any);
}

function constantIn(source: string, name: string): number | undefined {
  const [, text] = new RegExp(`(?:const ${name} = |\\b${name}: )([\\d_ .*]+)[;,]`).exec(source) ?? [];
  return text?.split('*').reduce((product, factor) => product * Number(factor.replaceAll(/[_ ]/g, '')), 1);
}

const files = (folder: string): string[] =>
  readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${folder}/${name}`);

test('the table has rows', () => expect(rows.length).toBeGreaterThan(40));

describe.each(rows)('$what', ({ bounds, tests }) => {
  test.each(bounds)('is bounded by $name, which is $value', ({ name, file, value }) => {
    if (file !== undefined) {
      expect(constantIn(read(file), name)).toBe(amountOf(value));
    } else {
      expect([...defaults.keys()]).toContain(name);
      const fallback = defaults.get(name);
      expect(fallback === undefined ? 'none' : String(fallback)).toBe(value);
    }
  });

  test.each(tests)('is filled by $file: $title', ({ file, title }) => {
    expect(existsSync(new URL(file, root))).toBe(true);
    expect(read(file).replaceAll('\\', '')).toContain(title);
  });
});

const named = new Set(rows.flatMap(({ bounds }) => bounds.map(({ name, file }) => (file ? `${file} ${name}` : name))));

test('every setting that bounds something is there', () => {
  const bounding = [...defaults.keys()].filter(
    (path) => path.includes('.limits.') || /\.(?:max[A-Z]\w*|\w+Size|history)$/.test(path),
  );
  expect(bounding.length).toBeGreaterThan(10);
  expect(bounding.filter((path) => !named.has(path))).toEqual([]);
});

/** Bounds of one computation, of times, and of what is given out: nothing grows by them. */
const elsewhere = new Set([
  'MAX_BETWEEN',
  ...['MAX_AHEAD', 'MAX_DEATHS', 'MAX_DELTA_SECONDS', 'MAX_DEPTH', 'MAX_DRIFT', 'MAX_HEURISTIC_MS', 'MAX_INTEGER'],
  ...[
    'MAX_CUT_OFF',
    'MAX_HELD_MS',
    'MAX_JUMP_MS',
    'MAX_NAME_LENGTH',
    'MAX_SEARCHED',
    'MAX_PENDING',
    'MAX_SAMPLES',
    'MAX_QUARANTINE_MS',
    'MAX_SIBLINGS',
    // How often a response was used fits into four octets; a frame of a snapshot holds one response.
    'MAX_USES',
    'MAX_FRAME_BYTES',
    'MAX_INFLATED_BYTES',
    'MAX_PROBE_MS',
    // Made once, of a fixed size.
    'MAX_COUNTERS',
  ],
  // Of one check, and of the schema that it is made by, which is the operator's.
  ...['MAX_BYTES_FOR_ALL', 'MAX_FILES', 'MAX_FORMAT_LENGTH', 'MAX_NESTING'],
  ...['MAX_STRING_LENGTH', 'MAX_TEXT_BYTES', 'MAX_YEARS_AHEAD'],
  // Larger bodies are written apart from their heads.
  'MAX_JOINED_BYTES',
]);

test('every constant that bounds something is there, or nothing grows by it', () => {
  const missing: string[] = [];
  for (const file of files('src')) {
    // The client runs in pages: what it holds is one user's.
    if (/src\/(?:cli|client|openapi|config|replay)\//.test(file)) continue;
    for (const [, name = ''] of read(file).matchAll(/const (MAX_[A-Z_]+) = /g)) {
      if (!named.has(`${file} ${name}`) && !elsewhere.has(name)) missing.push(`${file} ${name}`);
    }
  }
  expect(missing).toEqual([]);
});
