import { systemClock, systemTimers } from './clock.ts';
import type { Log } from './coherence/log.ts';
import type { GatewayConfig } from './config/model.ts';
import { type Said, saidOf } from './exchange/inspect/verdict.ts';
import type { RouteTable } from './exchange/ports.ts';
import { compileProtections, type Protections } from './exchange/write/protections.ts';
import { Turns } from './exchange/write/turns.ts';
import { keyExplainer } from './idempotency/explain-key.ts';
import { KeptKeys } from './idempotency/kept-keys.ts';
import type { KeyStore } from './idempotency/key-store.ts';
import type { Reports } from './observe/reports.ts';
import { compileSpellings } from './rules/spellings.ts';
import { bodyValidators } from './validation/validate-body.ts';

export interface ProtectionWiring {
  readonly log: Log;
  readonly routes: RouteTable;
  readonly keys: KeyStore;
  readonly reports: Reports;
}

/** What protects writes (`writes`); undefined if nothing does. */
export function wireProtections(
  config: GatewayConfig,
  { log, routes, keys, reports }: ProtectionWiring,
): Protections | undefined {
  return compileProtections(config, {
    spellings: compileSpellings(config),
    turns: new Turns({ timers: systemTimers, clock: systemClock, log }),
    validators: bodyValidators(config.writes, (request, found) => reports.invalid(request, found)),
    keys: new KeptKeys({
      ...{ routes, store: keys, timers: systemTimers, clock: systemClock },
      repeated: (request) => reports.repeated(request),
      failed: (error) => reports.keysFailed(error),
    }),
  });
}

/** What a configuration says of writes, for explanations: nothing is counted or logged. */
export function saidOfWrites(config: GatewayConfig): Said {
  return saidOf(config, { validators: bodyValidators(config.writes, () => {}), key: keyExplainer(config) });
}
