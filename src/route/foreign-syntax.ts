/** Syntax of other tools in place of ours, and what to write instead. */
interface Foreign {
  readonly message: string;
  readonly hint: string;
}

/** `^/api/(.*)$`: an anchor, a group, or a class with a repetition. */
const regularExpression = /^\^|\/.*\$$|\.[*+]|\[[^\]]*\][*+]|\\[dwsDWS]/;

/** In a pattern: `{id}`, `<id>`, `$id`, a regular expression. */
export function foreignInPattern(pattern: string): Foreign | undefined {
  if (regularExpression.test(pattern)) return { message: 'a pattern is no regular expression', hint: plainly(pattern) };
  const braced = /\{([^{}/]*)\}|<([^<>/]*)>/.exec(pattern);
  if (braced !== null) {
    const message = `"${braced[0]}" is not a parameter of a pattern`;
    return { message, hint: `write :${parameterName(braced[1] ?? braced[2] ?? '')}` };
  }
  const dollar = dollarName(pattern);
  if (dollar === undefined) return undefined;
  return { message: `"$${dollar}" is not a parameter`, hint: `write :${dollar}; a literal dollar sign is %24` };
}

/** In a target: `/posts/:id`, `/posts/$id`, a regular expression. */
export function foreignInTarget(target: string): Foreign | undefined {
  // Whatever stands between braces is a placeholder.
  const path = target.replace(/\{[^{}]*\}/g, 'x').replace(/\?.*$/s, '');
  if (/^\^|\/.*\$$|\.[*+]/.test(path)) {
    return {
      message: 'a target is no regular expression',
      hint: 'write {id} for a value, and "**" for the rest of a path',
    };
  }
  const colon = /(?:^|[/._~-]):([A-Za-z_][A-Za-z0-9_]*)/.exec(path)?.[1];
  if (colon !== undefined) {
    return { message: `":${colon}" is only for patterns`, hint: `write {${colon}}; a literal colon is %3A` };
  }
  const dollar = dollarName(path);
  if (dollar === undefined) return undefined;
  return { message: `"$${dollar}" is not a placeholder`, hint: `write {${dollar}}; a literal dollar sign is %24` };
}

const dollarName = (path: string): string | undefined => /\/\$([A-Za-z_][A-Za-z0-9_]*)(?=\/|$)/.exec(path)?.[1];

/** `int:id` (of other routers) → `id`; `step-id` → `stepId`. */
function parameterName(written: string): string {
  const name = (written.split(':').at(-1) ?? '').replace(/[^A-Za-z0-9_]+(.)?/g, (_, next?: string) =>
    (next ?? '').toUpperCase(),
  );
  return /^[A-Za-z_]/.test(name) ? name : 'id';
}

/** The pattern that a simple regular expression means: `^/api/(.*)$` → `/api/**`. */
function plainly(expression: string): string {
  const bare = expression.replace(/^\^/, '').replace(/\$$/, '').replaceAll('\\/', '/');
  const one = bare.replace(/\(?(?:\[[^\]]*\]|\\[dw])[*+]\)?/g, '*');
  const pattern = one.replace(/\(?\.[*+]\)?$/, '**').replace(/\(?\.[*+]\)?/g, '*');
  const isPattern =
    pattern.startsWith('/') && !/[\\()[\]^$+?.|]/.test(pattern) && !/[^/*]\*|\*[^/*]|\*\*./.test(pattern);
  return isPattern ? `write ${pattern}` : 'write "*" for one segment, and "**" for the rest: /api/**';
}
