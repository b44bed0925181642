import { type Mapping, mapping } from './descriptions.ts';
import type { OpenApiDocument } from './document.ts';
import type { DraftRead } from './draft-model.ts';
import type { ApiPath } from './operations.ts';
import { patternsMeet } from './pattern-sets.ts';
import { lastLiteral } from './resources.ts';

/** Names of reads that use POST because a query would be too long. */
const reading =
  /^(?:_?m?search|query|queries|find|filter|lookup|preview|validate|graphql|login|count|aggregate|estimate|calculate|autocomplete|suggest)$|^(?:search|find|lookup|query)(?:[A-Z_-]|by)/;
/** What a read is called where each operation has a path of its own: `/documents.list`, `/documents/list`. */
const remote = /^(?:list|info|get|search|find|query|count|read|fetch|export|lookup)$/i;
/** Mutations have the same path, and a login makes a session. */
const stateful = /^(?:graphql|login)$/;
/** How a summary of a read begins. */
const says =
  /^(?:lists?|gets?|retrieves?|searche?s?|finds?|fetche?s?|reads?|returns?|quer(?:y|ies)|counts?|looks? up)\b/i;
/** What only a write does, by stems, anywhere in its summary or its name. */
const verbs =
  'creat|updat|delet|remov|sav|stor|start|send|add|insert|record|register|subscrib|enqueu|schedul|trigger|mark|' +
  'replac|import|submit';
const contradicts = new RegExp(`(?:^|[^a-z])(?:${verbs})(?:e|es|ed|ing|s)?(?![a-z])`, 'i');

/** What a POST does to the state of the API, as far as its description tells. */
type Effect = 'reads' | 'perhaps' | 'nothing said' | 'writes';

/** Whether a POST only reads, by its name, so that no rule is drafted for it. */
export function isReading(document: OpenApiDocument, path: ApiPath, method: string): boolean {
  if (method !== 'POST') return false;
  const effect = effectOf(document, path);
  return effect === 'reads' || effect === 'nothing said';
}

/** POSTs that `reads` may name. `TODO`s are for those whose name and description do not both tell. */
export function draftReads(document: OpenApiDocument, paths: readonly ApiPath[]): DraftRead[] {
  const posts = paths.filter(({ operations }) => operations.has('POST'));
  const effects = new Map(posts.map((path) => [path, effectOf(document, path)]));
  const writing = posts.filter((path) => !['reads', 'nothing said'].includes(effects.get(path) ?? ''));
  return posts.flatMap((path): DraftRead[] => {
    if (effects.get(path) !== 'reads') return [];
    // Of `/:index/search` and a POST to `/admin/search` that writes, only the first would be meant.
    if (writing.some(({ pattern }) => patternsMeet(pattern, path.pattern))) return [];
    return [{ pattern: path.pattern, comment: `POST ${path.written}: ${summaryOf(path) ?? 'by its name'}` }];
  });
}

/** What to ask the owner of an API about a POST that has a rule, and may only read. */
export function readingTodos(document: OpenApiDocument, path: ApiPath, methods: readonly string[]): string[] {
  if (!methods.includes('POST') || effectOf(document, path) !== 'perhaps') return [];
  const summary = summaryOf(path) ?? '';
  return [`TODO: "${summary}": if this only reads, replace the rule by reads: [POST ${path.pattern}]`];
}

function effectOf(document: OpenApiDocument, path: ApiPath): Effect {
  const last = lastLiteral(path)?.replace(/^.*[:.]/, '');
  if (last === undefined || ['PUT', 'PATCH', 'DELETE'].some((other) => path.operations.has(other))) return 'writes';
  if (!answersOnlyOk(document, path)) return 'writes';
  const { operationId, summary } = path.operations.get('POST') ?? {};
  const isContradicted = contradicts.test(`${String(summary ?? '')} ${words(operationId)}`);
  if (reading.test(last)) return stateful.test(last) || isContradicted ? 'nothing said' : 'reads';
  if (isContradicted || !says.test(summaryOf(path) ?? '')) return 'writes';
  return remote.test(last) ? 'reads' : 'perhaps';
}

/** It has to answer 200 with a body: what creates answers 201, 202 or 204. */
function answersOnlyOk(document: OpenApiDocument, path: ApiPath): boolean {
  const responses = mapping(path.operations.get('POST')?.responses);
  const codes = Object.keys(responses).filter((code) => /^2/.test(code));
  const hasBody = (response: unknown): boolean => {
    const { content }: Mapping = document.follow(response).value;
    return content === undefined || Object.keys(mapping(content)).length > 0;
  };
  return codes.every((code) => /^2(?:00|XX)$/i.test(code) && hasBody(responses[code]));
}

function summaryOf(path: ApiPath): string | undefined {
  const { summary, description } = path.operations.get('POST') ?? {};
  const text = [summary, description].find((each) => typeof each === 'string' && each.trim() !== '');
  return text === undefined
    ? undefined
    : String(text)
        .trim()
        .split(/[\r\n]|\. /)[0]
        ?.slice(0, 100);
}

/** `createSavedSearch` → `create Saved Search`. */
const words = (name: unknown): string => String(name ?? '').replace(/([a-z0-9])([A-Z])/g, '$1 $2');
