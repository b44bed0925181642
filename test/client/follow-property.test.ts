import { QueryClient, type QueryKey, QueryObserver } from '@tanstack/query-core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { follow, noteCursor } from '../../src/client/tanstack-query.ts';
import { turn } from './query-rig.ts';
import { scriptedLive } from './scripted-live.ts';

/* Whatever happens between them: at rest, what is on the screen is what the server has. */

const KEYS = [0, 1, 2];

interface Fetch {
  readonly key: number;
  /** What the server has read, once it has. */
  read: { readonly version: number; readonly cursor: string } | undefined;
  readonly resolve: (value: number) => void;
  readonly reject: (error: Error) => void;
  readonly context: { readonly queryKey: QueryKey };
}

class World {
  readonly live = scriptedLive('connecting', 'e-0');
  readonly client = new QueryClient({ defaultOptions: { queries: { retry: false, staleTime: Infinity } } });
  readonly versions = KEYS.map(() => 0);
  readonly hasCursor: boolean;
  epoch = 'e';
  position = 0;
  /** Announced, and not received yet. */
  undelivered: { readonly id: string; readonly key: number }[] = [];
  fetches: Fetch[] = [];
  readonly screens = new Map<number, () => void>();

  constructor(hasCursor: boolean) {
    this.hasCursor = hasCursor;
    follow(this.client, this.live, { '/things/:id': ({ id }) => [['thing', Number(id)]] }, { random: () => 0 });
  }

  readonly queryFn = (context: { readonly queryKey: QueryKey }): Promise<number> =>
    new Promise((resolve, reject) => {
      this.fetches.push({ key: Number(context.queryKey[1]), read: undefined, resolve, reject, context });
    });

  show(key: number): void {
    if (this.screens.has(key)) return;
    const observer = new QueryObserver(this.client, { queryKey: ['thing', key], queryFn: this.queryFn });
    this.screens.set(
      key,
      observer.subscribe(() => {}),
    );
  }

  hide(key: number): void {
    this.screens.get(key)?.();
    this.screens.delete(key);
  }

  write(key: number): void {
    this.versions[key] = (this.versions[key] ?? 0) + 1;
    this.position += 1;
    // Before the subscription, events are told to nobody.
    if (this.live.state !== 'connecting') this.undelivered.push({ id: `${this.epoch}-${this.position}`, key });
  }

  subscribe(): void {
    if (this.live.state === 'connecting') this.live.become('live', `${this.epoch}-${this.position}`);
  }

  deliver(): void {
    const event = this.undelivered.shift();
    if (event !== undefined) this.live.event({ id: event.id, paths: [`/things/${event.key}`] });
  }

  /** What has not been delivered is lost. */
  lose(restarted: boolean): void {
    if (this.live.state === 'connecting') return;
    if (restarted) {
      this.epoch += 'x';
      this.position = 0;
    }
    this.undelivered = [];
    this.live.resync(`${this.epoch}-${this.position}`);
  }

  read(fetch: Fetch | undefined): void {
    if (fetch === undefined) return;
    fetch.read ??= { version: this.versions[fetch.key] ?? 0, cursor: `${this.epoch}-${this.position}` };
  }

  answer(fetch: Fetch | undefined): void {
    if (fetch === undefined) return;
    this.read(fetch);
    const headers = this.hasCursor ? { 'Unstale-Event-Cursor': fetch.read?.cursor ?? '' } : {};
    noteCursor(fetch.context, new Response(null, { headers }));
    fetch.resolve(fetch.read?.version ?? 0);
    this.fetches = this.fetches.filter((each) => each !== fetch);
  }

  fail(fetch: Fetch | undefined): void {
    fetch?.reject(new Error('no answer'));
    this.fetches = this.fetches.filter((each) => each !== fetch);
  }

  async rest(): Promise<void> {
    this.subscribe();
    await turn();
    while (this.undelivered.length + this.fetches.length > 0) {
      this.deliver();
      for (const fetch of this.fetches) this.answer(fetch);
      await turn();
    }
  }
}

const key = fc.constantFrom(...KEYS);
const nth = fc.nat({ max: 5 });
const step = fc.oneof(
  fc.record({ do: fc.constantFrom('show' as const, 'hide' as const, 'write' as const, 'invalidate' as const), key }),
  fc.record({ do: fc.constantFrom('read' as const, 'answer' as const), nth }),
  fc.record({
    do: fc.constantFrom(
      'deliver' as const,
      'deliver' as const,
      'subscribe' as const,
      'gap' as const,
      'restart' as const,
      'fail' as const,
    ),
  }),
);

function play(world: World, action: { do: string; key?: number; nth?: number }): void {
  const { key = 0, nth = 0 } = action;
  const fetch = world.fetches[nth % Math.max(1, world.fetches.length)];
  if (action.do === 'show') world.show(key);
  else if (action.do === 'hide') world.hide(key);
  else if (action.do === 'write') world.write(key);
  else if (action.do === 'invalidate') void world.client.invalidateQueries({ queryKey: ['thing', key] });
  else if (action.do === 'read') world.read(fetch);
  else if (action.do === 'answer') world.answer(fetch);
  else if (action.do === 'deliver') world.deliver();
  else if (action.do === 'subscribe') world.subscribe();
  else if (action.do === 'fail') world.fail(fetch);
  else world.lose(action.do === 'restart');
}

test.each([
  ['with cursors', true],
  ['without cursors', false],
])('fetches, writes, events and resyncs in any order, %s', { timeout: 60_000 }, async (_, hasCursor) => {
  const property = fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
    const world = new World(hasCursor);
    // A failed fetch would be left as it is if no event came after it: that is the application's choice.
    const failed = steps.some((each) => each.do === 'fail');
    for (const each of steps) {
      play(world, each);
      await turn();
    }
    await world.rest();
    if (failed) await Promise.all(KEYS.map((id) => retryFailed(world, id)));
    for (const id of KEYS) world.show(id);
    await turn();
    await world.rest();
    expect(KEYS.map((id) => world.client.getQueryData(['thing', id]))).toEqual(world.versions);
    world.client.clear();
  });
  await fc.assert(property, { numRuns: 300 });
});

async function retryFailed(world: World, id: number): Promise<void> {
  const query = world.client.getQueryCache().find({ queryKey: ['thing', id] });
  if (query?.state.status === 'error') void world.client.refetchQueries({ queryKey: ['thing', id] });
  await turn();
  await world.rest();
}
