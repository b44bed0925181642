import { Fence } from '../../../src/coherence/fence.ts';
import { type WriteInFlight, WritesInFlight } from '../../../src/coherence/in-flight.ts';
import { Lease } from '../../../src/coherence/lease.ts';
import type { LogRecord } from '../../../src/coherence/record.ts';
import type { TagKnowledge } from '../../../src/coherence/write-set.ts';
import type { ReadPorts } from '../../../src/exchange/read-ports.ts';
import type { SecondTier } from '../../../src/store/second-tier.ts';
import type { Store } from '../../../src/store/store.ts';
import { withMethods } from '../mutants.ts';
import type { Features } from './configuration.ts';
import type { Outcome } from './schedule.ts';
import { simulateGateway } from './schedule.ts';
import type { Mutation } from './stage.ts';

/** One check taken out. */
export interface Mutant extends Mutation {
  readonly name: string;
  /** A schedule that has shown it, tried first. */
  readonly seed?: number;
  /** Where it can be found at all. */
  readonly features?: Partial<Features>;
}

class FenceWithoutRecords extends Fence {
  override admits(): boolean {
    return true;
  }
}

class FenceWithoutDoubt extends Fence {
  override inDoubt(): boolean {
    return false;
  }
}

class TimelessLease extends Lease {
  override granted(renewal: Parameters<Lease['granted']>[0], applied: number): void {
    super.granted({ ...renewal, leaseMs: Number.MAX_SAFE_INTEGER }, applied);
  }
}

/** An object with some of its members replaced; the others see the object itself. */
function withMembers<T extends object>(object: T, members: Partial<T>): T {
  return new Proxy(object, {
    get: (target, name) => {
      if (name in members) return members[name as keyof T];
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

function altered(alter: (write: WriteInFlight) => Partial<WriteInFlight>): (knowledge: TagKnowledge) => WritesInFlight {
  return (knowledge) =>
    new (class extends WritesInFlight {
      override begin(...begun: Parameters<WritesInFlight['begin']>): WriteInFlight {
        const write = super.begin(...begun);
        return withMembers(write, alter(write));
      }
    })(knowledge);
}

function withTier(alter: (tier: SecondTier) => Partial<SecondTier>): (ports: ReadPorts) => ReadPorts {
  return (ports) => (ports.tier === undefined ? ports : { ...ports, tier: withMembers(ports.tier, alter(ports.tier)) });
}

const many = { nodes: 3, cluster: true } as const;

export const mutants: readonly Mutant[] = [
  { name: 'responses are stored whatever was hit meanwhile', seed: 6, fence: () => new FenceWithoutRecords() },
  {
    name: 'collapsed requests take any answer',
    seed: 7,

    reads: (ports) => ({
      ...ports,
      fence: withMembers(ports.fence, { admits: () => true, inDoubt: () => false }),
    }),
  },
  {
    name: 'writes are released when this node has applied their record',
    seed: 3,

    features: many,
    cluster: () => ({ mode: 'eventual' }),
  },
  {
    name: 'records are announced when this node has applied them',
    seed: 3,

    features: many,
    listener: (listener) => ({
      ...listener,
      applied: (record: LogRecord) => {
        const removed = listener.applied(record);
        listener.committed(record);
        return removed;
      },
      committed: () => {},
    }),
  },
  {
    name: 'nothing is carried over',
    inFlight: (knowledge) =>
      new (class extends WritesInFlight {
        override note(): void {}
      })(knowledge),
  },
  {
    name: 'every write takes itself to be alone',

    features: { condition: 'onlyIfChanged' },
    inFlight: altered(() => ({ conflicted: false })),
  },
  {
    name: 'nobody waits for writes of the same node that conflict',
    seed: 3,

    features: { nodes: 1, cluster: false, parents: 'before' },
    inFlight: altered(() => ({ conflicting: () => [] })),
  },
  { name: 'what is in doubt is stored', seed: 9, features: { apiFails: true }, fence: () => new FenceWithoutDoubt() },
  {
    name: 'what was in doubt is not invalidated again',
    seed: 3,

    features: { apiFails: true },
    writes: (ports) => ({ ...ports, settleLater: () => {} }),
  },
  {
    name: 'the notes of the dead are not taken over',

    features: { ...many, faults: true },
    bus: (bus) => withMethods(bus, { evict: () => Promise.resolve({ ok: true, orphans: [] }) }),
  },
  {
    name: 'leases never run out',
    seed: 23,

    features: { ...many, faults: true },
    cluster: () => ({ lease: new TimelessLease() }),
  },
  {
    name: 'a node that has lost its place does not tell its subscribers',

    features: { ...many, faults: true },
    hub: (hub) => withMembers(hub, { reset: () => {} }),
  },
  {
    name: 'what the tier gives is not compared with what this node knows',
    features: { ...many, tier: true },
    reads: withTier((tier) => ({
      load: async (...asked) => {
        const found = await tier.load(...asked);
        return found && { ...found, asOf: Number.MAX_SAFE_INTEGER };
      },
    })),
  },
  {
    name: 'the tier does not hear of records',

    features: { ...many, tier: true },
    cluster: () => ({ publish: () => Promise.resolve() }),
  },
  {
    name: 'parents are patched that were filled after the write began',
    features: { parents: 'before', action: 'patch', trips: 'pattern' },
    writes: (ports) => ({ ...ports, store: withMembers<Store>(ports.store, { sequence: Number.MAX_SAFE_INTEGER }) }),
  },
];

/**
 * The first violation that the mutant makes within so many schedules, in one that holds without it. What is merely left behind
 * counts, too.
 */
export async function catchMutant(mutant: Mutant, schedules: number): Promise<string | undefined> {
  const known = mutant.seed === undefined ? [] : [mutant.seed];
  for (const seed of [...known, ...Array.from({ length: schedules }, (_, i) => i + 1)]) {
    const [violation] = await violationsOf(simulateGateway(seed, mutant.features, mutant));
    if (violation === undefined) continue;
    const [without] = await violationsOf(simulateGateway(seed, mutant.features));
    if (without === undefined) return `seed ${seed}, ${violation}`;
  }
  return undefined;
}

async function violationsOf(outcome: Promise<Outcome>): Promise<readonly string[]> {
  return (await outcome).violations;
}
