import { describe, expect, test } from 'vitest';
import { configurationReference, settings } from '../../src/config/reference.ts';
import { configFile, run } from '../cli/run.ts';
import { readRepository } from './citations.ts';

const repository = readRepository();

test('docs/configuration.md is what `npm run docs` makes of the schema', () => {
  expect(repository.textOf('docs/configuration.md')).toBe(configurationReference());
});

test.each(settings().map((setting) => [setting.key, setting] as const))('%s is explained', (_, setting) => {
  const { type, meaning, example, default: fallback } = setting;
  expect({ type, meaning }).not.toMatchObject({ type: '', meaning: '' });
  expect(meaning).not.toBe('');
  // A mapping has keys that have examples.
  if (!type.endsWith('mapping')) expect([example, fallback]).not.toContain('');
});

/** Where the files of the package are, in place of where they are installed. */
const root = new URL('../../', import.meta.url).pathname;

/** Configurations that can be used as they are: those that name an origin. */
const whole = repository.files
  .filter((file) => file === 'README.md' || /^docs\/.*\.md$/.test(file))
  .flatMap((file) => {
    const blocks = [...repository.textOf(file).matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, block = '']) => block);
    return blocks.filter((block) => /^origins?:/m.test(block)).map((block) => [file, block] as const);
  });

describe('a configuration to begin with', () => {
  test('is in the README', () => {
    expect(whole.map(([file]) => file)).toContain('README.md');
  });

  test.each(whole)('of %s passes `check` without a warning', async (_, block) => {
    const file = configFile(block.replaceAll('node_modules/unstale/', root));
    const { code, stdout, stderr } = await run(['check', '--strict', '-c', file]);
    expect({ code, stdout, stderr }).toMatchObject({ code: 0, stderr: '' });
  });
});
