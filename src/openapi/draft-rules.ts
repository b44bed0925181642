import type { ApiModel, DraftRule, DraftTarget } from './draft-model.ts';
import { actedUpon, templateOf } from './draft-routes.ts';
import { type ApiPath, operationsOf } from './operations.ts';
import { lastLiteral, lastParameter, type Resource } from './resources.ts';
import { answerSchema, requestSchema, shapeOf, unwrapped } from './schema.ts';
import { plainWord, singular } from './words.ts';

/** What is known of one write: where the ids are that its targets need. */
interface Known {
  readonly resource: Resource | undefined;
  /** Sources of the ids of what is written: `id`, or `response.id`. */
  readonly ids: string;
  /** Sources of the ids of other resources, by their names. */
  readonly others: ReadonlyMap<string, { readonly sources: readonly string[]; readonly why: string }>;
}

const changes = ['PUT', 'PATCH', 'DELETE', 'POST'];

/** A rule for each path that is written. */
export function draftRules(model: ApiModel, carried: ReadonlySet<string>): DraftRule[] {
  const byPattern = new Map(model.paths.map((path) => [path.pattern, path]));
  const names = new Map<string, number>();
  const drafter = new RuleDrafter(model, carried, byPattern);
  return model.paths
    .flatMap((path) => drafter.rulesOf(path))
    .map((rule) => {
      const count = (names.get(rule.name) ?? 0) + 1;
      names.set(rule.name, count);
      return count === 1 ? rule : { ...rule, name: `${rule.name}-${count}` };
    });
}

class RuleDrafter {
  readonly #model: ApiModel;
  readonly #carried: ReadonlySet<string>;
  readonly #byPattern: ReadonlyMap<string, ApiPath>;

  constructor(model: ApiModel, carried: ReadonlySet<string>, byPattern: ReadonlyMap<string, ApiPath>) {
    this.#model = model;
    this.#carried = carried;
    this.#byPattern = byPattern;
  }

  rulesOf(path: ApiPath): DraftRule[] {
    const written = changes.filter((method) => path.operations.has(method));
    if (written.length === 0) return [];
    const owner = this.#model.owners.get(path);
    if (owner?.items.includes(path) === true) return [this.#itemRule(path, owner, written)];
    if (owner !== undefined) return this.#collectionRules(path, owner, written);
    const item = actedUpon(path, this.#byPattern);
    const subject = item && this.#model.owners.get(item);
    if (item !== undefined && subject !== undefined) return [this.#actionRule(path, item, subject, written)];
    return [this.#otherRule(path, written)];
  }

  /** PUT, PATCH and DELETE of one: itself, wherever it is listed, and what it belongs to, before and after. */
  #itemRule(path: ApiPath, resource: Resource, methods: readonly string[]): DraftRule {
    const known: Known = {
      resource,
      ids: lastParameter(path) ?? '*',
      others: this.#others(path, resource, ['before', 'response']),
    };
    const climbed = this.#climb(resource, known);
    return {
      comments: [`${methods.join(', ')} ${path.written}`],
      name: `${resource.name}-changed`,
      methods,
      pattern: path.pattern,
      before: true,
      lookups: climbed.lookups,
      targets: unique([...this.#targets(path, resource, known), ...climbed.targets]),
      event: `${resource.name}.changed`,
    };
  }

  /** POST makes one, whose id only the answer tells; the others write many. */
  #collectionRules(path: ApiPath, resource: Resource, methods: readonly string[]): DraftRule[] {
    const creates = methods.includes('POST') && !this.#isBatch(path, 'POST');
    const batches = methods.filter((method) => method !== 'POST' || !creates);
    const rules: DraftRule[] = [];
    const field = resource.idField;
    if (creates) {
      const ids = `response.${inside(resource.wrapper)}${field}`;
      const known: Known = { resource, ids, others: this.#others(path, resource, ['response']) };
      rules.push({
        comments: [`POST ${path.written}: the id of a new ${resource.name} is in the answer only`],
        name: `${resource.name}-created`,
        methods: ['POST'],
        pattern: path.pattern,
        before: false,
        lookups: {},
        targets: unique(this.#targets(path, resource, known)),
        event: `${resource.name}.created`,
      });
    }
    if (batches.length > 0) rules.push(this.#batchRule(path, resource, batches));
    return rules;
  }

  #batchRule(path: ApiPath, resource: Resource, methods: readonly string[]): DraftRule {
    const places = methods.flatMap((method) => this.#elements(path, method));
    const ids = [...new Set(places.map((place) => `${place}.${resource.idField}`))].join(', ');
    const others = new Map(
      resource.references.map(({ resource: other, path: field }) => {
        const sources = [...new Set(places.map((place) => `${place}.${field}`))];
        return [other, { sources, why: `each names its ${other} by ${field}` }] as const;
      }),
    );
    const known: Known = { resource, ids: ids === '' ? '*' : ids, others };
    return {
      comments: [`${methods.join(', ')} ${path.written}: many at once. Parents that they leave are found by the tag`],
      name: `${resource.name}-batch`,
      methods,
      pattern: path.pattern,
      before: false,
      lookups: {},
      targets: unique(this.#targets(path, resource, known)),
      event: `${resource.name}.changed`,
    };
  }

  #actionRule(path: ApiPath, item: ApiPath, resource: Resource, methods: readonly string[]): DraftRule {
    const known: Known = {
      resource,
      ids: lastParameter(item) ?? '*',
      others: this.#others(item, resource, ['before']),
    };
    const action = plainWord(lastLiteral(path) ?? 'action');
    return {
      comments: [`${methods.join(', ')} ${path.written}: taken for an action on ${item.written}`],
      name: `${resource.name}-${action}`,
      methods,
      pattern: path.pattern,
      before: true,
      lookups: {},
      targets: unique([...this.#targets(item, resource, known)]),
      event: `${resource.name}.changed`,
    };
  }

  /** A part of an item, or something that there is one of. */
  #otherRule(path: ApiPath, methods: readonly string[]): DraftRule {
    const own: DraftTarget[] = path.operations.has('GET') ? [pathTarget(templateOf(path), 'itself')] : [];
    const described = operationsOf(path, methods)
      .map((operation) => unwrapped(this.#model.document, answerSchema(this.#model.document, operation)))
      .flatMap(({ schema, path: wrapper }) => {
        const { names } = shapeOf(this.#model.document, schema);
        const found = [...this.#model.resources.values()].find(({ shape }) =>
          shape.names.some((name) => names.includes(name)),
        );
        return found === undefined ? [] : [{ found, wrapper }];
      })[0];
    const shown = described?.found.items.flatMap((item) => {
      const ids = `response.${inside(described.wrapper)}${described.found.idField}`;
      const known: Known = { resource: described.found, ids, others: new Map() };
      return targetOf(this.#fill(item, known), `the answer shows ${described.found.name}`);
    });
    const name = path.parts
      .flatMap((part) => ('literal' in part ? [plainWord(part.literal)] : []))
      .slice(-2)
      .join('-');
    const targets = unique([...own, ...this.#ancestors(path), ...(shown ?? [])]);
    return {
      comments: [
        `${methods.join(', ')} ${path.written}`,
        ...(targets.length === 0 ? ['TODO: what does it change? Nothing here tells'] : []),
      ],
      name: `${name || 'root'}-changed`,
      methods,
      pattern: path.pattern,
      before: false,
      lookups: {},
      targets: targets.length === 0 ? [pathTarget(templateOf(path), 'itself')] : targets,
      event: `${name || 'root'}.changed`,
    };
  }

  #targets(path: ApiPath, resource: Resource, known: Known): DraftTarget[] {
    const items = resource.items.flatMap((item) =>
      targetOf(this.#fill(item, known), item === path ? 'itself' : `the same ${resource.name}`),
    );
    const tag: DraftTarget[] =
      this.#carried.has(resource.name) && known.ids !== '*'
        ? [
            {
              kind: 'tag',
              text: `${resource.name}:{${known.ids}}`,
              comment: `whatever shows it, see the tags of the routes`,
            },
          ]
        : [];
    const lists = resource.collections
      .filter(({ operations }) => operations.has('GET'))
      .flatMap((list) => targetOf(this.#fill(list, known), 'lists of them, every query'));
    const parents = [...known.others].flatMap(([name, { why }]) =>
      (this.#model.resources.get(name)?.items ?? [])
        .filter(({ operations }) => operations.has('GET'))
        .flatMap((item) => targetOf(this.#fill(item, known), why)),
    );
    return [...items, ...tag, ...lists, ...this.#ancestors(path), ...parents];
  }

  /** `/steps/{stepId}` above `/steps/{stepId}/accommodations`. */
  #ancestors(path: ApiPath): DraftTarget[] {
    return path.parts.flatMap((_, i): DraftTarget[] => {
      const above = this.#byPattern.get(patternUpTo(path, i));
      if (above === undefined || above === path || lastParameter(above) === undefined || !above.operations.has('GET'))
        return [];
      const owner = this.#model.owners.get(above);
      const shows: DraftTarget[] =
        owner !== undefined && this.#carried.has(owner.name)
          ? [{ kind: 'tag', text: `${owner.name}:{${lastParameter(above)}}`, comment: 'and whatever shows that' }]
          : [];
      return [pathTarget(templateOf(above), 'it is below that'), ...shows];
    });
  }

  /** Where the ids of other resources are: in the path of the write, and in fields of what is written. */
  #others(path: ApiPath, resource: Resource, roots: readonly string[]): Known['others'] {
    const others = new Map<string, { sources: string[]; why: string }>();
    for (const { resource: name, path: field } of resource.references) {
      const sources = roots.map((root) => `${root}.${inside(resource.wrapper)}${field}`);
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

  /** What embeds the parents: reached by one more read, where the written resource does not name it itself. */
  #climb(resource: Resource, known: Known): { lookups: Record<string, string>; targets: DraftTarget[] } {
    const lookups: Record<string, string> = {};
    const targets: DraftTarget[] = [];
    for (const [name, { sources }] of known.others) {
      const parent = this.#model.resources.get(name);
      const place = parent?.items.find(
        ({ parts, operations }) => operations.has('GET') && parts.length === 2 + baseLength(this.#model),
      );
      if (parent === undefined || place === undefined || sources.some((source) => source.includes('*'))) continue;
      const root = name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
      for (const { resource: above, path: field } of parent.references) {
        if (above === resource.name || known.others.has(above) || /[*]/.test(field)) continue;
        if (Object.keys(lookups).length >= MAX_LOOKUPS || reserved.has(root)) continue;
        const higher = this.#model.resources.get(above)?.items.filter(({ operations }) => operations.has('GET')) ?? [];
        const climbed: Known = {
          resource: undefined,
          ids: '*',
          others: new Map([[above, { sources: [`${root}.${inside(parent.wrapper)}${field}`], why: '' }]]),
        };
        const found = higher.flatMap((item) =>
          targetOf(this.#fill(item, climbed), `${name}.${field} names it: one read more`),
        );
        if (found.length === 0) continue;
        lookups[root] = this.#fill(place, known) ?? '';
        targets.push(...found);
      }
    }
    return { lookups, targets };
  }

  /** A path with every parameter replaced by where its value is; undefined where that would be any path at all. */
  #fill({ parts }: ApiPath, { resource, ids, others }: Known): string | undefined {
    const segments = parts.map((part, i) => {
      if ('literal' in part) return part.literal;
      const before = parts[i - 1];
      const name = before !== undefined && 'literal' in before ? plainWord(singular(before.literal)) : '';
      if (name === resource?.name) return ids === '*' ? '*' : `{${ids}}`;
      const sources = others.get(name)?.sources;
      return sources === undefined ? '*' : `{${sources.join(', ')}}`;
    });
    return segments[0] === '*' || segments[0]?.startsWith('{') === true ? undefined : `/${segments.join('/')}`;
  }

  #isBatch(path: ApiPath, method: string): boolean {
    const schema = requestSchema(this.#model.document, path.operations.get(method) ?? {});
    const inner = unwrapped(this.#model.document, schema);
    return shapeOf(this.#model.document, inner.schema).items !== undefined;
  }

  /** Where the elements of a batch are: `request[*]`, `response.data[*]`. */
  #elements(path: ApiPath, method: string): string[] {
    const operation = path.operations.get(method) ?? {};
    const { document } = this.#model;
    const schemas = [
      ['request', requestSchema(document, operation)],
      ['response', answerSchema(document, operation)],
    ] as const;
    return schemas.flatMap(([root, schema]) => {
      const inner = unwrapped(document, schema);
      const isList = shapeOf(document, inner.schema).items !== undefined;
      return isList ? [`${root}${inner.path === '' ? '' : `.${inner.path}`}[*]`] : [];
    });
  }
}

/** As many as a rule may have. */
const MAX_LOOKUPS = 4;
const reserved = new Set(['params', 'query', 'request', 'response', 'before']);

const inside = (wrapper: string): string => (wrapper === '' ? '' : `${wrapper}.`);
const pathTarget = (text: string, comment: string): DraftTarget => ({ kind: 'path', text, comment });
const targetOf = (text: string | undefined, comment: string): DraftTarget[] =>
  text === undefined ? [] : [pathTarget(text, comment)];

/** Segments before the first resource: `/api/v1`. */
function baseLength({ paths }: ApiModel): number {
  const lengths = paths.map(({ parts }) => parts.findIndex((part) => !('literal' in part)));
  return Math.max(0, Math.min(...lengths.filter((length) => length > 0)) - 1);
}

function patternUpTo({ pattern }: ApiPath, segments: number): string {
  return pattern
    .split('/')
    .slice(0, segments + 1)
    .join('/');
}

/** Resource → the parameter that names it in a path. */
function parametersOf({ parts }: ApiPath): Map<string, string> {
  const found = new Map<string, string>();
  for (const [i, part] of parts.entries()) {
    const before = parts[i - 1];
    if (!('parameter' in part) || part.parameter === undefined || before === undefined || !('literal' in before))
      continue;
    found.set(plainWord(singular(before.literal)), part.parameter);
  }
  return found;
}

function unique(targets: readonly DraftTarget[]): DraftTarget[] {
  const first = new Map<string, DraftTarget>();
  for (const target of targets)
    if (!first.has(`${target.kind} ${target.text}`)) first.set(`${target.kind} ${target.text}`, target);
  return [...first.values()];
}
