import type { World } from '../world.ts';
import type { Features } from './configuration.ts';

export const ITEMS = [1, 2, 3];
/** Items that can be created. Nobody asks for one before the answer to its creation has arrived. */
export const MORE_ITEMS = [4, 5, 6];
export const STEPS = [1, 2, 3];
export const TRIPS = [1, 2];
export const USERS = ['u1', 'u2'];

export interface Item {
  readonly id: number;
  readonly step: number;
  readonly name: string;
  /** Of the state that it was written in: never the same twice. */
  readonly rev: number;
}

interface Step {
  readonly id: number;
  readonly trip: number;
  readonly title: string;
}

export interface State {
  readonly items: readonly Item[];
  readonly steps: readonly Step[];
}

export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly user: string | undefined;
  readonly ifMatch: string | undefined;
  readonly body: unknown;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly etag?: string | undefined;
  readonly location?: string;
}

/** What a write did: the resources that it was about, whether or not it changed them. */
export interface Evaluation {
  readonly answer: ApiAnswer;
  readonly resources: readonly string[];
  /** Of the last write, this one included, that it saw. */
  readonly state: number;
  readonly changed: boolean;
}

/** What a client can ask for; `user` only where the answer depends on it. */
export interface View {
  /** With the query, as the API means it. */
  readonly path: string;
  readonly user: string | undefined;
  readonly language?: 'de' | undefined;
}

/**
 * An API without a cache: items in steps in trips. Its states are kept, since its reads may lag behind its writes. Item
 * representations can depend on the user: the anonymous do not see in which step one is.
 */
export class Api {
  readonly states: { readonly state: State; readonly at: number }[];
  /** Called with each new state, and what was written. */
  onChange: (number: number, resources: readonly string[]) => void = () => {};
  readonly #world: World;
  readonly #hidesStep: boolean;
  readonly #lagMs: number;
  readonly #options: Pick<Features, 'search' | 'languages'>;
  /** All that a client can ask for. */
  readonly views: readonly View[];
  #created = 0;

  constructor(world: World, options: Pick<Features, 'hidesStep' | 'lagMs' | 'search' | 'languages'>) {
    this.#world = world;
    this.#hidesStep = options.hidesStep;
    this.#lagMs = options.lagMs;
    this.#options = options;
    this.views = this.#viewsOf();
    const items = ITEMS.map((id) => ({ id, step: STEPS[id % STEPS.length] as number, name: 'a', rev: 0 }));
    const steps = STEPS.map((id) => ({ id, trip: TRIPS[id % TRIPS.length] as number, title: 'a' }));
    this.states = [{ state: { items, steps }, at: 0 }];
  }

  get current(): State {
    return (this.states.at(-1) as { state: State }).state;
  }

  #viewsOf(): readonly View[] {
    const shared = [
      '/items',
      ...[...ITEMS, ...MORE_ITEMS].map((id) => `/items/${id}`),
      ...STEPS.map((id) => `/steps/${id}`),
      ...TRIPS.map((id) => `/trips/${id}`),
      ...(this.#options.search === 'off' ? [] : STEPS.map((id) => `/search?step=${id}`)),
    ];
    const own = USERS.flatMap((user) => [
      { path: '/me/items', user },
      ...(this.#hidesStep ? [...ITEMS, ...MORE_ITEMS].map((id) => ({ path: `/items/${id}`, user })) : []),
    ]);
    const translated = this.#options.languages === 'off' ? [] : TRIPS.map((id) => `/trips/${id}`);
    return [
      ...shared.map((path) => ({ path, user: undefined })),
      ...translated.map((path) => ({ path, user: undefined, language: 'de' as const })),
      ...own,
    ];
  }

  /** The view of a path that a user has. */
  viewOf(path: string, user: string | undefined, language?: 'de'): View {
    const own = path === '/me/items' || (this.#hidesStep && path.startsWith('/items/'));
    const translated = this.#options.languages !== 'off' && path.startsWith('/trips/');
    return { path, user: own ? user : undefined, ...(translated && language !== undefined && { language }) };
  }

  /** The paths at which a resource is shown, in a state or in the one before it. */
  dependents(resource: string, state: number): string[] {
    const id = Number(resource.split(':')[1]);
    return [state - 1, state].flatMap((each) => {
      const { items, steps } = (this.states[each] as { state: State }).state;
      const tripsOf = (of: number | undefined): string[] =>
        steps.filter((step) => step.id === of).map(({ trip }) => `/trips/${trip}`);
      if (resource.startsWith('step:')) return [`/steps/${id}`, ...tripsOf(id)];
      const step = items.find((item) => item.id === id)?.step;
      return [
        '/items',
        '/me/items',
        `/items/${id}`,
        ...(step === undefined ? [] : [`/steps/${step}`, `/search?step=${step}`]),
        ...tripsOf(step),
      ];
    });
  }

  /** What a read finds: the state of some time ago, where reads lag. */
  read(view: View): ApiAnswer {
    const seen = this.states.findLast(({ at }) => at <= this.#world.now - this.#lagMs) ?? this.states[0];
    return this.represent(view, (seen as { state: State }).state);
  }

  represent({ path, user, language }: View, { items, steps }: State): ApiAnswer {
    const [, kind, last] = path.split('/');
    const id = Number(last);
    const searched = /^\/search\?step=(\d+)$/.exec(path)?.[1];
    if (searched !== undefined) return found({ items: items.filter(({ step }) => step === Number(searched)) });
    if (path === '/items') return found({ items });
    if (path === '/me/items') {
      if (user === undefined) return { status: 401, body: {} };
      return found({ user, items: items.filter((item) => USERS[item.id % USERS.length] === user) });
    }
    if (kind === 'items') {
      const item = items.find((each) => each.id === id);
      if (item === undefined) return gone;
      const hides = this.#hidesStep && user === undefined;
      return { ...found(hides ? { ...item, step: undefined } : item), etag: `"i${id}.${item.rev}${hides ? 'a' : ''}"` };
    }
    if (kind === 'steps') {
      const step = steps.find((each) => each.id === id);
      return step === undefined ? gone : found({ ...step, items: items.filter((item) => item.step === id) });
    }
    const inTrip = steps.filter(({ trip }) => trip === id);
    const count = (of: number): number => items.filter(({ step }) => step === of).length;
    return found({
      id,
      ...(language !== undefined && { language }),
      steps: inTrip.map((step) => ({ id: step.id, title: step.title, count: count(step.id) })),
    });
  }

  write(request: ApiRequest): Evaluation {
    const { method, path } = request;
    const [, kind, second, third] = path.split('/');
    if (kind === 'steps') return this.#patchStep(Number(second), request.body as Partial<Step>);
    if (kind === 'commands') return this.#save(Number(third), request, request.body as Partial<Item>);
    if (second !== undefined && method === 'DELETE') return this.#delete(Number(second), request);
    if (second !== undefined) return this.#save(Number(second), request, request.body as Partial<Item>);
    if (method === 'POST') return this.#create(request.body as Item);
    return this.#batch(request.body as readonly Partial<Item>[]);
  }

  #save(id: number, { ifMatch }: ApiRequest, change: Partial<Item>): Evaluation {
    const item = this.current.items.find((each) => each.id === id);
    const resources = [`item:${id}`];
    if (item === undefined) return this.#unchanged(gone, resources);
    if (!matches(item, ifMatch)) return this.#unchanged({ status: 412, body: {} }, resources);
    const next = { ...item, ...change };
    const same = next.step === item.step && next.name === item.name;
    if (same) return this.#unchanged(answerWith(item), resources);
    const saved = { ...next, rev: this.states.length };
    return this.#change({ items: this.#replaced([saved]) }, answerWith(saved), resources);
  }

  #delete(id: number, { ifMatch }: ApiRequest): Evaluation {
    const item = this.current.items.find((each) => each.id === id);
    const resources = [`item:${id}`];
    if (item === undefined) return this.#unchanged(gone, resources);
    if (!matches(item, ifMatch)) return this.#unchanged({ status: 412, body: {} }, resources);
    const items = this.current.items.filter((each) => each.id !== id);
    return this.#change({ items }, { status: 204, body: undefined }, resources);
  }

  #create(item: Pick<Item, 'step' | 'name'>): Evaluation {
    const id = MORE_ITEMS[this.#created];
    if (id === undefined) return this.#unchanged({ status: 409, body: {} }, []);
    this.#created += 1;
    const made = { ...item, id, rev: this.states.length };
    return this.#change({ items: this.#replaced([made]) }, { status: 201, body: made, location: `/items/${id}` }, [
      `item:${id}`,
    ]);
  }

  #batch(changes: readonly Partial<Item>[]): Evaluation {
    const known = changes.flatMap((change) => {
      const item = this.current.items.find(({ id }) => id === change.id);
      return item === undefined ? [] : [{ ...item, ...change, rev: this.states.length }];
    });
    const moved = known.filter(({ id, step }) => this.current.items.find((item) => item.id === id)?.step !== step);
    const resources = changes.map(({ id }) => `item:${id}`);
    const items = this.#replaced(moved);
    const answer = { status: 200, body: items.filter(({ id }) => changes.some((change) => change.id === id)) };
    return moved.length === 0 ? this.#unchanged(answer, resources) : this.#change({ items }, answer, resources);
  }

  #patchStep(id: number, change: Partial<Step>): Evaluation {
    const step = this.current.steps.find((each) => each.id === id) as Step;
    const next = { ...step, ...change };
    const resources = [`step:${id}`];
    const body = { ...next, items: this.current.items.filter((item) => item.step === id) };
    if (next.trip === step.trip && next.title === step.title) return this.#unchanged({ status: 200, body }, resources);
    const steps = this.current.steps.map((each) => (each.id === id ? next : each));
    return this.#change({ steps }, { status: 200, body }, resources);
  }

  #replaced(items: readonly Item[]): readonly Item[] {
    const others = this.current.items.filter(({ id }) => items.every((item) => item.id !== id));
    return [...others, ...items].sort((a, b) => a.id - b.id);
  }

  #unchanged(answer: ApiAnswer, resources: readonly string[]): Evaluation {
    return { answer, resources, state: this.states.length - 1, changed: false };
  }

  #change(change: Partial<State>, answer: ApiAnswer, resources: readonly string[]): Evaluation {
    this.states.push({ state: { ...this.current, ...change }, at: this.#world.now });
    const state = this.states.length - 1;
    this.onChange(state, resources);
    return { answer, resources, state, changed: true };
  }
}

const gone: ApiAnswer = { status: 404, body: {} };

function found(body: unknown): ApiAnswer {
  return { status: 200, body };
}

function answerWith(item: Item): ApiAnswer {
  return { status: 200, body: item, etag: `"i${item.id}.${item.rev}"` };
}

function matches(item: Item, ifMatch: string | undefined): boolean {
  return ifMatch === undefined || ifMatch.startsWith(`"i${item.id}.${item.rev}`);
}
