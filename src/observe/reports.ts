import { systemClock } from '../clock.ts';
import { GatewayError, OriginError } from '../errors.ts';
import type {
  ClientRequest,
  DoneInvalidation,
  Explanation,
  OriginChange,
  ReadOutcome,
  Route,
  WriteReport,
} from '../exchange/ports.ts';
import { adviceOf } from './advice.ts';
import { brief, briefText, MAX_LOGGED_NAMES } from './brief.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';
import { throttled } from './throttled.ts';

/** How often it is logged that a store cannot be reached. */
const QUIET_MS = 10_000;

/** A read on its way, and when it began (`startRead`). */
export interface StartedRead {
  readonly request: { readonly method: string; readonly target: { readonly path: string } };
  readonly route: Route;
  readonly startedAt: number;
}

/** Logs and counts exchanges. Log lines contain no queries, which may hold secrets. */
export class Reports {
  readonly #log: Logger;
  readonly #metrics: Metrics;

  constructor(log: Logger, metrics: Metrics) {
    this.#log = log;
    this.#metrics = metrics;
  }

  /** When a read begins, in milliseconds; 0 if nobody is told how long it takes. */
  startRead(): number {
    return this.#log.isLevelEnabled('debug') ? systemClock.monotonic() : 0;
  }

  read({ request, route, startedAt }: StartedRead, result: ReadOutcome): void {
    const { outcome, detail } = result;
    this.#metrics.countRead(outcome);
    const name = route.name ?? 'no route';
    const reason = this.#metrics.neverHit.note(name, result);
    if (reason !== undefined) {
      this.#log.warn({ route: name, reason, ...adviceOf(reason) }, 'nothing of a route is answered from memory');
    }
    if (detail !== undefined && (outcome === 'miss' || outcome === 'bypass')) this.#metrics.countNotStored(detail);
    if (!this.#log.isLevelEnabled('debug')) return;
    const { method, target } = request;
    const ms = round(systemClock.monotonic() - startedAt);
    this.#log.debug({ method, path: briefText(target.path), route: route.name ?? null, outcome, detail, ms }, 'read');
  }

  /** A stored body could not be compressed, and is served as stored. */
  notEncoded(error: unknown): void {
    this.#log.warn({ err: error }, 'a stored body could not be compressed');
  }

  /** An invalidation through the admin port. */
  invalidated({ targets, removed, position }: DoneInvalidation): void {
    const named = targets.slice(0, MAX_LOGGED_NAMES).map(({ target }) => briefText(target));
    this.#log.info({ targets: named, of: targets.length, position, removed }, 'invalidated');
  }

  adminFailed(error: unknown): void {
    this.#log.error({ err: error }, 'a request to the admin port failed');
  }

  passed(request: ClientRequest): void {
    this.#metrics.countRead('passed');
    this.#log.debug({ method: request.method, path: briefText(request.target.path), outcome: 'passed' }, 'read');
  }

  /** @param explain tells how the targets were resolved; called if that is logged */
  write(report: WriteReport, explain: (() => Explanation) | undefined): void {
    const { request, effect } = report;
    const targets = effect?.targets ?? [];
    this.#metrics.countWrite(report.outcome);
    this.#log.info(
      {
        method: request.method,
        path: briefText(request.target.path),
        status: report.status ?? null,
        outcome: report.outcome,
        rules: report.rules,
        // What is undefined is not in the line.
        skipped: report.skipped.length === 0 ? undefined : brief(report.skipped),
        patched: report.patched?.put,
        notPatched: report.patched && brief(report.patched.uncertain),
        targets: targets.slice(0, MAX_LOGGED_NAMES).map(briefText),
        of: targets.length > MAX_LOGGED_NAMES ? targets.length : undefined,
        position: report.position,
        removed: report.removed,
        ms: round(report.ms),
      },
      'write',
    );
    if (explain !== undefined && this.#log.isLevelEnabled('debug')) {
      this.#log.debug({ explanation: brief(explain()) }, 'explained');
    }
    for (const { rule, target, placeholder, reason, ignored } of effect?.unresolved ?? []) {
      // The configuration expects it.
      if (ignored === true) continue;
      this.#metrics.unresolved += 1;
      this.#log.warn({ rule, target: briefText(target), placeholder, reason }, 'a placeholder could not be resolved');
    }
  }

  /** A write that its schema does not allow. Nothing of its values is logged. */
  invalid(
    request: StartedRead['request'],
    found: { readonly entry: string; readonly mode: string; readonly violations: readonly object[] },
  ): void {
    const { entry, mode, violations } = found;
    this.#metrics.countInvalid(mode);
    const { method, target } = request;
    const line = { method, path: briefText(target.path), entry, mode, errors: brief(violations) };
    this.#log[mode === 'log' ? 'warn' : 'info'](line, 'a write is not valid');
  }

  /** A write that was not carried out again: it got the first answer to its idempotency key. */
  repeated({ method, target }: StartedRead['request']): void {
    this.#metrics.repeatedWrites += 1;
    this.#log.info({ method, path: briefText(target.path) }, 'an answer was repeated');
  }

  /** The store of idempotency keys cannot be reached. */
  readonly keysFailed = throttled(QUIET_MS, (error: unknown) => {
    this.#log.warn({ err: error }, 'the idempotency keys cannot be reached');
  });

  /** The end of a quarantine: what an indeterminate write may have changed has been invalidated again. */
  quarantineEnded(quarantine: number, position: number): void {
    this.#log.info({ quarantine, position }, 'quarantine ended');
  }

  originChanged({ origin, is, since, reason }: OriginChange): void {
    if (is === 'down') this.#log.warn({ origin, reason }, 'an origin is down');
    else this.#log.info({ origin, downMs: Math.max(0, systemClock.wall() - since) }, 'an origin is up again');
  }

  /** A request failed by the origin or by the gateway, or refused; called once for each request. */
  failed(error: unknown, { method, target }: StartedRead['request']): void {
    const path = briefText(target.path);
    if (error instanceof OriginError && error.code === 'originDown') {
      // There is a line for the change. All requests until the next one are refused.
      this.#log.debug({ method, path, reason: error.message }, 'a request was refused');
      return;
    }
    const isOrigins = error instanceof OriginError;
    if (isOrigins) this.#metrics.originFailures += 1;
    if (error instanceof GatewayError && error.status < 500 && !isOrigins) {
      // Nothing is broken: an old If-Match, a key that is missing. Its client has been told.
      this.#log.info({ method, path, code: error.code, reason: briefText(error.message) }, 'a request was refused');
      return;
    }
    const code = error instanceof GatewayError ? error.code : 'internal';
    this.#log[code === 'internal' ? 'error' : 'warn']({ method, path, code, err: error }, 'a request failed');
  }

  /** A client that neither sent its body nor read its answer. */
  cutOff(peer: string | undefined, reason: string): void {
    this.#log.info({ peer, reason }, 'a client was cut off');
  }

  malformed(error: GatewayError, peer: string | undefined): void {
    this.#metrics.countRead('malformed');
    this.#log.info({ peer, code: error.code, reason: error.message }, 'a malformed request was refused');
  }
}

const round = (ms: number): number => Math.round(ms * 100) / 100;
