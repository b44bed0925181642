import { systemTimers } from './clock.ts';
import type { GatewayConfig } from './config/model.ts';
import { compileProtections, type Protections } from './exchange/write/protections.ts';
import { Turns } from './exchange/write/turns.ts';
import { compileSpellings } from './rules/spellings.ts';

/** What protects writes (`writes`); undefined if nothing does. */
export function wireProtections(config: GatewayConfig): Protections | undefined {
  return compileProtections(config, {
    spellings: compileSpellings(config),
    turns: new Turns(systemTimers),
    validators: new Map(),
    keys: undefined,
  });
}
