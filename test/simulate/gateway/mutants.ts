import type { Bus } from '../../../src/coherence/bus.ts';
import { BusOver } from '../../../src/coherence/bus-over.ts';
import { Fence } from '../../../src/coherence/fence.ts';
import { type WriteInFlight, WritesInFlight } from '../../../src/coherence/in-flight.ts';
import { Lease } from '../../../src/coherence/lease.ts';
import type { Log } from '../../../src/coherence/log.ts';
import type { Invalidation } from '../../../src/coherence/record.ts';
import type { Coverage } from '../../../src/coherence/tag.ts';
import type { Representation, TagKnowledge, Term, WriteSet } from '../../../src/coherence/write-set.ts';
import { MinPosition } from '../../../src/exchange/min-position.ts';
import type { ReadPorts } from '../../../src/exchange/read/read-ports.ts';
import type { WritePorts } from '../../../src/exchange/write/write-ports.ts';
import type { SecondTier } from '../../../src/store/second-tier.ts';
import type { Store } from '../../../src/store/store.ts';
import { announcesWhenApplied } from '../early-announcements.ts';
import { withMethods } from '../mutants.ts';
import { withMembers } from '../with-members.ts';
import type { Features } from './configuration.ts';
import type { Mutation } from './stage.ts';

/** One check taken out. */
export interface Mutant extends Mutation {
  readonly name: string;
  /** A schedule that has shown it, tried first. */
  readonly seed?: number;
  /** The fixed schedules with these words in their name: each of them shows it. */
  readonly scenario?: string;
  /** Where it can be found at all. */
  readonly features?: Partial<Features>;
}

class FenceWithoutRecords extends Fence {
  override admits(): boolean {
    return true;
  }
}

class FenceWithoutQuarantine extends Fence {
  override isQuarantined(): boolean {
    return false;
  }
}

class TimelessLease extends Lease {
  override granted(renewal: Parameters<Lease['granted']>[0], applied: number): void {
    super.granted({ ...renewal, leaseMs: Number.MAX_SAFE_INTEGER }, applied);
  }
}

/** The bus below the one that tells configurations apart. */
class BusOfOneConfiguration extends BusOver {
  constructor(configured: Bus) {
    super((configured as BusOfOneConfiguration).bus);
  }
}

class WritesWithoutCarriedTags extends WritesInFlight {
  override begin(writeSet: WriteSet, reads: readonly Representation[]): WriteInFlight {
    return super.begin({ ...writeSet, carried: [] }, reads);
  }
}

/** Says of an epoch that begins that its first record is committed. */
class BusWithoutBarrier extends BusOver {
  override async renew(...args: Parameters<Bus['renew']>): ReturnType<Bus['renew']> {
    const answer = await this.bus.renew(...args);
    return answer.ok ? { ...answer, committed: Math.max(1, answer.committed) } : answer;
  }
}

class PositionsOverlooked extends MinPosition {
  override mayServe(): boolean {
    return true;
  }
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

/** As if a tag never named what a path names. */
class WritesWithoutTags extends WritesInFlight {
  constructor({ families }: TagKnowledge) {
    super({ families, opaque: [] });
  }

  override begin(writeSet: WriteSet, reads: readonly Representation[]): WriteInFlight {
    return super.begin(
      { ...writeSet, coverage: withoutTags(writeSet.coverage), opaque: [] },
      reads.map(({ path }) => ({ path, tags: [], open: [] })),
    );
  }

  override note(record: Invalidation): void {
    super.note({ ...record, coverage: withoutTags(record.coverage) });
  }
}

function withoutTags({ tags, patterns }: Coverage): Coverage {
  return { tags: new Set([...tags].filter((tag) => !tag.startsWith('t:'))), patterns, tagPatterns: [] };
}

class WritesWithoutAddress extends WritesInFlight {
  override begin(writeSet: WriteSet, reads: readonly Representation[]): WriteInFlight {
    return super.begin(writeSet, reads.slice(0, 1));
  }
}

/** Never asks: neither for a write without a record, nor when it appends one. */
const asksNobody = {
  inFlight: altered(() => ({ conflicting: () => [] })),
  log: (log: Log) =>
    withMembers(log, {
      conflicting: () => Promise.resolve({ known: true, writes: [] }),
      append: (invalidation, { note, local } = {}) => log.append(invalidation, { note, local }),
    }),
};

/** Takes what the log cannot name for what it is not worth waiting for. */
const waitsForNone = {
  inFlight: altered(() => ({ conflicting: () => [] })),
  log: (log: Log) => withMembers(log, { conflicting: () => Promise.resolve({ known: false, writes: [] }) }),
};

/** The answer waits for conflicting writes of the same node; what is announced does not. */
function announcedAtOnce(ports: WritePorts): WritePorts {
  const { inFlight, log } = ports;
  const pending = new WeakMap<ReadonlySet<Term>, readonly Promise<void>[]>();
  const conflicting = new Map<string, Promise<unknown>>();
  const begin: WritesInFlight['begin'] = (...begun) => {
    const write = inFlight.begin(...begun);
    const conflicting = (): Promise<void>[] => {
      pending.set(write.probes, write.conflicting());
      return [];
    };
    return withMembers(write, { conflicting });
  };
  const append: Log['append'] = async (invalidation, options) => {
    const appended = await log.append(invalidation, options);
    const here = options?.probes && pending.get(options.probes);
    if (here === undefined || here.length === 0) return appended;
    const id = `here:${conflicting.size}`;
    conflicting.set(id, Promise.all(here));
    return { ...appended, conflicting: appended.conflicting && [...appended.conflicting, id] };
  };
  const ended: Log['ended'] = async (writes) => {
    await Promise.all(writes.map((id) => conflicting.get(id)));
    return log.ended(writes.filter((id) => !conflicting.has(id)));
  };
  return { ...ports, inFlight: withMembers(inFlight, { begin }), log: withMembers(log, { append, ended }) };
}

/**
 * Notes outlive the records that would fulfil them: the writer withdraws them, unless it has been told that it is
 * not known.
 */
function leavingNotes(log: Log): Log {
  return withMembers(log, {
    append: async (invalidation, { note, ...options } = {}) => {
      const appended = await log.append(invalidation, options);
      if (note !== undefined) log.withdraw(note);
      return appended;
    },
    abandon: () => {},
  });
}

/** Other writes wait for a refused one until it is answered. */
const refusedAreWaitedFor: Pick<Mutant, 'inFlight' | 'log'> = {
  inFlight: (knowledge) =>
    new (class extends WritesInFlight {
      override begin(...begun: Parameters<WritesInFlight['begin']>): WriteInFlight {
        const write = super.begin(...begun);
        let asked = false;
        // Said for the first time before it asks, for the second when it has ended.
        const recorded = (): void => {
          if (asked) write.recorded();
          asked = true;
        };
        return withMembers(write, { recorded });
      }
    })(knowledge),
  log: (log) => {
    const ending = new Set<string>();
    const withdraw: Log['withdraw'] = (note) => {
      if (ending.has(note.id)) log.withdraw(note);
      ending.add(note.id);
    };
    return withMembers(log, { withdraw });
  },
};

/** Of the writes alone: what is in quarantine is not stored all the same. */
function writesWithoutQuarantine(ports: WritePorts): WritePorts {
  return { ...ports, fence: withMembers(ports.fence, { readsQuarantined: () => false }) };
}

const many = { nodes: 3, cluster: true } as const;

export const mutants: readonly Mutant[] = [
  { name: 'responses are stored whatever was invalidated meanwhile', seed: 6, fence: () => new FenceWithoutRecords() },
  {
    name: 'collapsed requests take any answer',
    seed: 7,

    reads: (ports) => ({
      ...ports,
      fence: withMembers(ports.fence, { admits: () => true, isQuarantined: () => false }),
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
    listener: announcesWhenApplied,
  },
  {
    name: 'nothing is carried over',
    seed: 30,
    inFlight: (knowledge) =>
      new (class extends WritesInFlight {
        override note(): void {}
      })(knowledge),
  },
  {
    name: 'every write takes itself to be alone',
    scenario: 'brings back what was before',
    features: { condition: 'onlyIfChanged' },
    inFlight: altered(() => ({ conflicted: false })),
  },
  {
    name: 'nobody waits for writes of the same node that conflict',
    seed: 3,

    features: { nodes: 1, cluster: false, parents: 'before' },
    inFlight: altered(() => ({ conflicting: () => [] })),
  },
  {
    name: 'what is in quarantine is stored',
    seed: 9,
    features: { apiFails: true },
    fence: () => new FenceWithoutQuarantine(),
  },
  {
    name: 'what was in quarantine is not invalidated again',
    seed: 3,

    features: { apiFails: true },
    writes: (ports) => ({ ...ports, endQuarantineLater: () => {} }),
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
        return found?.with({ asOf: Number.MAX_SAFE_INTEGER });
      },
    })),
  },
  {
    name: 'records are not published to the tier',

    features: { ...many, tier: true },
    cluster: () => ({ publish: () => Promise.resolve() }),
  },
  {
    name: 'parents are patched that were filled after the write began',
    features: { parents: 'before', action: 'patch', trips: 'pattern' },
    writes: (ports) => ({ ...ports, store: withMembers<Store>(ports.store, { sequence: Number.MAX_SAFE_INTEGER }) }),
  },
  {
    name: 'the position that a reader asks for is overlooked',
    seed: 3,
    features: { nodes: 3, cluster: true, eventual: true },
    minPosition: (options) => new PositionsOverlooked(options),
  },
  {
    name: 'records of another configuration are read as one of the own',
    seed: 11,
    features: { nodes: 3, cluster: true, mixed: true },
    bus: (bus) => new BusOfOneConfiguration(bus),
  },
  {
    name: 'a path does not tell the tags of what is there',
    scenario: 'names by its tag what another changes by its path',
    inFlight: (knowledge) => new WritesWithoutCarriedTags(knowledge),
  },
  {
    name: 'the barrier of a new epoch is not waited for',
    scenario: 'behind the barrier',
    bus: (bus) => new BusWithoutBarrier(bus),
  },
  { name: 'an unchanged write does not ask for conflicts', scenario: 'a write that changes nothing', ...asksNobody },
  { name: 'writes wait for a refused one', scenario: 'two that are refused', ...refusedAreWaitedFor },
  { name: 'a lookup is believed in a quarantine', scenario: 'what a lookup finds', writes: writesWithoutQuarantine },
  { name: 'a write that names tags does not ask for conflicts', scenario: 'by tag alone', ...asksNobody },
  { name: 'a write that was not told of conflicts waits for none', scenario: 'is lost', ...waitsForNone },
  { name: 'a refused write does not ask for conflicts', scenario: 'a refusal', ...asksNobody },
  {
    name: 'events do not wait for conflicting writes',
    scenario: 'an event before its effect',
    writes: announcedAtOnce,
  },
  {
    name: 'tags are not compared with paths',
    scenario: 'a batch that names its items by tag',
    inFlight: (knowledge) => new WritesWithoutTags(knowledge),
  },
  {
    name: 'the address of `before` is not among what a write reads',
    scenario: 'command to where the representation is not',
    inFlight: (knowledge) => new WritesWithoutAddress(knowledge),
  },
  {
    name: '`before` is believed in a quarantine',
    scenario: 'inside the quarantine of another write',
    writes: writesWithoutQuarantine,
  },
  {
    name: 'a refusal in a quarantine has no record',
    scenario: 'an indeterminate write, sent again and refused',
    writes: writesWithoutQuarantine,
  },
  {
    name: '`before` is what anybody may see',
    scenario: 'as the anonymous see it',
    writes: (ports) => ({
      ...ports,
      store: withMembers(ports.store, {
        select: (...asked) => {
          const found = ports.store.select(...asked);
          return found?.with({ shareable: true });
        },
      }),
    }),
  },
  {
    name: 'a joining node does not say again that something was missed',
    scenario: 'a node that joins between a record and its commit',
    listener: (listener) => ({ ...listener, caughtUp: () => {} }),
  },
  {
    name: 'a node that joins a new epoch does not say again that something was missed',
    scenario: 'a node that joins a new epoch, while another serves what it held in the one before',
    listener: (listener) => ({ ...listener, caughtUp: () => {} }),
  },
  {
    name: 'a writer that gives up leaves its note',
    scenario: 'whose record cannot be appended',
    log: leavingNotes,
  },
];
