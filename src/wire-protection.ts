import { systemClock, systemTimers } from './clock.ts';
import type { Log } from './coherence/log.ts';
import type { GatewayConfig } from './config/model.ts';
import { compileProtections, type Protections } from './exchange/write/protections.ts';
import { Turns } from './exchange/write/turns.ts';
import { compileSpellings } from './rules/spellings.ts';

/** What protects writes (`writes`); undefined if nothing does. */
export function wireProtections(config: GatewayConfig, log: Log): Protections | undefined {
  return compileProtections(config, {
    spellings: compileSpellings(config),
    turns: new Turns({ timers: systemTimers, clock: systemClock, log }),
    validators: new Map(),
    keys: undefined,
  });
}
