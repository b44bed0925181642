import type { Clock, Timers } from '../../clock.ts';
import type { Fence } from '../../coherence/fence.ts';
import type { WriteInFlight, WritesInFlight } from '../../coherence/in-flight.ts';
import type { Log, Note } from '../../coherence/log.ts';
import type { Transaction } from '../../coherence/transaction.ts';
import type { Representation } from '../../coherence/write-set.ts';
import type { RuleSet } from '../../rules/compile.ts';
import type { Json, RuleMatch } from '../../rules/types.ts';
import type { Store } from '../../store/store.ts';
import type { Place } from '../origin-shares.ts';
import type { ClientRequest, Effect, OriginResponse, Route, RouteTable, WriteReport } from '../ports.ts';
import type { Refresher } from '../read/refresher.ts';
import type { BeforeAddress } from './before.ts';
import type { needsOf, Reach } from './plan.ts';
import type { KeyedRun } from './protection-ports.ts';
import type { Protections } from './protections.ts';
import type { QuarantineBudget } from './quarantine-budget.ts';
import type { RefusedTags } from './refused-tags.ts';
import type { ResolvedWrite } from './resolved-write.ts';
import type { Turn } from './turns.ts';
import type { Upload } from './upload.ts';
import type { UploadBudget } from './upload-budget.ts';

/** What the write exchange depends on. */
export interface WritePorts {
  readonly store: Store;
  readonly fence: Fence;
  readonly log: Log;
  readonly inFlight: WritesInFlight;
  readonly rules: RuleSet;
  readonly routes: RouteTable;
  /** Other nodes also write to the log: a write is noted there before it is forwarded (invariant 7). */
  readonly shared: boolean;
  readonly timers: Timers;
  readonly refresher: Refresher;
  readonly clock: Clock;
  /** Bodies longer than this are streamed and not read by rules. */
  readonly resolveBytes: number;
  /** Request bodies longer than this are refused. */
  readonly requestBytes: number | undefined;
  /** After an indeterminate write, how long everything that it may have changed stays in quarantine. */
  readonly indeterminateMs: number;
  /** Schedules the record that ends a quarantine. Calls `ended` then. */
  endQuarantineLater(effect: Effect, quarantine: number, ms: number, ended: () => void): void;
  /** What quarantines hold until they end. */
  readonly quarantines: QuarantineBudget;
  /** What tags in `If-Match` have invalidated lately. */
  readonly refusedTags: RefusedTags;
  /** What uploads hold. */
  readonly uploads: UploadBudget;
  /** Undefined: no write is protected. */
  readonly protections: Protections | undefined;
  /** Called once for each write. */
  report(result: WriteResult): void;
  failed(error: unknown, request: ClientRequest): void;
}

/** The outcome of a write, with the input from which an explanation can be made on demand. */
export interface WriteResult extends WriteReport {
  /** Made on demand. Undefined if no rule was applied: the origin refused the write, or never received all of it. */
  readonly resolved: (() => ResolvedWrite) | undefined;
}

/** A write as it arrived. */
export interface ArrivedWrite {
  readonly request: ClientRequest;
  readonly route: Route;
  readonly matches: readonly RuleMatch[];
  readonly needs: ReturnType<typeof needsOf>;
  readonly upload: Upload;
  readonly transaction: Transaction;
  readonly startedAt: number;
  /** Only of a write that takes turns with others of its resource. It is sent only while the turn lasts. */
  readonly turn: Turn | undefined;
  /** Its place among the origin's connections: with its turn, or before a body that is streamed. */
  readonly place: Place | undefined;
}

/** What a protected write has to know of its way to the origin and back. */
export interface Guard {
  /** The origin has answered. `again`: the answer is dropped, and the write will be sent again. */
  arrived(answer: OriginResponse): 'pass' | 'again';
  /** As `KeyedRun.holds`. */
  holds(): boolean;
  /** The origin may have received it. */
  sent(): void;
  /** The gateway evaluates conditions: a weak tag in the answer would never match one. */
  readonly evaluates: boolean;
  /** Whether `answered` needs the whole body. */
  readonly keeps: boolean;
  /** Called before the client gets the answer. */
  readonly answered: KeyedRun['answered'];
}

/** A write that is known to conflicting writes and whose `before` has been read. It may be forwarded. */
export interface NotedRequest extends ArrivedWrite {
  /** Everything that it may change. */
  readonly reach: Reach;
  readonly inFlight: WriteInFlight;
  /** The written resource and its representation, with what is known of their tags. */
  readonly reads: readonly Representation[];
  /** Only on a shared log: what another node records if this one dies. */
  readonly note: Note | undefined;
  readonly before: Json;
  /** Where the representation of the written resource is, if known. */
  readonly address: BeforeAddress | undefined;
  /** The store's sequence just before it was forwarded. */
  readonly since: number;
}

/** The origin's answer to a write. `answer` is undefined if none came. */
export interface OriginAnswer {
  readonly answer: OriginResponse | undefined;
  readonly response: Json;
  /** The body's text, if it is JSON without a content coding. Read on demand: only patches need it. */
  readonly text: () => string | undefined;
}
