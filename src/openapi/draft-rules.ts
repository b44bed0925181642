import { answerSchema, requestSchema, shapeOf, unwrapped } from './api-schema.ts';
import type { ApiModel, DraftRule, DraftTarget } from './draft-model.ts';
import { actedUpon, templateOf } from './draft-routes.ts';
import { type Known, parametersOf, pathTarget, TargetDrafter, targetOf, unique } from './draft-targets.ts';
import { createdField, createdIds, elementsOf, inside, type Others, requestedIds } from './id-sources.ts';
import { type ApiPath, operationsOf } from './operations.ts';
import { lastLiteral, lastParameter, type Resource } from './resources.ts';
import { plainWord, singular } from './words.ts';

const changes = ['PUT', 'PATCH', 'DELETE', 'POST'];

/** Rules for each path that can be written, with the tags of their resources, whether or not routes declare them. */
export function draftRules(model: ApiModel): DraftRule[] {
  const byPattern = new Map(model.paths.map((path) => [path.pattern, path]));
  const names = new Map<string, number>();
  const drafter = new RuleDrafter(model, byPattern);
  return model.paths
    .flatMap((path) => drafter.rulesOf(path))
    .map((rule) => {
      const count = (names.get(rule.name) ?? 0) + 1;
      names.set(rule.name, count);
      return count === 1 ? rule : { ...rule, name: `${rule.name}-${count}` };
    });
}

/** The resources whose tags rules name. A new resource is in no stored response, so it alone needs no tag. */
export function namedTags(rules: readonly DraftRule[]): ReadonlySet<string> {
  return new Set(
    rules.flatMap(({ targets, creates }) =>
      targets.flatMap(({ kind, text }) => (kind === 'tag' && tagName(text) !== creates ? [tagName(text)] : [])),
    ),
  );
}

/** Without tags that no route declares. */
export function withTags(rules: readonly DraftRule[], carried: ReadonlySet<string>): DraftRule[] {
  return rules.map((rule) => {
    const targets = rule.targets.filter(({ kind, text }) => kind === 'path' || carried.has(tagName(text)));
    const itself = pathTarget(rule.pattern.replace(/:([A-Za-z0-9_]+)/g, '{$1}'), 'itself');
    return { ...rule, targets: targets.length === 0 ? [itself] : targets };
  });
}

export const tagName = (tag: string): string => tag.slice(0, tag.indexOf(':'));

class RuleDrafter {
  readonly #model: ApiModel;
  readonly #byPattern: ReadonlyMap<string, ApiPath>;
  readonly #targets: TargetDrafter;
  readonly #baseLength: number;

  constructor(model: ApiModel, byPattern: ReadonlyMap<string, ApiPath>) {
    this.#model = model;
    this.#byPattern = byPattern;
    this.#targets = new TargetDrafter(model, byPattern);
    this.#baseLength = baseLength(model);
  }

  rulesOf(path: ApiPath): DraftRule[] {
    const written = changes.filter((method) => path.operations.has(method));
    if (written.length === 0) return [];
    const owner = this.#model.owners.get(path);
    if (owner?.items.includes(path) === true) return this.#itemRules(path, owner, written);
    if (owner !== undefined) return this.#collectionRules(path, owner, written);
    const item = actedUpon(path, this.#byPattern);
    const subject = item && this.#model.owners.get(item);
    if (item !== undefined && subject !== undefined) return [this.#actionRule(path, item, subject, written)];
    return [this.#otherRule(path, written)];
  }

  /** PUT, PATCH and DELETE of an item: itself, its lists, and its parents before and after. */
  #itemRules(path: ApiPath, resource: Resource, methods: readonly string[]): DraftRule[] {
    const inBody = fieldsAt(resource, ['before', 'response']);
    const known: Known = {
      resource,
      ids: lastParameter(path) ?? '*',
      others: this.#others(path, resource, inBody),
    };
    const looked = this.#parentsByLookup(resource, known);
    const changed: DraftRule = {
      comments: [`${methods.join(', ')} ${path.written}`],
      name: `${resource.name}-changed`,
      methods,
      pattern: path.pattern,
      before: true,
      lookups: looked.lookups,
      targets: unique([...this.#targets.ofWrite(path, resource, known), ...looked.targets]),
      event: `${resource.name}.changed`,
    };
    const below = methods.includes('DELETE') ? unique(this.#targets.below(resource, known)) : [];
    if (below.length === 0) return [changed];
    const deleted: DraftRule = {
      comments: [`DELETE ${path.written}: in addition to what a change makes stale`],
      name: `${resource.name}-deleted`,
      methods: ['DELETE'],
      pattern: path.pattern,
      before: below.some(({ text }) => text.includes('before.')),
      lookups: {},
      targets: below,
      event: `${resource.name}.deleted`,
    };
    return [changed, deleted];
  }

  /** POST creates an item, whose id only the response has; the other methods write several. */
  #collectionRules(path: ApiPath, resource: Resource, methods: readonly string[]): DraftRule[] {
    const creates = methods.includes('POST') && !this.#isBatch(path, 'POST');
    const batches = methods.filter((method) => method !== 'POST' || !creates);
    const rules: DraftRule[] = [];
    if (creates) {
      const { document } = this.#model;
      const post = path.operations.get('POST') ?? {};
      const inBody = (field: string): string[] => {
        const source = createdField(document, post, resource.wrapper, field);
        return source === undefined ? [] : [source];
      };
      const known: Known = {
        resource,
        ids: createdIds(document, post, resource),
        others: this.#others(path, resource, inBody),
      };
      const looked = this.#parentsByLookup(resource, known);
      rules.push({
        comments: [`POST ${path.written}: only the response has the id of a new ${resource.name}`],
        name: `${resource.name}-created`,
        methods: ['POST'],
        pattern: path.pattern,
        before: false,
        lookups: looked.lookups,
        targets: unique([...this.#targets.ofWrite(path, resource, known), ...looked.targets]),
        event: `${resource.name}.created`,
        creates: resource.name,
      });
    }
    if (batches.length > 0) rules.push(this.#batchRule(path, resource, batches));
    return rules;
  }

  #batchRule(path: ApiPath, resource: Resource, methods: readonly string[]): DraftRule {
    const { document } = this.#model;
    const places = methods.flatMap((method) => elementsOf(document, path.operations.get(method) ?? {}));
    const requested = requestedIds(this.#model, path, methods).filter(({ resource: named }) => named === resource);
    const ids = [
      ...places.map((place) => `${place}.${resource.idField}`),
      ...requested.flatMap(({ source, many }) => (many ? [source] : [])),
    ];
    const others = new Map(
      (places.length === 0 ? [] : resource.references).map(({ resource: other, path: field }) => {
        const sources = [...new Set(places.map((place) => `${place}.${field}`))];
        return [other, { sources, why: `each names its ${other} by ${field}` }] as const;
      }),
    );
    const known: Known = { resource, ids: ids.length === 0 ? '*' : [...new Set(ids)].join(', '), others };
    const targets = this.#targets.ofWrite(path, resource, known);
    return {
      comments: [`${methods.join(', ')} ${path.written}: a batch. The tag finds parents that the items leave`],
      name: `${resource.name}-batch`,
      methods,
      pattern: path.pattern,
      before: false,
      lookups: {},
      targets: unique([...targets, ...(places.length === 0 ? this.#targets.anyParents(resource) : [])]),
      event: `${resource.name}.changed`,
    };
  }

  #actionRule(path: ApiPath, item: ApiPath, resource: Resource, methods: readonly string[]): DraftRule {
    const known: Known = {
      resource,
      ids: lastParameter(item) ?? '*',
      others: this.#others(item, resource, fieldsAt(resource, ['before'])),
    };
    const looked = this.#parentsByLookup(resource, known);
    const action = plainWord(lastLiteral(path) ?? 'action');
    return {
      comments: [`${methods.join(', ')} ${path.written}: assumed to be an action on ${item.written}`],
      name: `${resource.name}-${action}`,
      methods,
      pattern: path.pattern,
      before: true,
      lookups: looked.lookups,
      targets: unique([
        ...this.#targets.ofWrite(item, resource, known),
        ...looked.targets,
        ...this.#requested(path, methods),
      ]),
      event: `${resource.name}.changed`,
    };
  }

  /** A part of an item, or a singleton. */
  #otherRule(path: ApiPath, methods: readonly string[]): DraftRule {
    const own: DraftTarget[] = path.operations.has('GET') ? [pathTarget(templateOf(path), 'itself')] : [];
    const shown = this.#shown(path, methods);
    const name = path.parts
      .flatMap((part) => ('literal' in part ? [plainWord(part.literal)] : []))
      .slice(-2)
      .join('-');
    const targets = unique([
      ...own,
      ...this.#targets.ancestors(path),
      ...shown.targets,
      ...this.#requested(path, methods),
    ]);
    return {
      comments: [
        `${methods.join(', ')} ${path.written}`,
        ...(targets.length === 0 ? ['TODO: what does it change? The document does not say'] : []),
      ],
      name: `${name || 'root'}-changed`,
      methods,
      pattern: path.pattern,
      before: shown.before,
      lookups: {},
      targets: targets.length === 0 ? [pathTarget(templateOf(path), 'itself')] : targets,
      event: `${name || 'root'}.changed`,
    };
  }

  /** `PUT /users/me` or `GET /users/me` responds with a user: that user changes, also at its own path. */
  #shown(path: ApiPath, methods: readonly string[]): { targets: readonly DraftTarget[]; before: boolean } {
    const { document, embeddings, resources } = this.#model;
    const roots = [
      ['before', ['GET']],
      ['response', methods],
    ] as const;
    const [many] = path.parts.slice(-2);
    const one = many && 'literal' in many ? resources.get(plainWord(singular(many.literal))) : undefined;
    const ids = new Map<Resource, Set<string>>();
    for (const [root, each] of roots) {
      for (const operation of operationsOf(path, each)) {
        const { schema, path: wrapper } = unwrapped(document, answerSchema(document, operation));
        const { names, properties } = shapeOf(document, schema);
        const resource = embeddings.described(names) ?? one;
        if (resource === undefined || !properties.has(resource.idField)) continue;
        const sources = ids.get(resource) ?? new Set<string>();
        ids.set(resource, sources.add(`${root}.${inside(wrapper)}${resource.idField}`));
      }
    }
    const targets = [...ids].flatMap(([resource, sources]) => {
      const known: Known = { resource, ids: [...sources].join(', '), others: new Map() };
      return this.#targets.ofResource(path, resource, known);
    });
    return { targets, before: targets.some(({ text }) => text.includes('{before.')) };
  }

  /** Several ids identify what is written; a single one may be only a reference. */
  #requested(path: ApiPath, methods: readonly string[]): DraftTarget[] {
    return requestedIds(this.#model, path, methods).flatMap(({ resource, source, many }) => {
      const known: Known = { resource, ids: source, others: new Map() };
      const targets = this.#targets.ofResource(path, resource, known);
      return many ? [...targets, ...this.#targets.anyParents(resource)] : targets;
    });
  }

  /** The sources of the ids of other resources: the path of the write, and fields of what is written. */
  #others(path: ApiPath, resource: Resource, inBody: (field: string) => string[]): Others {
    const others = new Map<string, { sources: string[]; why: string }>();
    for (const { resource: name, path: field } of resource.references) {
      const sources = inBody(field);
      const earlier = others.get(name);
      if (earlier === undefined) others.set(name, { sources, why: `${resource.name}.${field} names it` });
      else earlier.sources.push(...sources);
    }
    for (const [name, parameter] of parametersOf(path)) {
      if (name === resource.name) continue;
      const fields = others.get(name)?.sources ?? [];
      others.set(name, { sources: [parameter, ...fields], why: others.get(name)?.why ?? 'it is below that' });
    }
    return others;
  }

  /** What embeds the parents: found by a lookup if the written resource does not name it. */
  #parentsByLookup(resource: Resource, known: Known): { lookups: Record<string, string>; targets: DraftTarget[] } {
    const lookups: Record<string, string> = {};
    const targets: DraftTarget[] = [];
    for (const [name, { sources }] of known.others) {
      const parent = this.#model.resources.get(name);
      const place = parent?.items.find(
        ({ parts, operations }) => operations.has('GET') && parts.length === 2 + this.#baseLength,
      );
      if (parent === undefined || place === undefined || sources.length === 0) continue;
      if (sources.some((source) => source.includes('*'))) continue;
      const root = name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
      for (const { resource: above, path: field } of parent.references) {
        if (above === resource.name || known.others.has(above) || /[*]/.test(field)) continue;
        if (Object.keys(lookups).length >= MAX_LOOKUPS || reserved.has(root)) continue;
        const higher = this.#model.resources.get(above)?.items.filter(({ operations }) => operations.has('GET')) ?? [];
        const looked: Known = {
          resource: undefined,
          ids: '*',
          others: new Map([[above, { sources: [`${root}.${inside(parent.wrapper)}${field}`], why: '' }]]),
        };
        const found = higher.flatMap((item) =>
          targetOf(this.#targets.fill(item, looked), `${name}.${field} names it, with one lookup`),
        );
        if (found.length === 0) continue;
        lookups[root] = this.#targets.fill(place, known) ?? '';
        targets.push(...found);
      }
    }
    return { lookups, targets };
  }

  #isBatch(path: ApiPath, method: string): boolean {
    const schema = requestSchema(this.#model.document, path.operations.get(method) ?? {});
    const inner = unwrapped(this.#model.document, schema);
    return shapeOf(this.#model.document, inner.schema).items !== undefined;
  }
}

/** As many lookups as a rule may have. */
const MAX_LOOKUPS = 4;
const reserved = new Set(['params', 'query', 'request', 'response', 'before']);

const fieldsAt =
  ({ wrapper }: Resource, roots: readonly string[]) =>
  (field: string): string[] =>
    roots.map((root) => `${root}.${inside(wrapper)}${field}`);

/** Segments before the first resource: `/api/v1`. */
function baseLength({ paths }: ApiModel): number {
  const lengths = paths.map(({ parts }) => parts.findIndex((part) => !('literal' in part)));
  return Math.max(0, Math.min(...lengths.filter((length) => length > 0)) - 1);
}
