import { type Faults, faultsOfBus, faultsOfProcess } from '../faults.ts';
import { LEASE_MS, MAX_LATE_MS } from './configuration.ts';
import type { Place, Stage } from './stage.ts';

/** As an operator, or a time server, sets a clock. */
const CLOCK_STEPS_MS = [-3_600_000, -5_000, -100, 100, 5_000, 3_600_000];

/** Something goes wrong somewhere, and is whole again at `end`. */
export function disturb(stage: Stage, end: number): void {
  const { world, server, keys, places, features } = stage;
  const { chance } = world;
  const i = chance.integer(places.length);
  const { node, bus } = places[i] as Place;
  const { process } = node;
  const ms = chance.between(20, 3 * LEASE_MS);
  // If a gateway is alone, no other node knows of its writes: until then they may be applied, and seen.
  const awayMs = features.cluster ? chance.between(1, 300) : MAX_LATE_MS + features.lagMs;
  const kinds: Faults = {
    'is killed': () => restartLater(stage, i, awayMs),
    'has its clock set': () => process.setClock(chance.pick(CLOCK_STEPS_MS)),
    ...faultsOfProcess(process, ms),
    ...(bus !== undefined && {
      'leaves by itself': () => leave(stage, i),
      ...faultsOfBus({ world, server, keys, process, bus, ms, end, isKnown: () => isKnown(stage) }),
    }),
  };
  const kind = chance.pick(Object.keys(kinds));
  world.tell(process.name, `${kind} (${ms.toFixed(0)})`);
  kinds[kind]?.();
}

/** Whether some gateway could tell that Redis was set back. */
function isKnown({ places }: Stage): boolean {
  return places.some(
    ({ node }) => node.process.alive && node.cluster !== undefined && node.cluster.status().state !== 'joining',
  );
}

/** Not while a Redis has been set back without any node noticing (docs/coherence.md, "What does not hold"). */
function restartLater(stage: Stage, i: number, afterMs: number): void {
  const { node } = stage.places[i] as Place;
  if (!node.process.alive || stage.server.isBelieved) return;
  // What only it knows of, none of the others will hear.
  if ((node.cluster?.status().queued ?? 0) > 0) return;
  stage.kill(i);
  stage.world.after(afterMs, () => {
    if (stage.places[i]?.node === node) stage.start(i);
  });
}

/** A node that leaves serves nothing any more; what it had begun ends before it does. */
function leave(stage: Stage, i: number): void {
  const { world, places } = stage;
  const { node } = places[i] as Place;
  if (!node.process.alive || stage.server.isBelieved || (node.cluster?.status().queued ?? 0) > 0) return;
  node.process.run(() => void node.cluster?.stop());
  world.after(world.chance.between(1, 100), () => {
    if (places[i]?.node !== node) return;
    stage.kill(i);
    stage.start(i);
  });
}

/** The last fault is over. */
export function heal({ places, server, keys }: Stage): void {
  for (const { bus } of places) {
    if (bus === undefined) continue;
    bus.cutUntil = 0;
    bus.slowUntil = 0;
  }
  server.up = true;
  server.fullUntil = 0;
  keys.downUntil = 0;
}
