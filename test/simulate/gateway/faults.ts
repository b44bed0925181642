import { LEASE_MS, MAX_LATE_MS } from './configuration.ts';
import type { Place, Stage } from './stage.ts';

/** As an operator, or a time server, sets a clock. */
const CLOCK_STEPS_MS = [-3_600_000, -5_000, -100, 100, 5_000, 3_600_000];

/** Something goes wrong somewhere. */
export function disturb(stage: Stage): void {
  const { world, server, keys, places } = stage;
  const { chance } = world;
  const i = chance.integer(places.length);
  const { node, bus } = places[i] as Place;
  const ms = chance.between(20, 3 * LEASE_MS);
  const restart = (afterMs: number): void => {
    if (!node.process.alive) return;
    stage.kill(i);
    world.after(afterMs, () => {
      if (places[i]?.node === node) stage.start(i);
    });
  };
  const ofOne: Record<string, () => void> = {
    // A gateway that is alone leaves nobody who knows of its writes: what it had sent may be applied, and seen, until then.
    'is killed': () => restart(stage.features.cluster ? chance.between(1, 300) : MAX_LATE_MS + stage.features.lagMs),
    'is stopped': () => node.process.stop(ms),
    'is suspended': () => node.process.suspend(ms),
    'has its clock set': () => node.process.setClock(chance.pick(CLOCK_STEPS_MS)),
  };
  const ofMany: Record<string, () => void> = {
    'leaves by itself': () => {
      if (!node.process.alive) return;
      node.process.run(() => void node.cluster?.stop());
      restartLater(stage, i);
    },
    'is cut off': () => {
      if (bus !== undefined) bus.cutUntil = world.now + ms;
    },
    'is slow': () => {
      if (bus !== undefined) bus.slowUntil = world.now + ms;
    },
    'sees the bus go down': () => {
      server.up = false;
      world.after(ms / 2, () => {
        server.up = true;
      });
    },
    'sees the bus lose all': () => {
      server.loseAll();
      if (chance.happens(0.5)) keys.loseAll();
    },
    'sees the tier go down': () => {
      keys.downUntil = world.now + ms;
    },
    'sees a server of the tier come back with older data': () => {
      keys.remember();
      world.after(ms / 2, () => keys.goBack());
    },
    'sees the bus fail over': () => server.failOver(chance.integer(12)),
    'sees the log trimmed': () => server.step((sequencer) => sequencer.trim(0)),
    'is cut off, and the log trimmed': () => {
      if (bus !== undefined) bus.cutUntil = world.now + ms;
      world.after(ms - 1, () => server.step((sequencer) => sequencer.trim(0)));
    },
  };
  const kinds = stage.features.cluster ? { ...ofOne, ...ofMany } : ofOne;
  const kind = chance.pick(Object.keys(kinds));
  world.tell(node.process.name, `${kind} (${ms.toFixed(0)})`);
  kinds[kind]?.();
}

/** A node that leaves serves nothing any more; what it had begun ends before it does. */
function restartLater(stage: Stage, i: number): void {
  const { world, places } = stage;
  const { node } = places[i] as Place;
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
  keys.downUntil = 0;
}
