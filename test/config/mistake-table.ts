import { describe, expect, it } from 'vitest';
import { lines, problemsOf } from './parse.ts';

export interface Row {
  readonly it: string;
  /** What follows a line `origin: …`, so that it begins in line 2. */
  readonly yaml: string;
  /** `line:column message | hint`: all that is said, for one mistake is one problem, however many checks it fails. */
  readonly says: string | readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

export function tellsEach(tables: Readonly<Record<string, readonly Row[]>>): void {
  describe.each(Object.entries(tables))('%s', (_, rows) => {
    it.each(rows)('$it', ({ yaml, says, env = {} }) => {
      const found = problemsOf(`origin: { url: http://127.0.0.1:4000 }\n${yaml}\n`, { env });
      expect(lines(found)).toEqual([says].flat().map((line) => `gateway.yaml:${line}`));
    });
  });
}
