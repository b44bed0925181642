import type { WriteProtectionConfig } from '../../config/model.ts';
import { GatewayError } from '../../errors.ts';
import type { Fields } from '../../http/fields.ts';
import { essenceOf } from '../../http/media-type.ts';
import { parseJson } from '../../rules/json.ts';
import { mergePatched, overlaid, type Preserved } from '../../rules/json-merge.ts';
import {
  changedMembers,
  isEmptyPatch,
  otherwiseSpelled,
  touchingOperations,
  withoutElements,
  withoutMembers,
} from '../../rules/json-preserve.ts';
import { type Body, sameJson } from '../../rules/nodes.ts';
import { type Current, type Document, documentOf } from './document.ts';
import type { Protection } from './protections.ts';

/** A write as it would reach the API. */
export interface Proposal {
  readonly body: Buffer | undefined;
  /** It differs from what the client has sent. */
  readonly rewritten: boolean;
  /** The resource is in the state that this write asks for: it would change nothing. False where that is not known. */
  readonly unchanged: boolean;
}

interface Proposed {
  readonly method: string;
  readonly headers: Fields;
  readonly body: Buffer | undefined;
}

type ProtectionSettings = Pick<Protection, 'config' | 'preserve'>;

/**
 * What a protection makes of a write. Pure.
 * @throws GatewayError unmergeable, currentUnmergeable, preservedMember, unsupportedMediaType
 */
export function proposalOf(write: Proposed, current: Current | undefined, protection: ProtectionSettings): Proposal {
  const { method, body } = write;
  // Without a current representation there is nothing to lose: the write creates it as it is.
  if (current === undefined) return { body, rewritten: false, unchanged: false };
  if (body === undefined) {
    const { merge, preserve } = protection.config;
    const isKept = (method === 'PUT' && merge) || (isReplacing(method) && preserve.paths.length > 0);
    if (isKept) throw new GatewayError('unmergeable', 'there is none');
    return { body, rewritten: false, unchanged: false };
  }
  if (method === 'PUT') return replacing({ ...write, body }, current, protection);
  if (method === 'PATCH') return patching({ ...write, body }, current, protection);
  return { body, rewritten: false, unchanged: false };
}

const isReplacing = (method: string): boolean => method === 'PUT' || method === 'PATCH';

type WithBody = Proposed & { readonly body: Buffer };

function replacing({ headers, body }: WithBody, current: Current, { config, preserve }: ProtectionSettings): Proposal {
  const sent = documentOf(body, headers);
  const present = documentOf(current.body, current.headers);
  if (!config.merge && preserve.size === 0) {
    const areJson = 'text' in sent && 'text' in present;
    const isEqual = areJson ? isSame(sent.json, present.json) : body.equals(current.body);
    return { body, rewritten: false, unchanged: isEqual && isOneVariant(headers, current.headers) };
  }
  const [from, onto] = mergeable({ sent, present }, headers, current);
  if (!isObject(from.json.value) && (preserve.size > 0 || isObject(onto.json.value))) {
    // `null` of a form that had not loaded would remove everything.
    throw new GatewayError('unmergeable', 'it is no object, and would replace one');
  }
  refuseSpellings(from, onto, preserve);
  const text = overlaid(from.text, onto.text, { merge: config.merge, preserve });
  if (text === from.text) return { body, rewritten: false, unchanged: isSame(from.json, onto.json) };
  return { body: Buffer.from(text), rewritten: true, unchanged: isSame(jsonOf(text), onto.json) };
}

function patching(write: WithBody, current: Current, protection: ProtectionSettings): Proposal {
  const { headers, body } = write;
  const { config } = protection;
  const { preserve, unchanged: onUnchanged } = config;
  const asItIs: Proposal = { body, rewritten: false, unchanged: false };
  const type = essenceOf(headers.get('content-type'));
  const protects = preserve.paths.length > 0;
  if (type === 'application/json-patch+json') return protects ? operating(write, preserve) : asItIs;
  // Many APIs take plain JSON for a merge patch.
  if (type !== 'application/merge-patch+json' && type !== 'application/json') {
    if (!protects) return asItIs;
    const detail = 'send application/merge-patch+json, application/json-patch+json or application/json';
    throw new GatewayError('unsupportedMediaType', detail);
  }
  if (!protects && onUnchanged === 'send' && config.precondition === 'off') return asItIs;
  const sent = documentOf(body, headers);
  const present = documentOf(current.body, current.headers);
  if (!protects && !('text' in sent && 'text' in present)) return asItIs;
  const [patch, onto] = mergeable({ sent, present }, protects ? headers : undefined, current);
  if (protects) {
    refuseRoot(patch.json.value, type);
    refuseSpellings(patch, onto, protection.preserve);
  }
  const merged = jsonOf(mergePatched(onto.text, patch.text));
  const touched = changedMembers(merged, onto.json, preserve.paths);
  if (touched.length > 0 && preserve.onPatch === 'refuse') throw refusal(touched.map(shown));
  // Plain JSON may mean another thing by null.
  const isCertain = (text: string): boolean =>
    isOneLanguage(headers, current.headers) && (type === 'application/merge-patch+json' || !/\bnull\b/.test(text));
  if (touched.length === 0) {
    return { body, rewritten: false, unchanged: isCertain(patch.text) && isSame(merged, onto.json) };
  }
  const text = withoutMembers(patch.text, touched);
  // One of which nothing is left has asked for another state than this one.
  const mayBeDone = isCertain(text) && !isEmptyPatch(jsonOf(text).value);
  const unchanged = mayBeDone && isSame(jsonOf(mergePatched(onto.text, text)), onto.json);
  return { body: Buffer.from(text), rewritten: true, unchanged };
}

/** What replaces the whole resource, or is not a merge patch at all, cannot be freed of what it says of a member. */
function refuseRoot(patch: unknown, type: string): void {
  if (Array.isArray(patch) && type === 'application/json') {
    throw new GatewayError('unsupportedMediaType', 'send a list of operations as application/json-patch+json');
  }
  if (!isObject(patch)) {
    throw new GatewayError('unmergeable', 'a merge patch of a resource with preserved members has to be an object');
  }
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Whether what is sent is, for certain, of the type and the language of the current representation. */
function isOneVariant(sent: Fields, current: Fields): boolean {
  return isOneType(sent, current) && isOneLanguage(sent, current);
}

/** A body without Content-Language is taken to be in the current language. */
function isOneLanguage(sent: Fields, current: Fields): boolean {
  const [a, b] = [sent.get('content-language'), current.get('content-language')];
  return a === undefined || a.toLowerCase() === b?.toLowerCase();
}

/** Whether two media types are one, or both of JSON. A field that names none is no JSON: the API may refuse it. */
function isOneType(a: Fields, b: Fields): boolean {
  const [x, y] = [a.get('content-type'), b.get('content-type')];
  if (x !== undefined && y !== undefined && essenceOf(x) === essenceOf(y)) return true;
  return [x, y].every((type) => type === undefined || /[/+]json$/.test(essenceOf(type)));
}

function refuseSpellings(sent: Document, present: Document, preserve: Preserved): void {
  const members = otherwiseSpelled(sent.json.value, present.json.value, preserve).map(shown);
  if (members.length > 0) throw refusal(members, 'it names a preserved member in other letter case');
}

function operating({ headers, body }: WithBody, { paths, onPatch }: WriteProtectionConfig['preserve']): Proposal {
  const sent = documentOf(body, headers);
  if ('why' in sent) throw new GatewayError('unmergeable', sent.why);
  const touching = touchingOperations(sent.json.value, paths);
  if ('why' in touching) throw new GatewayError('unmergeable', touching.why);
  if (touching.length === 0) return { body, rewritten: false, unchanged: false };
  if (onPatch === 'refuse') throw refusal(touching.map((i) => `operation ${i}`));
  return { body: Buffer.from(withoutElements(sent.text, touching)), rewritten: true, unchanged: false };
}

type Read = Document | { readonly why: string };

function mergeable(
  { sent, present }: { readonly sent: Read; readonly present: Read },
  headers: Fields | undefined,
  current: Current,
): readonly [Document, Document] {
  if ('why' in sent) throw new GatewayError('unmergeable', sent.why);
  if ('why' in present) throw new GatewayError('currentUnmergeable', present.why);
  const isNamed = headers !== undefined && current.headers.has('content-language');
  if (isNamed && !isOneLanguage(headers, current.headers)) {
    const hint = 'ask for the language that you write in by Accept-Language';
    throw new GatewayError('currentUnmergeable', `it is in another language: ${hint}`);
  }
  return [sent, present];
}

const shown = (names: readonly string[]): string => names.join('.');

function refusal(members: readonly string[], why = 'it would change'): GatewayError {
  const detail = `${why}: ${members.slice(0, 8).join(', ')}`;
  return new GatewayError('preservedMember', detail, { more: { members: members.slice(0, 64) } });
}

/** A text made of valid ones. */
function jsonOf(text: string): Body {
  const json = parseJson(text, 'application/json');
  if ('value' in json) return json;
  throw new GatewayError('unmergeable', 'together with the current representation it is too long');
}

const nothingIgnored = { a: new Map(), b: new Map() };
const isSame = (a: Body, b: Body): boolean => sameJson(a, b, nothingIgnored);
