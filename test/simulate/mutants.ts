import type { Bus } from '../../src/coherence/bus.ts';
import type { ClusterLog } from '../../src/coherence/cluster-log.ts';
import { Fence } from '../../src/coherence/fence.ts';
import { type WriteInFlight, WritesInFlight } from '../../src/coherence/in-flight.ts';
import { Lease } from '../../src/coherence/lease.ts';
import type { Appended, Log } from '../../src/coherence/log.ts';
import { Membership } from '../../src/coherence/membership.ts';
import type { Position } from '../../src/coherence/record.ts';
import { Sequencer } from '../../src/coherence/sequencer.ts';
import type { Coverage } from '../../src/coherence/tag.ts';
import { announcesWhenApplied } from './early-announcements.ts';
import { BusThatAcknowledgesEarly, BusWithAnswers, noFailures, SequencerThatLosesTheSecond } from './group-mutants.ts';
import type { ScheduleMutation } from './schedule.ts';
import { withMembers } from './with-members.ts';

/** One check taken out. `invariant` as numbered in coherence.md. */
export interface Mutant extends ScheduleMutation {
  readonly invariant: number;
  readonly name: string;
  /** A schedule that has shown it, tried first: after a change to the protocol it may be another one. */
  readonly seed?: number;
}

class FenceWithoutRecords extends Fence {
  override admits(): boolean {
    return true;
  }
}

class FenceThatKeepsOldFills extends Fence {
  override reset(position: Position, quarantines: readonly { position: Position; coverage: Coverage }[]): void {
    super.reset(0, quarantines);
    this.apply({ position, at: '', coverage: { tags: new Set(), patterns: [], tagPatterns: [] }, announcements: [] });
  }
}

function altered(alter: (write: WriteInFlight) => WriteInFlight): () => WritesInFlight {
  return () =>
    new (class extends WritesInFlight {
      override begin(...args: Parameters<WritesInFlight['begin']>): WriteInFlight {
        return alter(super.begin(...args));
      }
    })();
}

class CarriesNothingOver extends WritesInFlight {
  override note(): void {}
}

/** What was known when the record was made is all that it takes over. */
class CarriesOverOnce implements WriteInFlight {
  readonly #write: WriteInFlight;
  #first: ReturnType<WriteInFlight['carriedOver']> | undefined;

  constructor(write: WriteInFlight) {
    this.#write = write;
  }
  carriedOver() {
    this.#first ??= this.#write.carriedOver();
    return this.#first;
  }
  get conflicted() {
    return this.#write.conflicted;
  }
  get probes() {
    return this.#write.probes;
  }
  get posts() {
    return this.#write.posts;
  }
  reads(...args: Parameters<WriteInFlight['reads']>): void {
    this.#write.reads(...args);
  }
  conflicting() {
    return this.#write.conflicting();
  }
  applying(): void {
    this.#write.applying();
  }
  recorded(): void {
    this.#write.recorded();
  }
}

class TimelessLease extends Lease {
  override granted(renewal: Parameters<Lease['granted']>[0], applied: number): void {
    super.granted({ ...renewal, leaseMs: Number.MAX_SAFE_INTEGER }, applied);
  }
}

class LeaseThatIgnoresRecords extends Lease {
  override granted(renewal: Parameters<Lease['granted']>[0]): void {
    super.granted(renewal, Number.POSITIVE_INFINITY);
  }
}

class LeaseWithoutWallClock extends Lease {
  override granted(renewal: Parameters<Lease['granted']>[0], applied: number): void {
    super.granted({ ...renewal, sentWall: renewal.sentAt }, applied);
  }
  override holds(monotonic: number): boolean {
    return super.holds(monotonic, monotonic);
  }
}

class ImpatientMembership extends Membership {
  override observe(...[members, now, leaseMs]: Parameters<Membership['observe']>) {
    return super.observe(members, now * 4, leaseMs);
  }
}

class SequencerThatRepeatsNothing extends Sequencer {
  protected override repeat(_by: string, gone: string): void {
    super.repeat('', gone);
  }
}

class SequencerThatIsBelieved extends Sequencer {
  protected override lacks(): boolean {
    return false;
  }
}

class SequencerInAnyEpoch extends Sequencer {
  protected override leftBehind(): boolean {
    return false;
  }
}

class SequencerWithoutBarrier extends Sequencer {
  protected override raiseBarrier(): void {}
}

/** The log with some of its methods replaced, for the exchanges; its own parts see the real one. */
function facade(log: ClusterLog, replaced: (log: ClusterLog) => Partial<Log>): Log {
  const changed = replaced(log);
  return {
    epoch: '',
    append: (invalidation, options) => (changed.append ?? log.append.bind(log))(invalidation, options),
    note: (write) => log.note(write),
    withdraw: (note) => log.withdraw(note),
    abandon: (note) => log.abandon(note),
    conflicting: (note, probes) => (changed.conflicting ?? log.conflicting.bind(log))(note, probes),
    ended: (writes) => log.ended(writes),
    turn: (resource, waitMs) => log.turn(resource, waitMs),
    serving: () => (changed.serving ?? log.serving.bind(log))(),
    reached: (token, timeoutMs) => log.reached(token, timeoutMs),
    tokenOf: (record) => log.tokenOf(record),
  };
}

const withoutOthers = (appended: Appended): Appended => ({
  ...appended,
  applied: true,
  held: false,
  conflicting: [],
});

export const mutants: readonly Mutant[] = [
  {
    invariant: 1,
    name: 'responses are stored whatever was invalidated meanwhile',
    seed: 1,
    fence: () => new FenceWithoutRecords(),
  },
  { invariant: 2, name: 'collapsed requests take any answer', seed: 14, collapseUnchecked: true },
  {
    invariant: 3,
    name: 'writes are released when this node has applied their record',
    seed: 1,
    options: () => ({ mode: 'eventual' }),
  },
  {
    invariant: 3,
    name: 'records are acknowledged when they are read, before all of them are applied',
    seed: 17,
    bus: (bus) => new BusThatAcknowledgesEarly(bus),
  },
  {
    invariant: 3,
    name: 'the second record of a group is lost',
    seed: 41,
    sequencer: () => new SequencerThatLosesTheSecond(),
  },
  {
    invariant: 3,
    name: 'a step that failed alone in its group is taken for made',
    seed: 1,
    only: ['sees the bus full', 'is killed'],
    bus: (bus) => new BusWithAnswers(bus, noFailures),
  },
  {
    invariant: 4,
    name: 'records are announced when this node has applied them',
    seed: 3,
    listener: announcesWhenApplied,
  },
  { invariant: 5, name: 'nothing is carried over', seed: 114, inFlight: () => new CarriesNothingOver() },
  {
    invariant: 5,
    name: 'records that precede the own one in the log are not checked again',
    seed: 183,
    inFlight: altered((write) => new CarriesOverOnce(write)),
  },
  {
    invariant: 5,
    name: 'nobody waits for conflicting writes',
    seed: 49,
    inFlight: altered((write) => withMembers(write, { conflicting: () => [] })),
    log: (log) => facade(log, () => ({ append: (...args) => log.append(...args).then(withoutOthers) })),
  },
  { invariant: 6, name: 'what is in quarantine is stored, and not invalidated again', seed: 24, noQuarantine: true },
  { invariant: 7, name: 'writes are not noted', seed: 152, noIntent: true },
  {
    invariant: 7,
    name: 'the notes of the dead are not taken over',
    seed: 17,
    bus: (bus) => withMethods(bus, { evict: () => Promise.resolve({ ok: true, orphans: [] }) }),
  },
  { invariant: 8, name: 'leases never run out', seed: 39, options: () => ({ lease: new TimelessLease() }) },
  {
    invariant: 8,
    name: 'leases are counted from the answer',
    seed: 754,
    options: ({ clock }) => ({
      lease: new (class extends Lease {
        override granted(renewal: Parameters<Lease['granted']>[0], applied: number): void {
          const sentAt = clock.monotonic();
          super.granted(
            { ...renewal, sentAt, sentWall: clock.wall(), leaseMs: renewal.leaseMs + sentAt - renewal.sentAt },
            applied,
          );
        }
      })(),
    }),
  },
  {
    invariant: 8,
    name: 'leases hold before what they missed is applied',
    seed: 203,
    options: () => ({ lease: new LeaseThatIgnoresRecords() }),
  },
  {
    invariant: 8,
    name: 'a suspended machine is not noticed',
    seed: 28,
    options: () => ({ lease: new LeaseWithoutWallClock() }),
  },
  {
    invariant: 8,
    name: 'silent members are dropped early',
    seed: 18,
    options: () => ({ membership: new ImpatientMembership() }),
  },
  {
    invariant: 9,
    name: 'a failover is not noticed, neither by the server nor by what members know',
    seed: 3,
    noticesFailover: false,
    sequencer: () => new SequencerThatIsBelieved(),
  },
  {
    invariant: 9,
    name: 'a bus that was set back is believed',
    seed: 2,
    only: ['sees Redis set back in place'],
    sequencer: () => new SequencerThatIsBelieved(),
  },
  {
    invariant: 9,
    name: 'an epoch that was left is joined again',
    seed: 6,
    only: ['sees Redis set back in place', 'sees the bus lose all'],
    sequencer: () => new SequencerInAnyEpoch(),
  },
  { invariant: 9, name: 'a new epoch has no barrier', seed: 441, sequencer: () => new SequencerWithoutBarrier() },
  {
    invariant: 9,
    name: 'a new epoch leaves what is stored',
    seed: 28,
    listener: (listener) => ({ ...listener, reset: () => {} }),
  },
  {
    invariant: 9,
    name: 'a node that joins again keeps fills in flight',
    seed: 893,
    only: ['is cut off, and the log trimmed'],
    fence: () => new FenceThatKeepsOldFills(),
  },
  {
    invariant: 10,
    name: 'what the tier gives is not compared with what this node knows',
    seed: 7,
    tierUnchecked: true,
  },
  { invariant: 10, name: 'records are not published to the tier', seed: 1, publish: () => () => Promise.resolve() },
  {
    invariant: 10,
    name: 'a record is not published again after the tier was unreachable',
    seed: 51,
    only: ['sees the tier go down', 'is killed'],
    publish:
      (publish) =>
      (...args) =>
        publish(...args).catch(() => undefined),
  },
  {
    invariant: 10,
    name: 'a joining node asks the tier at once',
    seed: 98,
    only: ['is killed', 'sees the tier go down'],
    tierUsable: (log) => log.serving(),
  },
  {
    invariant: 10,
    name: 'records that a dead node had not published are not published',
    seed: 208,
    only: ['is killed', 'sees the tier go down'],
    sequencer: () => new SequencerThatRepeatsNothing(),
  },
  {
    invariant: 10,
    name: 'a server of the tier that comes back with older data is believed',
    seed: 1_438,
    only: ['sees a server of the tier come back with older data', 'is killed'],
    tellsServer: false,
  },
];

/** A bus, some of whose steps are others. */
export function withMethods(bus: Bus, methods: Partial<Bus>): Bus {
  return {
    createEpoch: (...args) => bus.createEpoch(...args),
    renew: (...args) => bus.renew(...args),
    group: (...args) => bus.group(...args),
    evict: (...args) => bus.evict(...args),
    published: (...args) => bus.published(...args),
    read: (...args) => bus.read(...args),
    ...methods,
  };
}
