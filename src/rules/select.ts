import { decodeSegment } from '../route/path.ts';
import { idsAt } from './json-ids.ts';
import { MAX_ID_LENGTH, MAX_SELECTED, nothing, type Selection } from './selection.ts';
import type { Json, JsonSource, LookupSource, NamedSource, Source, Sources } from './types.ts';

/** Selects the ids of one source. */
export function select(source: Source, sources: Sources): Selection {
  switch (source.root) {
    case 'params':
      return selectText(Object.hasOwn(sources.params, source.name) ? [sources.params[source.name] ?? ''] : []);
    case 'query':
      return selectText(parameters(sources.query, source.name));
    case 'requestHeader':
      return selectField(sources.requestHeader(source.name), source);
    case 'responseHeader':
      return selectField(sources.responseHeader(source.name), source);
    case 'lookup':
      return selectLookups(sources.lookups?.[source.name] ?? [], source);
    default:
      return selectJson(sources[source.root], source);
  }
}

function selectText(texts: readonly string[]): Selection {
  if (texts.length === 0) return nothing('missing', 'missing');
  if (texts.length > MAX_SELECTED) return nothing('too-many', `more than ${MAX_SELECTED} values`);
  if (texts.some((text) => text.length > MAX_ID_LENGTH)) return nothing('unknown', 'too long for an id');
  const values = new Set(texts.filter((text) => text !== '').map((text) => text.toWellFormed()));
  return { values: [...values], certainty: 'all', reason: values.size === 0 ? 'empty' : '' };
}

function selectField(value: string | undefined, source: NamedSource): Selection {
  if (value === undefined) return nothing('missing', 'missing');
  if (source.segment === undefined) return selectText([value.trim()]);
  // RFC 3986 §4.1: a reference may be absolute or relative. Only its path counts: behind a gateway, the host is often
  // the origin's own name.
  const path = value
    .trim()
    .replace(/^(?:[A-Za-z][A-Za-z0-9+.-]*:)?\/\/[^/?#]*/, '')
    .split(/[?#]/, 1)[0] as string;
  const segment = path
    .split('/')
    .filter((part) => part !== '')
    .at(source.segment);
  return segment === undefined ? nothing('missing', 'missing') : selectText([decodeSegment(segment)]);
}

/** Every value of one parameter, form-decoded (https://url.spec.whatwg.org/#urlencoded-parsing). */
function parameters(query: string, name: string): string[] {
  return query === '' ? [] : new URLSearchParams(`?${query}`).getAll(name);
}

/** Selects from all representations of a lookup. If one of them does not tell, the result is unknown. */
function selectLookups(fetched: readonly Json[], source: LookupSource): Selection {
  if (fetched.length === 0) return nothing('unknown', 'not fetched');
  // A missing resource does not mean that there are no ids: what it would have said is unknown.
  const selections = fetched.map((json) =>
    'missing' in json && json.missing === 'absent' ? nothing('unknown', 'not found') : selectJson(json, source),
  );
  const unknown = selections.find(({ certainty }) => certainty === 'unknown' || certainty === 'too-many');
  if (unknown !== undefined) return unknown;
  const values = [...new Set(selections.flatMap((selection) => selection.values))];
  if (values.length > MAX_SELECTED) return nothing('too-many', `more than ${MAX_SELECTED} values`);
  const told = selections.some(({ certainty }) => certainty === 'all');
  return {
    values,
    certainty: told ? 'all' : 'missing',
    reason: values.length > 0 ? '' : (selections[0]?.reason ?? ''),
  };
}

/** The ids that a compiled JSONPath selects from a body. */
function selectJson(json: Json, source: Pick<JsonSource | LookupSource, 'root' | 'steps'>): Selection {
  if ('missing' in json) {
    // A response that is not JSON has no fields. A request or `before` in another format may well: a form can hold the
    // new parent.
    const silent = json.missing === 'absent' || (json.missing === 'not-json' && source.root === 'response');
    const reason = json.status === undefined ? json.missing : `the origin answered ${json.status}`;
    return nothing(silent ? 'missing' : 'unknown', reason);
  }
  // A bare scalar has no fields.
  if (typeof json.value !== 'object' || json.value === null) return nothing('missing', 'no object or array');
  return idsAt(json.value, json.exact, source.steps);
}
