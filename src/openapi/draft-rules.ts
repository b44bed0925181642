import { requestSchema, shapeOf } from './api-schema.ts';
import type { ApiModel, DraftRule, DraftTarget } from './draft-model.ts';
import { actedUpon } from './draft-routes.ts';
import { type Known, type Others, TargetDrafter } from './draft-targets.ts';
import { unwrapped } from './envelope.ts';
import { type Ids, nothing } from './fill.ts';
import {
  answeredField,
  askedField,
  createdField,
  createdIds,
  elementsOf,
  fieldSources,
  inside,
  isRenaming,
  itemIds,
  requestedIds,
} from './id-sources.ts';
import { type ApiPath, byShape, templateOf } from './operations.ts';
import { Parts } from './parts.ts';
import { isReading, readingTodos } from './reading.ts';
import { type Resource, todos } from './resource.ts';
import { lastLiteral } from './resources.ts';
import { shownBy } from './singletons.ts';
import { pathTarget, unique } from './targets.ts';
import { plainWord } from './words.ts';

const changes = ['PUT', 'PATCH', 'DELETE', 'POST'];

/** Rules for each path that can be written, with the tags of their resources, whether or not routes declare them. */
export function draftRules(model: ApiModel): DraftRule[] {
  const shapes = byShape(model.paths);
  const names = new Map<string, number>();
  const drafter = new RuleDrafter(model, shapes);
  return model.paths
    .flatMap((path) => drafter.rulesOf(path))
    .map((rule) => {
      const count = (names.get(rule.name) ?? 0) + 1;
      names.set(rule.name, count);
      const texts = [...rule.targets.map(({ text }) => text), ...Object.values(rule.lookups)];
      const before = texts.some((text) => /[{ ]before[.[]/.test(text));
      return { ...rule, before, name: count === 1 ? rule.name : `${rule.name}-${count}` };
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
    const itself = pathTarget(templateOf(rule), 'itself');
    return { ...rule, targets: targets.length === 0 ? [itself] : targets };
  });
}

export const tagName = (tag: string): string => tag.slice(0, tag.indexOf(':'));

class RuleDrafter {
  readonly #model: ApiModel;
  readonly #shapes: ReadonlyMap<string, ApiPath>;
  readonly #targets: TargetDrafter;
  readonly #baseLength: number;
  readonly #parts: Parts;

  constructor(model: ApiModel, shapes: ReadonlyMap<string, ApiPath>) {
    this.#model = model;
    this.#shapes = shapes;
    this.#targets = new TargetDrafter(model, shapes);
    this.#baseLength = baseLength(model);
    this.#parts = new Parts(model.document, model.paths);
  }

  rulesOf(path: ApiPath): DraftRule[] {
    const written = changes.filter(
      (method) => path.operations.has(method) && !isReading(this.#model.document, path, method),
    );
    if (written.length === 0) return [];
    const owner = this.#model.owners.get(path);
    if (owner?.items.includes(path) === true) return this.#itemRules(path, owner, written);
    if (owner !== undefined) return this.#collectionRules(path, owner, written);
    const item = actedUpon(path, this.#shapes);
    const subject = item && this.#model.owners.get(item);
    if (item !== undefined && subject !== undefined) return [this.#actionRule(path, item, subject, written)];
    return [this.#otherRule(path, written)];
  }

  /** PUT, PATCH and DELETE of an item: itself, its lists, and its parents before and after. */
  #itemRules(path: ApiPath, resource: Resource, methods: readonly string[]): DraftRule[] {
    const { document } = this.#model;
    const inBody = (field: string): string[] =>
      fieldSources(document, { path, methods, wrapper: resource.wrapper }, field);
    const known: Known = {
      path,
      resource,
      ids: itemIds(document, path, resource, methods),
      others: this.#others(path, resource, inBody),
      ...this.#parentOf(resource, inBody),
    };
    const looked = this.#parentsByLookup(resource, known);
    const targets = unique([
      ...this.#targets.ofWrite(path, resource, known),
      ...looked.targets,
      ...(isRenaming(document, path, resource, methods) ? this.#targets.belowItself(path, known) : []),
      ...this.#targets.ofChildren(path, resource, methods, known),
    ]);
    const changed: DraftRule = {
      comments: [`${methods.join(', ')} ${path.written}`, ...todos(resource)],
      name: `${resource.name}-changed`,
      methods,
      pattern: path.pattern,
      before: true,
      lookups: looked.lookups,
      // PUT may create what was not there before.
      targets: methods.includes('PUT')
        ? unique([...targets, ...this.#targets.ofCreated(resource, known, targets)])
        : targets,
      event: `${resource.name}.changed`,
    };
    const below = methods.includes('DELETE')
      ? unique([
          ...this.#targets.below(resource, known),
          ...this.#targets.ofUnnamedParents(resource, known),
          ...this.#targets.referring(resource),
        ])
      : [];
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
        path,
        resource,
        ids: createdIds(document, post, resource),
        others: this.#others(path, resource, inBody),
        ...this.#parentOf(resource, inBody),
      };
      const looked = this.#parentsByLookup(resource, known);
      const targets = unique([...this.#targets.ofWrite(path, resource, known), ...looked.targets]);
      rules.push({
        comments: [`POST ${path.written}: only the response has the id of a new ${resource.name}`, ...todos(resource)],
        name: `${resource.name}-created`,
        methods: ['POST'],
        pattern: path.pattern,
        before: false,
        lookups: looked.lookups,
        targets: unique([...targets, ...this.#targets.ofCreated(resource, known, targets)]),
        event: `${resource.name}.created`,
        creates: resource.name,
      });
    }
    if (batches.length > 0) rules.push(this.#batchRule(path, resource, batches));
    return rules;
  }

  #batchRule(path: ApiPath, resource: Resource, methods: readonly string[]): DraftRule {
    const { document } = this.#model;
    const operations = methods.map((method) => path.operations.get(method) ?? {});
    const places = [...new Set(operations.flatMap((each) => elementsOf(document, each, resource.idField)))];
    const requested = requestedIds(this.#model, path, methods).filter(({ resource: named }) => named === resource);
    const ids: Ids = (key) =>
      key === undefined
        ? []
        : [
            ...places.map((place) => `${place}.${key}`),
            ...requested.flatMap(({ source, many }) => (many && key === resource.idField ? [source] : [])),
          ];
    const others = this.#others(path, resource, (field) => places.map((place) => `${place}.${field}`));
    const known: Known = { path, resource, ids, others };
    const targets = this.#targets.ofWrite(path, resource, known);
    const comment = places.some((place) => place.endsWith('[*]'))
      ? `a batch. The tag finds parents that the items leave`
      : `writes ${resource.name} that the path does not name`;
    return {
      comments: [`${methods.join(', ')} ${path.written}: ${comment}`],
      name: `${resource.name}-batch`,
      methods,
      pattern: path.pattern,
      before: false,
      lookups: {},
      targets: unique([
        ...targets,
        ...this.#targets.ofCreated(resource, known, targets),
        ...this.#targets.anyParents(resource, places.length > 0),
      ]),
      event: `${resource.name}.changed`,
    };
  }

  #actionRule(path: ApiPath, item: ApiPath, resource: Resource, methods: readonly string[]): DraftRule {
    const { document } = this.#model;
    const inBody = (field: string): string[] => [
      `before.${inside(resource.wrapper)}${field}`,
      ...methods.flatMap((method) => answeredField(document, path.operations.get(method) ?? {}, field)),
      ...methods.flatMap((method) => askedField(document, path.operations.get(method) ?? {}, field)),
    ];
    const known: Known = {
      path: item,
      resource,
      ids: itemIds(document, item, resource, []),
      others: this.#others(item, resource, inBody),
      ...this.#parentOf(resource, inBody),
    };
    const looked = this.#parentsByLookup(resource, known);
    const action = plainWord(lastLiteral(path) ?? 'action');
    return {
      comments: [
        `${methods.join(', ')} ${path.written}: assumed to be an action on ${item.written}`,
        ...readingTodos(document, path, methods),
      ],
      name: `${resource.name}-${action}`,
      methods,
      pattern: path.pattern,
      before: true,
      lookups: looked.lookups,
      targets: unique([
        ...this.#targets.ofWrite(item, resource, known),
        ...looked.targets,
        ...this.#requested(path, methods),
        ...shownBy(this.#model, path, methods, this.#targets).targets,
      ]),
      event: `${resource.name}.changed`,
    };
  }

  /** A part of an item, or a singleton. */
  #otherRule(path: ApiPath, methods: readonly string[]): DraftRule {
    const here: Known = { path, resource: undefined, ids: nothing, others: new Map() };
    const own = path.operations.has('GET') ? this.#targets.target(path, here, 'itself') : [];
    const shown = shownBy(this.#model, path, methods, this.#targets);
    const { embeddings } = this.#model;
    const parts = this.#parts.showing(path, methods, (schema) => embeddings.isDescribing(schema));
    const name = path.parts
      .flatMap((part) => ('literal' in part ? [plainWord(part.literal)] : []))
      .filter((word) => word !== '')
      .slice(-2)
      .join('-');
    const targets = unique([
      ...own,
      ...this.#targets.ancestors(path),
      ...shown.targets,
      ...parts.flatMap((each) => this.#targets.target(each, here, 'shows it')),
      ...this.#requested(path, methods),
    ]);
    const todo =
      targets.length > 0 ? [] : ['TODO: the document does not say what this changes: add what it makes stale'];
    return {
      comments: [
        `${methods.join(', ')} ${path.written}`,
        ...todo,
        ...readingTodos(this.#model.document, path, methods),
      ],
      name: `${name === '' ? 'root' : name}-changed`,
      methods,
      pattern: path.pattern,
      before: shown.before,
      lookups: {},
      targets,
      event: `${name === '' ? 'root' : name}.changed`,
    };
  }

  /** Several ids identify what is written; a single one may be only a reference. */
  #requested(path: ApiPath, methods: readonly string[]): DraftTarget[] {
    return requestedIds(this.#model, path, methods).flatMap(({ resource, source, many }) => {
      const ids: Ids = (key) => (key !== undefined && key === resource.idField ? [source] : []);
      const known: Known = { path: undefined, resource, ids, others: new Map() };
      const targets = this.#targets.ofResource(path, resource, known);
      return many ? [...targets, ...this.#targets.anyParents(resource)] : targets;
    });
  }

  /** The sources of the ids of other resources: the path of the write, and fields of what is written. */
  #others(path: ApiPath, resource: Resource, inBody: (field: string) => string[]): Others {
    const others = new Map<string, { ids: Ids; why: string }>();
    const add = (name: string, ids: Ids, why: string, first = false): void => {
      const earlier = others.get(name);
      if (earlier === undefined) others.set(name, { ids, why });
      else {
        const all: Ids = (key) => (first ? [...ids(key), ...earlier.ids(key)] : [...earlier.ids(key), ...ids(key)]);
        others.set(name, { ids: all, why: earlier.why });
      }
    };
    for (const { resource: name, field, pathTo } of resource.references) {
      if (name === resource.name) continue;
      const ids: Ids = (key) => {
        const place = pathTo(key);
        return place === undefined ? [] : inBody(place);
      };
      add(name, ids, `${resource.name}.${field} names it`);
    }
    for (const [name, ids] of this.#targets.parametersOf(path)) {
      if (name !== resource.name) add(name, ids, 'it is below that', true);
    }
    return others;
  }

  /** The one of the same kind that it is in. */
  #parentOf(resource: Resource, inBody: (field: string) => string[]): { parent?: Ids } {
    const own = resource.references.filter(({ resource: name }) => name === resource.name);
    if (own.length === 0) return {};
    return {
      parent: (key) =>
        own.flatMap(({ pathTo }) => [pathTo(key)]).flatMap((place) => (place === undefined ? [] : inBody(place))),
    };
  }

  /** What embeds the parents: found by a lookup if the written resource does not name it. */
  #parentsByLookup(resource: Resource, known: Known): { lookups: Record<string, string>; targets: DraftTarget[] } {
    const lookups: Record<string, string> = {};
    const targets: DraftTarget[] = [];
    for (const [name, { ids }] of known.others) {
      const parent = this.#model.resources.get(name);
      const place = parent?.items.find(
        ({ parts, operations }) => operations.has('GET') && parts.length === 2 + this.#baseLength,
      );
      if (parent === undefined || place === undefined) continue;
      const sources = ids(parent.keys.get(place));
      if (sources.length === 0 || sources.some((source) => source.includes('*'))) continue;
      const root = name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
      for (const { resource: above, field, pathTo } of parent.references) {
        if (above === resource.name || known.others.has(above) || /[*]/.test(field)) continue;
        if (Object.keys(lookups).length >= MAX_LOOKUPS || reserved.has(root)) continue;
        const higher = this.#model.resources.get(above)?.items ?? [];
        const higherIds: Ids = (key) => {
          const found = pathTo(key);
          return found === undefined ? [] : [`${root}.${inside(parent.wrapper)}${found}`];
        };
        const looked: Known = {
          path: undefined,
          resource: undefined,
          ids: nothing,
          others: new Map([[above, { ids: higherIds, why: '' }]]),
        };
        const found = higher.flatMap((item) =>
          this.#targets.target(item, looked, `${name}.${field} names it, with one lookup`),
        );
        const from = this.#targets.fill(place, known);
        if (from.includes('*') || !found.some(({ text }) => text.includes(`{${root}.`))) continue;
        lookups[root] = from;
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

/** Segments before the first resource: `/api/v1`. */
function baseLength({ paths }: ApiModel): number {
  const lengths = paths.map(({ parts }) => parts.findIndex((part) => !('literal' in part)));
  return Math.max(0, Math.min(...lengths.filter((length) => length > 0)) - 1);
}
