import type { World } from '../world.ts';
import { type Api, type ApiAnswer, type Evaluation, ITEMS, MORE_ITEMS, type View } from './api.ts';

interface Version {
  readonly content: string;
  /** The number of the API's state that it came with. */
  readonly state: number;
}

interface Floor {
  readonly version: number;
  readonly why: string;
}

/** For each facet of a view. */
export type Floors = ReadonlyMap<string, Floor>;

/** Something of a view that changed with a state. */
interface Change {
  readonly facet: string;
  readonly path: string;
  readonly version: number;
}

/** `floors` are from when the read began; `how` is what `Cache-Status` says. */
interface AnsweredRead {
  readonly view: View;
  readonly floors: Floors;
  readonly content: string;
  readonly how: string;
}

export interface OracleOptions {
  /** Where the API's reads lag: how long it may take until a write is to be seen by all. */
  readonly settlesMs: number;
  /** Steps are patched: what one holds of several items need not be of one state. */
  readonly patches: boolean;
}

/**
 * Knows the history of every view, and which of its versions a read may still return: once the answer of a write has
 * reached its client, or the event of its record a subscriber, a read that begins returns no older version of what the
 * write, or an earlier one to the same resource, has changed. A refusal shows what was written before it, too.
 */
export class Oracle {
  readonly violations: string[] = [];
  reads = 0;
  hits = 0;
  acknowledged = 0;
  refused = 0;
  readonly #world: World;
  readonly #api: Api;
  readonly #options: OracleOptions;
  readonly #history = new Map<string, Version[]>();
  readonly #floors = new Map<string, Floor>();
  /** For each state of the API: which resources were written, and what changed with it. */
  readonly #changes: { resources: readonly string[]; changes: Change[] }[] = [];

  constructor(world: World, api: Api, options: OracleOptions) {
    this.#world = world;
    this.#api = api;
    this.#options = options;
    this.#changed(0, []);
    api.onChange = (state, resources) => this.#changed(state, resources);
  }

  #changed(state: number, resources: readonly string[]): void {
    const changes: Change[] = [];
    for (const view of this.#api.views) {
      const content = contentOf(this.#api.represent(view, this.#api.current));
      for (const [facet, part] of this.#facets(view, content)) {
        const history = this.#history.get(facet) ?? [];
        if (history.at(-1)?.content === part) continue;
        this.#history.set(facet, history);
        history.push({ content: part, state });
        changes.push({ facet, path: view.path, version: history.length - 1 });
      }
    }
    this.#changes[state] = { resources, changes };
    const names = changes.map(({ facet }) => facet).join(' ');
    if (state > 0) this.#world.tell('api', `s${state}: ${resources.join(' ')} changes ${names}`);
  }

  /** What of a content is of one state: all of it, but where parts of it are patched. */
  #facets(view: View, content: string): Map<string, string> {
    const key = keyOf(view);
    if (!this.#options.patches || !view.path.startsWith('/steps/')) return new Map([[key, content]]);
    const { items, ...step } = JSON.parse(content.slice(4)) as { items: { id: number }[] };
    const facets = new Map([[key, JSON.stringify(step)]]);
    for (const id of [...ITEMS, ...MORE_ITEMS]) {
      facets.set(`${key}#${id}`, JSON.stringify(items.find((item) => item.id === id) ?? null));
    }
    return facets;
  }

  floorsOf(view: View): Floors {
    const floors = new Map<string, Floor>();
    for (const facet of this.#facetsOf(view)) {
      const floor = this.#floors.get(facet);
      if (floor !== undefined) floors.set(facet, floor);
    }
    return floors;
  }

  #facetsOf(view: View): string[] {
    const key = keyOf(view);
    if (!this.#options.patches || !view.path.startsWith('/steps/')) return [key];
    return [key, ...[...ITEMS, ...MORE_ITEMS].map((id) => `${key}#${id}`)];
  }

  /** What the answer to a write, or its event, says. */
  told({ resources, state }: Evaluation, why: string): void {
    for (let each = 1; each <= state; each++) {
      const change = this.#changes[each];
      const common = change?.resources.filter((resource) => resources.includes(resource)) ?? [];
      if (change === undefined || common.length === 0) continue;
      const paths = new Set(common.flatMap((resource) => this.#api.dependents(resource, each)));
      const changes = change.changes.filter(({ path }) => paths.has(path));
      const raise = (): void => this.#raise(changes, `s${each}, ${why}`);
      if (this.#options.settlesMs === 0) raise();
      else this.#world.after(this.#options.settlesMs, raise);
    }
  }

  /** All has been written long ago. */
  tellAll(): void {
    for (const [facet, history] of this.#history) this.#raise([{ facet, version: history.length - 1 }], 'long ago');
  }

  #raise(changes: readonly Pick<Change, 'facet' | 'version'>[], why: string): void {
    for (const { facet, version } of changes) {
      if ((this.#floors.get(facet)?.version ?? 0) < version) this.#floors.set(facet, { version, why });
    }
  }

  answered(who: string, { view, floors, content, how }: AnsweredRead): void {
    this.reads += 1;
    if (how.includes('hit')) this.hits += 1;
    const faults: string[] = [];
    const states: string[] = [];
    for (const [facet, part] of this.#facets(view, content)) {
      const history = this.#history.get(facet) ?? [];
      const version = history.findLastIndex((each) => each.content === part);
      const floor = floors.get(facet);
      const state = `s${history[version]?.state ?? '?'}`;
      states.push(state);
      if (version < 0) faults.push(`${facet} with what it never was: ${part}`);
      else if (version < (floor?.version ?? 0)) faults.push(`${facet} with ${state} (${how}), after ${floor?.why}`);
    }
    this.#world.tell(who, `GET ${keyOf(view)} → ${states.join('/')} (${how})`);
    for (const fault of faults) this.violated(`${who} answered ${fault}`);
  }

  /** Whether a content is what the view has now. */
  isCurrent(view: View, content: string): boolean {
    const facets = [...this.#facets(view, content)];
    return facets.every(([facet, part]) => this.#history.get(facet)?.at(-1)?.content === part);
  }

  violated(what: string): void {
    this.#world.tell('!', what);
    this.violations.push(`${this.#world.now.toFixed(1)}: ${what}`);
  }
}

export function keyOf({ path, user, language }: View): string {
  const key = user === undefined ? path : `${user}:${path}`;
  return language === undefined ? key : `${key} (${language})`;
}

/** As text in one order of members and of elements: a patched parent may have another. */
export function contentOf({ status, body }: Pick<ApiAnswer, 'status' | 'body'>): string {
  return `${status} ${JSON.stringify(ordered(body))}`;
}

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered).sort((a, b) => idOf(a) - idOf(b));
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(
    members.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, member]) => [name, ordered(member)]),
  );
}

function idOf(value: unknown): number {
  return Number((value as { id?: number }).id ?? 0);
}
