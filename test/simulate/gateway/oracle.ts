import type { World } from '../world.ts';
import type { Api, ApiAnswer, Evaluation, View } from './api.ts';

interface Version {
  readonly content: string;
  /** The number of the API's state that it came with. */
  readonly state: number;
}

interface Floor {
  readonly version: number;
  readonly why: string;
}

/**
 * Knows the history of every view, and which of its versions a read may still return: once the answer of a write has reached its
 * client, or the event of its record a subscriber, a read that begins returns no older version of what the write, or an earlier one
 * to the same resource, has changed. A refusal tells what was written before it, too.
 */
export class Oracle {
  readonly violations: string[] = [];
  reads = 0;
  hits = 0;
  acknowledged = 0;
  refused = 0;
  readonly #world: World;
  readonly #api: Api;
  /** Where the API's reads lag: how long it may take until a write is to be seen by all. */
  readonly #settlesMs: number;
  readonly #history = new Map<string, Version[]>();
  readonly #floors = new Map<string, Floor>();
  /** For each state of the API: which resources were written, and what changed with it. */
  readonly #changes: { resources: readonly string[]; views: { key: string; path: string; version: number }[] }[] = [];

  constructor(world: World, api: Api, settlesMs: number) {
    this.#world = world;
    this.#api = api;
    this.#settlesMs = settlesMs;
    this.#changed(0, []);
    api.onChange = (state, resources) => this.#changed(state, resources);
  }

  #changed(state: number, resources: readonly string[]): void {
    const views: { key: string; path: string; version: number }[] = [];
    for (const view of this.#api.views) {
      const key = keyOf(view);
      const content = contentOf(this.#api.represent(view, this.#api.current));
      const history = this.#history.get(key) ?? [];
      if (history.at(-1)?.content === content) continue;
      this.#history.set(key, history);
      history.push({ content, state });
      views.push({ key, path: view.path, version: history.length - 1 });
    }
    this.#changes[state] = { resources, views };
    const names = views.map(({ key }) => key).join(' ');
    if (state > 0) this.#world.tell('api', `s${state}: ${resources.join(' ')} changes ${names}`);
  }

  floorOf(view: View): Floor {
    return this.#floors.get(keyOf(view)) ?? { version: 0, why: '' };
  }

  /** What a write tells whoever has its answer, or its event. */
  told({ resources, state }: Evaluation, why: string): void {
    for (let each = 1; each <= state; each++) {
      const change = this.#changes[each];
      const common = change?.resources.filter((resource) => resources.includes(resource)) ?? [];
      if (change === undefined || common.length === 0) continue;
      const paths = new Set(common.flatMap((resource) => this.#api.dependents(resource, each)));
      const views = change.views.filter(({ path }) => paths.has(path));
      const raise = (): void => this.#raise(views, `s${each}, ${why}`);
      if (this.#settlesMs === 0) raise();
      else this.#world.after(this.#settlesMs, raise);
    }
  }

  /** All has been written long ago. */
  tellAll(): void {
    for (const [key, history] of this.#history) this.#raise([{ key, version: history.length - 1 }], 'long ago');
  }

  #raise(views: readonly { key: string; version: number }[], why: string): void {
    for (const { key, version } of views) {
      if ((this.#floors.get(key)?.version ?? 0) < version) this.#floors.set(key, { version, why });
    }
  }

  /** The version that a client was given, the latest of that content; undefined where there was never such a one. */
  versionOf(view: View, content: string): number | undefined {
    const found = this.#history.get(keyOf(view))?.findLastIndex((version) => version.content === content) ?? -1;
    return found < 0 ? undefined : found;
  }

  answered(who: string, view: View, floor: Floor, content: string, how: string): void {
    this.reads += 1;
    if (how.includes('hit')) this.hits += 1;
    const key = keyOf(view);
    const version = this.versionOf(view, content);
    const state = this.#history.get(key)?.[version ?? -1]?.state;
    this.#world.tell(who, `GET ${key} → s${state ?? '?'} (${how})`);
    if (version === undefined) this.violated(`${who} answered ${key} with what it never was: ${content} (${how})`);
    else if (version < floor.version)
      this.violated(`${who} answered ${key} with s${state} (${how}), after ${floor.why}`);
  }

  /** Whether a content is what the view has now. */
  isCurrent(view: View, content: string): boolean {
    return this.#history.get(keyOf(view))?.at(-1)?.content === content;
  }

  violated(what: string): void {
    this.#world.tell('!', what);
    this.violations.push(`${this.#world.now.toFixed(1)}: ${what}`);
  }
}

export function keyOf({ path, user }: View): string {
  return user === undefined ? path : `${user}:${path}`;
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
