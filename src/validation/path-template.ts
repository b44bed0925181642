/** A path of an OpenAPI description by its segments: `/files/{name}.{ext}`. */
export type PathTemplate = readonly Segment[];

interface Segment {
  /** What stands before the first name, between two names, and behind the last one. Alone if there is no name. */
  readonly literals: readonly string[];
  readonly names: readonly string[];
}

/** A name stands for a part of a segment. */
export function pathTemplate(written: string): PathTemplate {
  const segments = [{ literals: [''], names: [] as string[] }];
  for (const [text, name] of written.matchAll(/\{([^}]*)\}|[^{]+|\{/g)) {
    let last = segments.at(-1) as (typeof segments)[0];
    if (name !== undefined) {
      last.names.push(name);
      last.literals.push('');
      continue;
    }
    for (const [i, part] of text.split('/').entries()) {
      if (i > 0) segments.push({ literals: [''], names: [] });
      last = segments.at(-1) as (typeof segments)[0];
      last.literals.push(`${last.literals.pop()}${part}`);
    }
  }
  return segments;
}

/**
 * The names with their values, if the path is one of the template, or one with a slash more.
 *
 * A regular expression would need cubic time for `{y}-{m}-{d}:publish`: minutes for a path of 8 KiB, and nobody is
 * served meanwhile.
 */
export function matchPath(
  template: PathTemplate,
  path: readonly string[],
): [name: string, value: string][] | undefined {
  const isSlashMore = path.length === template.length + 1 && path.at(-1) === '';
  if (path.length !== template.length && !isSlashMore) return undefined;
  const found: [string, string][] = [];
  for (const [i, segment] of template.entries()) {
    const values = valuesIn(segment, path[i] as string);
    if (values === undefined) return undefined;
    for (const [j, name] of segment.names.entries()) found.push([name, values[j] as string]);
  }
  return found;
}

/**
 * As `([^/]+)` for each name would find them: the first value is as long as it can be, then the next one. So each
 * literal stands as far behind as it can, and the last one is sought first. No place is tried twice.
 */
function valuesIn({ literals, names }: Segment, text: string): string[] | undefined {
  const [first = ''] = literals;
  if (names.length === 0) return text === first ? [] : undefined;
  const last = literals.at(-1) as string;
  if (!text.startsWith(first) || !text.endsWith(last)) return undefined;
  const values: string[] = [];
  let end = text.length - last.length;
  for (let i = names.length - 1; i > 0; i--) {
    const literal = literals[i] as string;
    // A value has one character at least.
    const latest = end - 1 - literal.length;
    const at = latest < 0 ? -1 : text.lastIndexOf(literal, latest);
    if (at < 0) return undefined;
    values.unshift(text.slice(at + literal.length, end));
    end = at;
  }
  return end <= first.length ? undefined : [text.slice(first.length, end), ...values];
}
