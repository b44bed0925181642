import type { Clock, Timers } from '../../clock.ts';
import type { Fence } from '../../coherence/fence.ts';
import type { WriteInFlight, WritesInFlight } from '../../coherence/in-flight.ts';
import type { Log, Note } from '../../coherence/log.ts';
import type { RuleSet } from '../../rules/compile.ts';
import type { Json, RuleMatch } from '../../rules/types.ts';
import type { Store } from '../../store/store.ts';
import type { ClientRequest, Effect, OriginResponse, Route, RouteTable, WriteReport } from '../ports.ts';
import type { Refresher } from '../read/refresher.ts';
import type { Address } from './before.ts';
import type { Reach } from './plan.ts';
import type { QuarantineBudget } from './quarantine-budget.ts';
import type { Upload } from './upload.ts';
import type { UploadBudget } from './upload-budget.ts';

/** What the write exchange needs of others. */
export interface WritePorts {
  readonly store: Store;
  readonly fence: Fence;
  readonly log: Log;
  readonly inFlight: WritesInFlight;
  readonly rules: RuleSet;
  readonly routes: RouteTable;
  /** Other nodes write to the log, too: a write is noted there before it is forwarded (invariant 7). */
  readonly shared: boolean;
  readonly timers: Timers;
  readonly refresher: Refresher;
  readonly clock: Clock;
  /** Bodies longer than this stream through and are not read for ids. */
  readonly resolveBytes: number;
  /** Request bodies longer than this are refused. */
  readonly requestBytes: number | undefined;
  /** After a write of unknown outcome, how long what it may have touched is passed through and not stored. */
  readonly indeterminateMs: number;
  /** Appends the record that ends a quarantine, when it is over. */
  endQuarantineLater(effect: Effect, quarantine: number, ms: number, ended: () => void): void;
  /** What the windows hold until then. */
  readonly quarantines: QuarantineBudget;
  /** What uploads hold. */
  readonly uploads: UploadBudget;
  /** The address that a client counts as. */
  addressOf(request: ClientRequest): string;
  /** One line in the log for each write. */
  report(report: WriteReport): void;
  failed(error: unknown, request: ClientRequest): void;
}

/** A write as it arrived. */
export interface ArrivedWrite {
  readonly request: ClientRequest;
  readonly route: Route;
  readonly matches: readonly RuleMatch[];
  readonly needs: { readonly before: boolean; readonly request: boolean; readonly response: boolean };
  readonly upload: Upload;
  readonly startedAt: number;
}

/** A write that others can find, and whose `before` has been read: it may be forwarded. */
export interface NotedWrite extends ArrivedWrite {
  /** All that it may change. */
  readonly reach: Reach;
  readonly inFlight: WriteInFlight;
  /** Where the log is shared: what another node would make of this one's death. */
  readonly note: Note | undefined;
  readonly before: Json;
  /** Where the representation of the written resource lives, if that is known. */
  readonly address: Address | undefined;
  /** The store's sequence just before it was forwarded. */
  readonly since: number;
}

/** What came back; `answer` is undefined where it is not known whether the origin did anything. */
export interface Answered {
  readonly answer: OriginResponse | undefined;
  readonly response: Json;
  /** The body's text, where it is JSON as it was sent. */
  readonly text: string | undefined;
}
