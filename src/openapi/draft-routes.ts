import { answerSchema } from './api-schema.ts';
import { list, type Mapping } from './document.ts';
import type { ApiModel, DraftRoute } from './draft-model.ts';
import type { ApiPath } from './operations.ts';
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
]);

/** A route for each path that can be read. For actions, `before` names the representation that they change. */
export function draftRoutes(model: ApiModel, named: ReadonlySet<string>): DraftRoute[] {
  const byPattern = new Map(model.paths.map((path) => [path.pattern, path]));
  return model.paths.flatMap((path): DraftRoute[] => {
    const read = path.operations.get('GET');
    if (read === undefined) return actionRoute(path, byPattern);
    const personal = path.parts.find((part) => 'literal' in part && perUser.has(part.literal.toLowerCase()));
    const about = `${path.written}${read.operationId === undefined ? '' : ` (${String(read.operationId)})`}`;
    if (personal !== undefined && 'literal' in personal) {
      const comments = [about, `"${personal.literal}": the response depends on the user, so it is not stored`];
      return [{ comments, match: path.pattern, off: true, tags: [], before: undefined }];
    }
    const { tags, comments } = tagsOf(model, path, read, named);
    return [
      {
        comments: [about, ...secured(model, read), ...comments],
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

function tagsOf(
  model: ApiModel,
  path: ApiPath,
  read: Mapping,
  named: ReadonlySet<string>,
): { tags: string[]; comments: string[] } {
  const own = model.owners.get(path);
  const isItem = own?.items.includes(path) === true;
  const tags: string[] = [];
  const comments: string[] = [];
  if (isItem && own !== undefined && named.has(own.name)) tags.push(`${own.name}:{${lastParameter(path)}}`);
  for (const { resource, path: where, place, because } of model.embeddings.of(
    answerSchema(model.document, read),
    isItem ? own?.name : undefined,
  )) {
    const embedded = model.resources.get(resource);
    // When an element changes, the list is invalidated by its own path.
    if (embedded === undefined || !named.has(resource) || (!isItem && own === embedded)) continue;
    tags.push(`${resource}:{response${where}}`);
    comments.push(`embeds ${resource}: ${place} (${because})`);
  }
  if (tags.some((tag) => tag.includes(', :0]')))
    comments.push(`['name', :0] is name, or nothing if it is absent: members that are not required may be missing`);
  return { tags: [...new Set(tags)], comments };
}

/** `POST /steps/{id}/publish` changes the step: `before` is the representation of the step. */
function actionRoute(path: ApiPath, byPattern: ReadonlyMap<string, ApiPath>): DraftRoute[] {
  const item = actedUpon(path, byPattern);
  if (item === undefined) return [];
  const comments = [`${path.written} changes ${item.written}`];
  return [{ comments, match: path.pattern, off: false, tags: [], before: `GET ${templateOf(item)}` }];
}

/** The item of an action: the path without its last, literal segment. */
export function actedUpon(path: ApiPath, byPattern: ReadonlyMap<string, ApiPath>): ApiPath | undefined {
  if (lastLiteral(path) === undefined || path.operations.has('GET')) return undefined;
  const item = byPattern.get(path.pattern.slice(0, path.pattern.lastIndexOf('/')));
  return item !== undefined && lastParameter(item) !== undefined && item.operations.has('GET') ? item : undefined;
}

/** A path with its own parameters as placeholders: `/steps/{id}`. */
export function templateOf({ parts }: ApiPath): string {
  return `/${parts.map((part) => ('literal' in part ? part.literal : part.parameter === undefined ? '*' : `{${part.parameter}}`)).join('/')}`;
}
