import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConfig, parseConfig } from '../../src/config/load.ts';
import { ConfigError, type Problem } from '../../src/config/problem.ts';
import { configOf, lines, problemsOf } from './parse.ts';

const main = (include: string) => `origin: { url: http://x }\nroutes: [{ match: /own }]\ninclude: ${include}\n`;
const pack = (name: string) =>
  `routes: [{ match: /${name} }]\nrules: [{ name: ${name}, on: PUT /${name}, invalidate: [/${name}] }]\n`;

describe('included files', () => {
  const files = {
    'rules/b.yaml': pack('b'),
    'rules/a.yaml': pack('a'),
    'rules/.hidden.yaml': pack('hidden'),
    'rules/a.yml': pack('yml'),
    'packs/one/rules.yaml': pack('one'),
    'packs/two/rules.yaml': pack('two'),
    'packs/three/other.yaml': pack('three'),
    'rules/oyml': pack('oyml'),
    'c+.yaml': pack('c'),
    'empty.yaml': '# all of it\n# commented out\n',
  };
  it.each([
    ['[rules/a.yaml]', ['/own', '/a']],
    ['[rules/*.yaml]', ['/own', '/a', '/b']],
    ['["rules/.h*"]', ['/own', '/hidden']],
    ['["./rules/b*"]', ['/own', '/b']],
    ['["*.yaml"]', ['/own', '/c']],
    ['[c+.yaml]', ['/own', '/c']],
    ['["*+.yaml"]', ['/own', '/c']],
    // By name, not by what a regular expression would take "." for.
    ['["rules/*.yml"]', ['/own', '/yml']],
    ['["packs/*/rules.yaml"]', ['/own', '/one', '/two']],
    ['[rules/b.yaml, "rules/*.yaml"]', ['/own', '/b', '/a']],
    ['[empty.yaml]', ['/own']],
    ['[]', ['/own']],
  ])('%s: their routes come after the own ones', (include, matches) => {
    const config = configOf(main(include), { files });
    expect(config.routes.map(({ match }) => match)).toEqual(matches);
    expect(config.rules.map(({ name }) => `/${name}`)).toEqual(matches.slice(1));
  });

  it('are where problems and sources point', () => {
    const [, route] = configOf(main('[rules/b.yaml]'), { files }).routes;
    expect(route?.source).toEqual({ file: 'rules/b.yaml', line: 1, column: 10 });
  });

  it('take values from the environment', () => {
    const text = `routes: [{ match: "/$${'{NAME}'}" }]`;
    const config = configOf(main('[a.yaml]'), { files: { 'a.yaml': text }, env: { NAME: 'n' } });
    expect(config.routes[1]?.match).toBe('/n');
  });
});

describe('what is wrong with them', () => {
  it.each<[string, string, Record<string, string>, string[]]>([
    [
      'a missing file',
      '[rules/a.yaml]',
      {},
      ['gateway.yaml:3:11 "rules/a.yaml" cannot be read (ENOENT) | the path is relative to this file'],
    ],
    [
      'a missing file, named twice',
      '[a.yaml, b.yaml, a.yaml]',
      { 'b.yaml': '' },
      ['gateway.yaml:3:11 "a.yaml" cannot be read (ENOENT) | the path is relative to this file'],
    ],
    [
      'a star that finds nothing',
      '["rules/*.yaml"]',
      { 'rules/a.yml': '' },
      ['gateway.yaml:3:11 "rules/*.yaml" matches no file | the path is relative to this file; "*" matches one name'],
    ],
    [
      'any depth',
      '["a/**"]',
      {},
      ['gateway.yaml:3:14 "**" cannot be used in include | name the folders: "*" matches one name'],
    ],
    [
      'settings in a pack',
      '[a.yaml]',
      { 'a.yaml': 'origin: { url: http://y }\ninclude: [b.yaml]\nlogg: 1\n' },
      [
        'a.yaml:1:1 an included file can have only routes, rules and writes | move origin to the file that includes this one',
        'a.yaml:2:1 an included file can have only routes, rules and writes | move include to the file that includes this one',
        'a.yaml:3:1 unknown key "logg" | known: routes, rules, writes',
      ],
    ],
    [
      'syntax',
      '[a.yaml, b.yaml]',
      { 'a.yaml': 'routes: [\n', 'b.yaml': 'rules: x\n' },
      [
        'a.yaml:2:1 flow sequence in block collection must be sufficiently indented and end with a ] | indent the elements of a block equally; close any open bracket above',
        'b.yaml:1:8 expected a list, found text | write [one, two], or a line "- one" for each',
      ],
    ],
    [
      'a route that the own ones hide',
      '[a.yaml]',
      { 'a.yaml': 'routes:\n  - match: /own\n' },
      [
        'a.yaml:2:12 no request can reach this route: /own (gateway.yaml:2:19) matches all of them | the first match wins: put the narrower pattern first, or remove one of the two',
      ],
    ],
    [
      'a rule name of another pack',
      '[a.yaml, b.yaml]',
      { 'a.yaml': pack('x'), 'b.yaml': 'rules: [{ name: x, on: PUT /y, invalidate: [/y] }]' },
      ['b.yaml:1:17 the name is already used at a.yaml:2:17 | events and logs show the name: make it unique'],
    ],
    [
      'an origin that is not there',
      '[a.yaml]',
      { 'a.yaml': 'routes: [{ match: /a, origin: b }]' },
      ['a.yaml:1:31 there is no origin "b" | known: default'],
    ],
  ])('%s', (_, include, files, says) => expect(lines(problemsOf(main(include), { files }))).toEqual(says));

  it('is reported together with what is wrong with the file itself', () => {
    const found = problemsOf(`${main('[a.yaml]')}extra: 1\n`, { files: { 'a.yaml': 'more: 1\n' } });
    expect(found.map(({ file, message }) => `${file} ${message}`)).toEqual([
      'a.yaml unknown key "more"',
      'gateway.yaml unknown key "extra"',
    ]);
  });
});

describe('bounds', () => {
  it('a star that finds more than a thousand files is reported at once', () => {
    const names = Array.from({ length: 1001 }, (_, i) => `r/${i}.yaml`);
    const files = Object.fromEntries(names.map((name) => [name, '']));
    expect(lines(problemsOf(main('["r/*"]'), { files }))).toEqual([
      'gateway.yaml:3:10 1001 files are included | include at most 1000',
    ]);
  });

  it('a folder that may not be read is reported', () => {
    const refuse = (): never => {
      throw Object.assign(new Error('no'), { code: 'EACCES' });
    };
    const access = { file: 'gateway.yaml', env: {}, readFile: refuse, readFolder: refuse };
    const told = 'gateway.yaml:3:11: "r/*" cannot be read (EACCES)';
    expect(() => parseConfig(main('["r/*"]'), access)).toThrow(told);
  });

  it('aliases that multiply are reported before they fill the memory', () => {
    const level = (i: number) => `l${i}: &l${i} [${Array.from({ length: 10 }, () => `*l${i - 1}`).join(', ')}]`;
    const text = ['l0: &l0 [x]', ...Array.from({ length: 9 }, (_, i) => level(i + 1))].join('\n');
    const found = problemsOf(`${main('[]')}${text}`);
    expect(found.map(({ message }) => message)).toContain('the aliases expand to too many values');
  });
});

describe('on a file system', () => {
  const folder = mkdtempSync(join(tmpdir(), 'unstale-config-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const write = (name: string, text: string): string => {
    const file = join(folder, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  };
  const problems = (file: string): readonly Problem[] => {
    try {
      loadConfig(file, {});
    } catch (error) {
      if (error instanceof ConfigError) return error.problems;
      throw error;
    }
    return [];
  };

  it('reads the file and others of its folder', () => {
    write('rules/b.yaml', pack('b'));
    write('rules/a.yaml', pack('a'));
    const { config, warnings } = loadConfig(
      write('gateway.yaml', main(`[rules/*.yaml, "no/*"]`).replace(', "no/*"', '')),
      {},
    );
    expect(config.routes.map(({ match }) => match)).toEqual(['/own', '/a', '/b']);
    expect(config.routes[1]?.source.file).toBe(join(folder, 'rules/a.yaml'));
    expect(warnings).toEqual([]);
  });

  it('reads absolute paths', () => {
    const file = write('elsewhere/c.yaml', pack('c'));
    const { config } = loadConfig(write('absolute.yaml', main(`["${dirname(file)}/*"]`)), {});
    expect(config.routes.map(({ match }) => match)).toEqual(['/own', '/c']);
  });

  it('finds nothing if a folder does not exist or is a file', () => {
    write('file', '');
    for (const include of ['["nowhere/*"]', '["file/*"]']) {
      expect(problems(write('wild.yaml', main(include)))[0]?.message).toMatch(/matches no file$/);
    }
  });

  it('says why a file cannot be read', () => {
    const missing = join(folder, 'none.yaml');
    expect(lines(problems(missing))).toEqual([
      `${missing}:1:1 the file cannot be read (ENOENT) | name a configuration with -c; gateway.example.yaml is an example`,
    ]);
    expect(problems(folder)[0]?.message).toBe('the file cannot be read (EISDIR)');
    expect(problems(write('folder.yaml', main('[rules]')))[0]?.message).toBe(
      '"rules" cannot be read (EISDIR)'.replace('rules', join(folder, 'rules')),
    );
  });
});
