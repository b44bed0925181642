import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'vitest';
import { draftConfig } from '../../src/openapi/draft.ts';
import { writeDraft } from '../../src/openapi/write-draft.ts';

test('x', () => {
  for (const n of ['forum', 'travel', 'shop', 'tracker', 'blog']) {
    const f = `test/openapi/documents/${n}.${n === 'shop' ? 'json' : 'yaml'}`;
    writeFileSync(`/tmp/h-init/${n}.out`, writeDraft(draftConfig(readFileSync(f, 'utf8')), n));
  }
});
