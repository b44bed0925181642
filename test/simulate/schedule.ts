import type { Sequencer } from '../../src/coherence/sequencer.ts';
import { MAX_WAIT_MS } from '../../src/coherence/transaction.ts';
import { faultsOfBus, faultsOfProcess } from './faults.ts';
import { History } from './history.ts';
import { SimulatedKeys } from './keys.ts';
import { SimulatedBus, SimulatedServer } from './network.ts';
import { LEASE_MS, type Mutation, Node } from './node.ts';
import { ACCOMMODATIONS, allPaths, Origin, STEPS } from './origin.ts';
import { Process, World } from './world.ts';

const NODES = 3;
const START_MS = 450;
const BUSY_MS = 1_500;
/** Everything is whole again: enough for every lease, quarantine and takeover after the last disturbance. */
/** Longer than a write waits for one whose end it has missed. */
const QUIET_MS = MAX_WAIT_MS + 1_500;

export interface ScheduleMutation extends Mutation {
  sequencer?(): Sequencer;
  noticesFailover?: boolean;
  tellsServer?: boolean;
  /** Only these disturbances, and more of them: rare defects are found sooner if they are the only candidates. */
  only?: readonly string[];
}

export interface Outcome {
  readonly seed: number;
  readonly violations: readonly string[];
  trace(): readonly string[];
  readonly history: History;
}

interface Place {
  node: Node;
  bus: SimulatedBus;
  starts: number;
}

/**
 * One schedule: three nodes read and write at random, while whatever may go wrong does.
 * @param isEnough of the violations so far: the rest of the schedule is not played
 */
export async function simulate(
  seed: number,
  mutation: ScheduleMutation = {},
  isEnough: (violations: readonly string[]) => boolean = () => false,
): Promise<Outcome> {
  const world = new World(seed);
  const origin = new Origin(world);
  const history = new History(world);
  world.isOver = () => isEnough(history.violations);
  const server = new SimulatedServer(world, {
    ...(mutation.sequencer && { create: mutation.sequencer }),
    noticesFailover: mutation.noticesFailover ?? true,
  });
  const keys = new SimulatedKeys(world, mutation.tellsServer);
  const start = (i: number, starts: number): Place => {
    const process = new Process(world, `n${i}${'abcdefghijklmnop'[starts] ?? 'z'}`);
    const bus = new SimulatedBus(world, server, process);
    return { node: new Node({ world, process, origin, history, bus, keys, mutation }), bus, starts };
  };
  const places = Array.from({ length: NODES }, (_, i) => start(i, 0));
  await world.runUntil(START_MS);
  const end = START_MS + BUSY_MS;
  load(world, places, end);
  const disturbances = mutation.only === undefined ? world.chance.integer(5) : 8;
  for (let n = disturbances; n > 0; n--) {
    world.after(world.chance.between(0, BUSY_MS), () => disturb({ world, server, keys, places, start }, mutation.only));
  }
  // Resources that are not written again show whether a dead node's last writes are taken over.
  if (world.chance.happens(0.4)) {
    world.after(BUSY_MS - world.chance.between(0, 30), () => {
      const i = world.chance.integer(places.length);
      const { node, starts } = places[i] as Place;
      if (!node.process.alive) return;
      world.tell(node.process.name, 'is killed at last');
      node.process.kill();
      places[i] = start(i, starts + 1);
    });
  }
  await world.runUntil(end);
  for (const { bus } of places) {
    bus.cutUntil = 0;
    bus.slowUntil = 0;
  }
  server.up = true;
  server.fullUntil = 0;
  await world.runUntil(end + QUIET_MS);
  for (const [path, version] of origin.versions) history.effective([path], version, 'written long ago');
  if (!world.isOver()) await settled(world, server, places, history);
  return { seed, violations: history.violations, trace: () => world.trace, history };
}

function load(world: World, places: readonly Place[], end: number): void {
  const { chance } = world;
  const reading = (): void => {
    const { node } = chance.pick(places);
    const path = chance.pick(allPaths);
    node.process.run(() => void node.read(path));
    if (world.now < end) world.after(chance.between(0.5, 10), reading);
  };
  const writing = (): void => {
    const { node } = chance.pick(places);
    const i = chance.integer(ACCOMMODATIONS);
    const step = chance.integer(STEPS);
    node.process.run(() => void node.write(i, step));
    // Often two at once: what happens between them is where the traps are.
    if (chance.happens(0.4)) {
      const other = chance.pick(places).node;
      const next = chance.integer(STEPS);
      world.after(chance.between(0, 15), () => other.process.run(() => void other.write(i, next)));
    }
    // Or many at one node, whose steps share groups.
    if (chance.happens(0.1)) {
      for (let n = 4; n > 0; n--) {
        const [each, next] = [chance.integer(ACCOMMODATIONS), chance.integer(STEPS)];
        world.after(chance.between(0, 4), () => node.process.run(() => void node.write(each, next)));
      }
    }
    if (world.now < end) world.after(chance.between(5, 70), writing);
  };
  reading();
  writing();
}

interface Scene {
  readonly world: World;
  readonly server: SimulatedServer;
  readonly keys: SimulatedKeys;
  readonly places: Place[];
  start(i: number, starts: number): Place;
}

function disturb({ world, server, keys, places, start }: Scene, only: readonly string[] | undefined): void {
  const { chance } = world;
  const i = chance.integer(places.length);
  const place = places[i] as Place;
  const ms = chance.between(20, 3 * LEASE_MS);
  const { process } = place.node;
  const kinds: Record<string, () => void> = {
    'is killed': () => {
      if (!process.alive) return;
      process.kill();
      world.after(chance.between(1, 300), () => {
        if (places[i] === place) places[i] = start(i, place.starts + 1);
      });
    },
    'leaves by itself': () => {
      if (!process.alive) return;
      void place.node.log.stop();
      world.after(chance.between(1, 100), () => {
        process.kill();
        if (places[i] === place) places[i] = start(i, place.starts + 1);
      });
    },
    ...faultsOfProcess(process, ms),
    ...faultsOfBus({ world, server, keys, process, bus: place.bus, ms, end: START_MS + BUSY_MS, isKnown: () => true }),
    'is killed, and comes back on a slow line': () => {
      if (!process.alive) return;
      process.kill();
      places[i] = start(i, place.starts + 1);
      (places[i] as Place).bus.slowUntil = world.now + ms;
    },
  };
  const kind = chance.pick(only ?? Object.keys(kinds));
  world.tell(process.name, `${kind} (${ms.toFixed(0)})`);
  kinds[kind]?.();
}

/** In the end everybody serves, what the origin has is what is read, and nothing is left behind. */
async function settled(
  world: World,
  server: SimulatedServer,
  places: readonly Place[],
  history: History,
): Promise<void> {
  for (const { node } of places) {
    for (const path of allPaths) {
      void node.read(path);
      if (node.fence.isQuarantined({ path, tags: [`p:${path}`] }))
        history.violated(`${node.process.name}: ${path} is still in quarantine`);
    }
  }
  const { intents, members } = server.sequencer;
  if (intents.length > 0) history.violated(`intents left behind: ${intents.join(' ')}`);
  if (members.length !== places.length)
    history.violated(`members left behind: ${members.map(({ id }) => id).join(' ')}`);
  // A few slow messages may cost a lease: it must be there again at some time soon.
  const waiting = new Set(places.map(({ node }) => node));
  for (let i = 0; i < 100 && waiting.size > 0; i++) {
    for (const node of waiting) if (node.log.serving()) waiting.delete(node);
    await world.runUntil(world.now + 10);
  }
  for (const { process, log } of waiting) history.violated(`${process.name} does not serve: ${log.status().state}`);
  await world.runUntil(world.now + 300);
}
