import { type Shape, shapeOf } from './api-schema.ts';
import { list, type Mapping, mapping } from './descriptions.ts';
import type { OpenApiDocument } from './document.ts';
import type { ApiPath } from './operations.ts';
import { plainWord, singular } from './words.ts';

/** What a description says about a path parameter. */
interface Parameter {
  readonly name: string;
  readonly type: string | undefined;
  readonly examples: ReadonlySet<string>;
}

/** Members that hold the identity of a representation: `metadata.name` in Kubernetes. */
const identities = ['metadata', 'sys', 'attributes'];
const ids = ['id', '_id', 'uuid', 'guid', 'gid', 'sid', 'oid', 'pk'];
/** Members that URLs are made of, the most telling first. */
const handles = ['login', 'username', 'slug', 'handle', 'key', 'code', 'sku', 'symbol', 'name'];
/** What a parameter is called elsewhere: Gitea's `/issues/{index}` is the `number` of the issue. */
const synonyms: Readonly<Record<string, readonly string[]>> = {
  index: ['number', 'index'],
  num: ['number'],
  no: ['number'],
  username: ['login', 'username', 'user_name'],
  user: ['login', 'username'],
  org: ['login', 'username'],
  tag: ['tag_name', 'name'],
};

/**
 * The member of a representation that the last parameter of its path stands for: `id` for `/pets/{petId}`, `number`
 * for `/milestones/{milestone_number}`. By name first, then by examples. Undefined if several could be meant: a wrong
 * one would leave stale responses behind, while an unknown one only invalidates more than needed.
 */
export function keyOf(document: OpenApiDocument, path: ApiPath, shape: Shape, noun: string): string | undefined {
  const last = path.parts.at(-1);
  if (last === undefined || 'literal' in last || last.written === undefined) return undefined;
  const parameter = parameterOf(document, path, last.written);
  const members = membersOf(document, shape);
  const fits = (name: string): boolean => members.has(name) && isOfType(document, members.get(name), parameter);
  const byExamples = (): string | undefined => byExample(document, members, parameter);
  const isText = (name: string): boolean => fits(name) && shapeOf(document, members.get(name)).scalar !== 'integer';
  return candidates({
    written: parameter.name,
    noun,
    fits,
    byExamples,
    isHandle: parameter.type === 'string' ? isText : fits,
  });
}

interface Candidates {
  readonly written: string;
  readonly noun: string;
  readonly fits: (member: string) => boolean;
  /** Whether a text can be it. */
  readonly isHandle: (member: string) => boolean;
  readonly byExamples: () => string | undefined;
}

function candidates({ written, noun, fits, isHandle, byExamples }: Candidates): string | undefined {
  const word = plainWord(written);
  const bare = withoutNoun(word, noun);
  const forms = [
    ...new Set([written, word.replaceAll('-', '_'), camel(word), bare?.replaceAll('-', '_') ?? '', camel(bare ?? '')]),
  ];
  const named = forms.find((form) => form !== '' && fits(form));
  if (named !== undefined) return named;
  const nested = identities.flatMap((outer) => forms.map((form) => `${outer}.${form}`)).find(fits);
  if (nested !== undefined) return nested;
  const example = byExamples();
  if (example !== undefined) return example;
  const meant = [word, bare ?? ''].flatMap((each) => synonyms[each] ?? []).find(fits);
  if (meant !== undefined) return meant;
  // `petId`, `pet_uuid`, or an id of another name: only one can be meant.
  if (ids.includes(bare ?? word) || /(?:^|-)(?:id|uuid|gid|sid)$/.test(word)) {
    const own = [...ids, ...ids.map((id) => `${noun.replaceAll('-', '_')}_${id}`)].filter(fits);
    return own.length === 1 ? own[0] : own.includes('id') && (bare ?? 'id') === 'id' ? 'id' : undefined;
  }
  // `/orgs/{org}`: a handle, if it has only one.
  if (word !== noun) return undefined;
  const found = [...handles, 'id'].filter(isHandle);
  return found.length === 1 || found[0] === 'login' || found[0] === 'username' ? found[0] : undefined;
}

/** `milestone-number` → `number` for milestones, `issueid` → `id`. */
function withoutNoun(word: string, noun: string): string | undefined {
  for (const head of [noun, ...(noun.includes('-') ? [noun.slice(noun.lastIndexOf('-') + 1)] : [])]) {
    if (word.startsWith(`${head}-`)) return word.slice(head.length + 1);
    if (word.startsWith(head) && ids.includes(word.slice(head.length))) return word.slice(head.length);
  }
  return undefined;
}

const camel = (word: string): string => word.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());

/** The members of a representation, and those of its identity: `metadata.name`. */
function membersOf(document: OpenApiDocument, { properties }: Shape): Map<string, unknown> {
  const members = new Map(properties);
  for (const outer of identities) {
    if (!properties.has(outer)) continue;
    for (const [name, schema] of shapeOf(document, properties.get(outer)).properties)
      members.set(`${outer}.${name}`, schema);
  }
  return members;
}

/** Whether a representation has the member: `number`, `metadata.name`. */
export function hasMember(document: OpenApiDocument, { properties }: Shape, path: string): boolean {
  const [outer = '', inner] = path.split('.');
  if (inner === undefined) return properties.has(outer);
  return shapeOf(document, properties.get(outer)).properties.has(inner);
}

/** An integer is no name. A parameter without a type, or of type string, may be anything. */
function isOfType(document: OpenApiDocument, member: unknown, { type }: Parameter): boolean {
  const shape = shapeOf(document, member);
  if (shape.items !== undefined || (shape.properties.size > 0 && shape.scalar === undefined)) return false;
  if (type === undefined || shape.scalar === undefined) return true;
  const isNumber = (each: string): boolean => each === 'integer' || each === 'number';
  return !isNumber(type) || isNumber(shape.scalar);
}

function byExample(
  document: OpenApiDocument,
  members: ReadonlyMap<string, unknown>,
  { examples }: Parameter,
): string | undefined {
  if (examples.size === 0) return undefined;
  const same = [...members].filter(([, schema]) => {
    const { value } = document.follow(schema);
    return [value.example, value.default, ...list(value.examples)].some(
      (each) => isScalar(each) && examples.has(String(each)),
    );
  });
  return same.length === 1 ? same[0]?.[0] : undefined;
}

const isScalar = (value: unknown): boolean => typeof value === 'string' || typeof value === 'number';

function parameterOf(document: OpenApiDocument, path: ApiPath, name: string): Parameter {
  const declared = [...path.operations.values(), path.item].flatMap(({ parameters }) =>
    list(parameters).map((each) => document.follow(each).value),
  );
  const found: Mapping = declared.find((each) => each.in === 'path' && each.name === name) ?? {};
  const schema = document.follow(found.schema).value;
  const several = Object.values(mapping(found.examples)).map((each) => document.follow(each).value.value);
  const examples = [found.example, schema.example, ...list(schema.examples), ...several].filter(isScalar).map(String);
  return { name, type: shapeOf(document, found.schema).scalar, examples: new Set(examples) };
}

/** Whether a name is one that never changes: what is renamed has a new path. */
export const isLasting = (key: string): boolean => ids.includes(key) || /(?:_|^)(?:id|uuid|number)$|Id$/.test(key);

/** The noun of a path that ends in a parameter: `steps` for `/trips/{a}/steps/{b}`, `repos` for `/repos/{a}/{b}`. */
export function nounOf({ parts }: Pick<ApiPath, 'parts'>): string | undefined {
  const words = parts.flatMap((part) => ('literal' in part ? [plainWord(singular(part.literal))] : []));
  return words.findLast((word) => word !== '');
}
