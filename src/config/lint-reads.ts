import { isPatternWithin, parsePattern, patternShape } from '../route/pattern.ts';
import { type Located, lintPolicy, type RouteContext } from './lint-routes.ts';
import type { DeclaredReadSettings } from './reads-schema.ts';
import type { RuleSettings } from './rule-schema.ts';
import type { SourceDocument } from './source-document.ts';

/** Reports rules for requests that only read, and what is wrong with the policies of those. */
export function lintReads(
  reads: readonly DeclaredReadSettings[],
  {
    rules,
    document,
    context,
  }: { rules: readonly Located<RuleSettings>[]; document: SourceDocument; context: RouteContext },
): void {
  for (const [i, read] of reads.entries()) {
    if ('on' in read) lintPolicy({ settings: { cache: read.cache }, document, path: ['reads', i] }, context);
  }
  for (const { settings, document: file, path } of rules) {
    const { methods, pattern } = settings.on;
    const shape = shapeOf(pattern);
    const hiding = reads.map(onOf).find((read) => {
      return methods.every((method) => read.methods.includes(method)) && isPatternWithin(shape, shapeOf(read.pattern));
    });
    if (hiding === undefined) continue;
    file.report([...path, 'on'], {
      message: `this rule never applies: reads says that ${hiding.methods.join('|')} ${hiding.pattern} only reads`,
      hint: 'remove one of the two: what may write is no read',
      warning: 'rule-never-applies',
    });
  }
}

export const onOf = (read: DeclaredReadSettings) => ('on' in read ? read.on : read);
const shapeOf = (pattern: string): string => patternShape(parsePattern(pattern));
