import type { SimulatedKeys } from './keys.ts';
import type { SimulatedBus, SimulatedServer } from './network.ts';
import { LEASE_MS } from './node.ts';
import type { Process, World } from './world.ts';

/** What goes wrong, by what the trace says of it. */
export type Faults = Readonly<Record<string, () => void>>;

export interface Disturbed {
  readonly world: World;
  readonly server: SimulatedServer;
  readonly keys: SimulatedKeys;
  readonly process: Process;
  readonly bus: SimulatedBus;
  /** How long it lasts. */
  readonly ms: number;
  /** When everything is to be whole again. */
  readonly end: number;
  /** Whether somebody could tell that Redis was set back. */
  isKnown(): boolean;
}

export function faultsOfProcess(process: Process, ms: number): Faults {
  return { 'is stopped': () => process.stop(ms), 'is suspended': () => process.suspend(ms) };
}

/** Of the line to the server, and of the server itself. */
export function faultsOfBus({ world, server, keys, bus, ms, end, isKnown }: Disturbed): Faults {
  return {
    'is cut off': () => {
      bus.cutUntil = world.now + ms;
    },
    'is slow': () => {
      bus.slowUntil = world.now + ms;
    },
    'sees the bus go down': () => {
      server.up = false;
      world.after(ms / 2, () => {
        server.up = true;
      });
    },
    'sees the bus full': () => {
      server.fullUntil = world.now + ms;
    },
    'sees the bus lose all': () => {
      server.loseAll();
      if (world.chance.happens(0.5)) keys.loseAll();
    },
    'sees the tier go down': () => {
      keys.downUntil = world.now + ms;
    },
    'sees a server of the tier come back with older data': () => {
      keys.remember();
      world.after(ms / 2, () => keys.goBack());
    },
    'sees the bus fail over': () => server.failOver(world.chance.integer(12)),
    // By more than the time within which each node is told something: one that starts within it knows no better
    // (docs/coherence.md, "What does not hold").
    'sees Redis set back in place': () => {
      const waitMs = Math.max(ms, LEASE_MS);
      if (world.now + waitMs > end) return;
      server.remember();
      keys.remember();
      world.after(waitMs, () => {
        if (!isKnown()) return;
        server.setBack();
        keys.setBack();
      });
    },
    'sees the log trimmed': () => server.step((sequencer) => sequencer.trim(0)),
    'is cut off, and the log trimmed': () => {
      bus.cutUntil = world.now + ms;
      world.after(ms - 1, () => server.step((sequencer) => sequencer.trim(0)));
    },
    'is cut off, and the bus loses all': () => {
      bus.cutUntil = world.now + ms / 2;
      server.loseAll();
    },
  };
}
