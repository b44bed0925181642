import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { draftConfig } from '../../src/openapi/draft.ts';
import { writeDraft } from '../../src/openapi/write-draft.ts';

/* Every description in test/openapi/published, and in the folder UNSTALE_DESCRIPTIONS: not the files they refer to. */

const folders = [
  'test/openapi/published',
  ...(process.env.UNSTALE_DESCRIPTIONS ?? '').split(':').filter((each) => each),
];
const begins = /^\s*\{?[\s\S]{0,4000}?^\s*"?(?:openapi|swagger)"?\s*:\s*["']?[23]/m;
const files = folders.flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(?:json|ya?ml)$/.test(name))
    .map((name) => join(folder, name))
    .filter((file) => begins.test(readFileSync(file, 'utf8'))),
);

test.each(files)('the draft of %s passes check --strict', { timeout: 120_000 }, (file) => {
  const read = (path: string): string | undefined => {
    try {
      return readFileSync(join(dirname(file), path), 'utf8');
    } catch {
      return undefined;
    }
  };
  const text = writeDraft(draftConfig(readFileSync(file, 'utf8'), { read }), file);
  const files = { file: 'draft.yaml', env: {}, readFile: () => '', readFolder: () => [] };
  expect(parseConfig(text, files).warnings).toEqual([]);
});
