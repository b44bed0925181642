import { answerOf, answerSchema, shapeOf } from './api-schema.ts';
import { list, type Mapping, mapping } from './descriptions.ts';
import type { ApiModel, DraftRoute } from './draft-model.ts';
import { inWords } from './embedding.ts';
import { unwrapped } from './envelope.ts';
import { inside } from './id-sources.ts';
import { hasMember } from './keys.ts';
import { type ApiPath, byShape, templateOf } from './operations.ts';
import type { Resource } from './resource.ts';
import { lastLiteral, lastParameter } from './resources.ts';

/** Path segments where the response depends on the user. */
const perUser = new Set([
  'me',
  'my',
  'self',
  'whoami',
  'current',
  'notifications',
  'dashboard',
  'inbox',
  'cart',
  'basket',
  'session',
  'profile',
  'account',
  'feed',
  'login',
  'logout',
]);

/** Path segments of what an API writes by itself whenever something else is written. */
const ownRecords =
  /^(?:activity|activities|revisions?|events?|timeline|history|histories|audits?|audit[-_]?logs?|logs?|changes|changelog|stats|statistics|metrics|trash)$/i;

/** What the rules say, as far as routes depend on it. */
export interface Ruled {
  /** The resources whose tags rules name. */
  readonly tags: ReadonlySet<string>;
  /** The routes that rules name. */
  readonly routes: ReadonlySet<ApiPath>;
  /** There are writes. */
  readonly any: boolean;
}

/** A route for each path that can be read. For actions, `before` names the representation that they change. */
export function draftRoutes(model: ApiModel, ruled: Ruled): DraftRoute[] {
  const shapes = byShape(model.paths);
  return model.paths.flatMap((path): DraftRoute[] => {
    const read = path.operations.get('GET');
    if (read === undefined) return actionRoute(path, shapes);
    const personal = path.parts.find((part) => 'literal' in part && perUser.has(part.literal.toLowerCase()));
    const about = `${path.written}${read.operationId === undefined ? '' : ` (${String(read.operationId)})`}`;
    if (personal !== undefined && 'literal' in personal) {
      const comments = [about, `"${personal.literal}": the response depends on the user, so it is not stored`];
      return [{ comments, match: path.pattern, off: true, tags: [], before: undefined }];
    }
    const literal = path.parts.find((part) => 'literal' in part && ownRecords.test(part.literal));
    const isWritten = ['PUT', 'PATCH', 'POST'].some((method) => path.operations.has(method));
    if (literal !== undefined && 'literal' in literal && !isWritten && ruled.any) {
      const why = `TODO: "${literal.literal}": other writes may add to it, so it is not stored`;
      return [{ comments: [about, why], match: path.pattern, off: true, tags: [], before: undefined }];
    }
    const { tags, comments } = tagsOf(model, path, read, ruled.tags);
    const isNamed = ruled.routes.has(path) || tags.length > 0 || !ruled.any;
    const why = isNamed ? undefined : unknown(model, path, read);
    if (why !== undefined) {
      const todo = `TODO: ${why}, so it is not stored: which writes change it?`;
      return [{ comments: [about, todo], match: path.pattern, off: true, tags: [], before: undefined }];
    }
    const unchanged = isNamed ? [] : ['no write in the document was found to change it'];
    return [
      {
        comments: [about, ...secured(model, read), ...unchanged, ...comments],
        match: path.pattern,
        off: false,
        tags,
        before: undefined,
      },
    ];
  });
}

function secured({ document, credentials }: ApiModel, operation: Mapping): string[] {
  const security = list(operation.security ?? document.security);
  const required = security.length > 0 && security.every((each) => Object.keys(Object(each)).length > 0);
  if (!required) return [];
  if (credentials !== undefined) return ['needs credentials: kept for each user, see defaults'];
  return [
    'needs credentials: stored only if the API says public or s-maxage; otherwise set cache: { credentials: perUser, userKey: [authorization] }',
  ];
}

/** Why nothing says what a response is made of: counts, maps, texts, or no description at all. */
function unknown({ document }: ApiModel, path: ApiPath, read: Mapping): string | undefined {
  if (['PUT', 'PATCH', 'POST', 'DELETE'].some((method) => path.operations.has(method))) return undefined;
  const { content } = answerOf(document, read);
  const types = Object.keys(mapping(content));
  if (types.length === 0) return 'the document does not say what it answers';
  const schema = answerSchema(document, read);
  // Files and pages.
  if (schema === undefined) return undefined;
  const shape = shapeOf(document, unwrapped(document, schema).schema);
  const inner = shape.items === undefined ? shape : shapeOf(document, shape.items);
  const isNumber = (member: unknown): boolean => /^(?:integer|number)$/.test(shapeOf(document, member).scalar ?? '');
  const members = [...inner.properties.values()];
  return members.every(isNumber) ? 'it is computed of something that the document does not name' : undefined;
}

function tagsOf(
  model: ApiModel,
  path: ApiPath,
  read: Mapping,
  named: ReadonlySet<string>,
): { tags: string[]; comments: string[] } {
  const own = model.owners.get(path);
  const isItem = own?.items.includes(path) === true;
  const tags = isItem && own !== undefined && named.has(own.name) ? ownTag(model, path, own, read) : [];
  const comments = new Map<string, string>();
  for (const { resource, path: where, place: shown, because, isList } of model.showing.embeddedIn(path)) {
    const embedded = model.resources.get(resource);
    // When an element changes, the list is invalidated by its own path.
    if (embedded === undefined || where === undefined || !named.has(resource) || isList) continue;
    if (!isItem && own === embedded && /^(?:\.\w+)*\[\*\]\.[\w.]+$/.test(where)) continue;
    tags.push(`${resource}:{response${where}}`);
    const end = where.lastIndexOf(`.${embedded.idField}`);
    const place = end < 0 ? shown : inWords(where.slice(0, end));
    comments.set(`${resource} ${because}`, `embeds ${resource}: ${place === '' ? 'itself' : place} (${because})`);
  }
  const found = [...comments.values()];
  if (tags.some((tag) => tag.includes(', :0]')))
    found.push(`['name', :0] is name, or nothing if it is absent: members that are not required may be missing`);
  return { tags: [...new Set(tags)], comments: found };
}

/** By the parameter of the path, or by the response if that has another member of it. */
function ownTag({ document }: ApiModel, path: ApiPath, { name, idField, keys }: Resource, read: Mapping): string[] {
  const parameter = lastParameter(path);
  if (idField === undefined) return [];
  if (keys.get(path) === idField && parameter !== undefined) return [`${name}:{${parameter}}`];
  const { path: wrapper, schema } = unwrapped(document, answerSchema(document, read));
  const shape = shapeOf(document, schema);
  return hasMember(document, shape, idField) ? [`${name}:{response.${inside(wrapper)}${idField}}`] : [];
}

/** `POST /steps/{id}/publish` changes the step: `before` is the representation of the step. */
function actionRoute(path: ApiPath, shapes: ReadonlyMap<string, ApiPath>): DraftRoute[] {
  const item = actedUpon(path, shapes);
  if (item === undefined) return [];
  const comments = [`${path.written} changes ${item.written}`];
  return [{ comments, match: path.pattern, off: false, tags: [], before: `GET ${templateOf(item)}` }];
}

/** The item of an action: the path without its last, literal segment. */
export function actedUpon(path: ApiPath, shapes: ReadonlyMap<string, ApiPath>): ApiPath | undefined {
  if (lastLiteral(path) === undefined || path.operations.has('GET')) return undefined;
  const item = shapes.get(path.shape.slice(0, path.shape.lastIndexOf('/')));
  return item !== undefined && lastParameter(item) !== undefined && item.operations.has('GET') ? item : undefined;
}
