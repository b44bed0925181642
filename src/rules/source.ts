import { compileJsonPath, SelectorError } from './jsonpath.ts';
import type { JsonSource, NamedSource, PathStep, Root, Source } from './types.ts';

export const roots: readonly Exclude<Root, 'lookup'>[] = [
  'params',
  'query',
  'requestHeader',
  'responseHeader',
  'request',
  'response',
  'before',
];
/** Fields whose value is a URI reference (RFC 9110 §8.7, §10.2.2): an index selects a segment of its path. */
const references = new Set(['location', 'content-location']);

/**
 * One source of a placeholder: `name`, or a root with a path below it. Bodies take a JSONPath. Parameters and header
 * fields have no structure and take one name (`query.stepId`, `requestHeader['x-tenant']`).
 * `responseHeader.location[-1]` is the last segment of the path that a 201 points to.
 * @throws SelectorError with offsets from the beginning of `text`
 */
export function parseSource(text: string): Source {
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(text)) {
    return { root: 'params', name: text, segment: undefined, text };
  }
  const name = /^[A-Za-z_][A-Za-z0-9_]*/.exec(text)?.[0] ?? '';
  const root = roots.find((each) => each === name);
  const rest = text.slice(name.length);
  if (name === '' || (root === undefined && !/^[.[]/.test(rest))) {
    const message = name === '' ? `"${text}" does not begin with a name` : `unknown root "${name}"`;
    throw new SelectorError(message, `use a path parameter, or one of ${roots.join(', ')} followed by a path`, 0);
  }
  if (!/^[.[]/.test(rest)) {
    throw new SelectorError(`"." or "[" is missing after "${name}"`, `write ${name}.name`, name.length);
  }
  // The caller checks whether the rule has such a lookup.
  if (root === undefined) return { root: 'lookup', name, steps: stepsBelow(name, rest, text), text };
  return root === 'request' || root === 'response' || root === 'before'
    ? jsonSource(root, rest, text)
    : namedSource(root, rest, text);
}

function jsonSource(root: JsonSource['root'], rest: string, text: string): JsonSource {
  return { root, steps: stepsBelow(root, rest, text), text };
}

function stepsBelow(root: string, rest: string, text: string): PathStep[] {
  try {
    return compileJsonPath(`$${rest}`);
  } catch (error) {
    if (!(error instanceof SelectorError)) throw error;
    // "$" stands for the longer name of the root.
    const offset = Math.min(text.length, Math.max(0, error.offset - 1 + root.length));
    throw new SelectorError(error.message, error.hint, offset, { cause: error });
  }
}

function namedSource(root: NamedSource['root'], rest: string, text: string): NamedSource {
  const parts = /^(?:\.([\w-]+)|\[(?:'([^'\\]+)'|"([^"\\]+)")\])(?:\[(-?(?:0|[1-9]\d{0,3}))\])?$/.exec(rest);
  const name = parts?.[1] ?? parts?.[2] ?? parts?.[3];
  if (name === undefined) {
    throw new SelectorError(`${root} takes exactly one name`, `write ${root}.name or ${root}['name']`, root.length);
  }
  const isField = root === 'requestHeader' || root === 'responseHeader';
  const index = parts?.[4];
  if (index !== undefined && !(isField && references.has(name.toLowerCase()))) {
    const hint = 'an index selects a segment of a path: only location and content-location have one';
    throw new SelectorError(`"${name}" cannot have an index`, hint, text.lastIndexOf('['));
  }
  return {
    root,
    name: isField ? name.toLowerCase() : name,
    segment: index === undefined ? undefined : Number(index),
    text,
  };
}
