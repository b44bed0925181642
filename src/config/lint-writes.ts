import { isPatternWithin, parsePattern, patternShape } from '../route/pattern.ts';
import type { Located } from './lint-routes.ts';
import { positionOf } from './problem.ts';
import type { On } from './rule-schema.ts';
import type { WriteSettings } from './writes-schema.ts';

/** Reports entries of `writes` that no request reaches, and keys that do nothing for the methods of their entry. */
export function lintWrites(writes: readonly Located<WriteSettings>[], reads: readonly On[]): void {
  const earlier: Located<WriteSettings>[] = [];
  for (const write of writes) {
    const { settings, document, path } = write;
    const covering = earlier.find((other) => covers(other.settings.on, settings.on));
    if (covering !== undefined) {
      const { document: file, path: at, settings: other } = covering;
      const where = positionOf(file.positionOf([...at, 'on']));
      document.report([...path, 'on'], {
        message: `no request can reach this entry: ${nameOf(other.on)} (${where}) matches all of them`,
        hint: 'the first match wins: put the narrower pattern first, or remove one of the two',
      });
    }
    const read = reads.find((other) => covers(other, settings.on));
    if (read !== undefined) {
      document.report([...path, 'on'], {
        message: `no request can reach this entry: reads says that ${nameOf(read)} only reads`,
        hint: 'remove one of the two: what may write is no read',
      });
    }
    lintKeys(write);
    earlier.push(write);
  }
}

const keys = ['merge', 'preserve', 'precondition', 'unchanged', 'validate', 'idempotency'] as const;

function lintKeys({ settings, document, path }: Located<WriteSettings>): void {
  const { on, merge, preserve, unchanged, precondition, validate, idempotency } = settings;
  const has = (...methods: readonly string[]): boolean => ['*', ...methods].some((each) => on.methods.includes(each));
  const noEffect = (key: (typeof keys)[number], needed: string): void => {
    const message = `${key} has no effect without ${needed}`;
    document.report([...path, key], { message, hint: `add ${needed} to on, or remove ${key}`, atKey: true });
  };
  if (merge && !has('PUT')) noEffect('merge', 'PUT');
  if (preserve !== undefined && !has('PUT', 'PATCH')) noEffect('preserve', 'PUT or PATCH');
  if (unchanged === 'skip' && !has('PUT', 'PATCH')) noEffect('unchanged', 'PUT or PATCH');
  const protects =
    merge || preserve !== undefined || unchanged === 'skip' || validate !== undefined || idempotency !== undefined;
  if (!protects && (precondition === undefined || precondition === 'off')) {
    document.report([...path, 'on'], {
      message: 'this entry protects from nothing',
      hint: `add one of ${keys.join(', ')}`,
    });
  }
}

const nameOf = ({ methods, pattern }: On): string => `${methods.join('|')} ${pattern}`;
const shapeOf = ({ pattern }: On): string => patternShape(parsePattern(pattern));

/** Whether every request that matches `inner` also matches `outer`. */
function covers(outer: On, inner: On): boolean {
  const methods = outer.methods.includes('*') || inner.methods.every((method) => outer.methods.includes(method));
  return methods && isPatternWithin(shapeOf(inner), shapeOf(outer));
}
