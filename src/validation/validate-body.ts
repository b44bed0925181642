import type { WriteProtectionConfig } from '../config/model.ts';
import { GatewayError } from '../errors.ts';
import type { ClientRequest } from '../exchange/ports.ts';
import type { ValidateBody } from '../exchange/write/protection-ports.ts';
import { validationBy } from './compile.ts';
import { type Violation, violation } from './violation.ts';

/** Told of each write that is not valid, whatever becomes of it. */
export type InvalidWrite = (
  request: ClientRequest,
  found: { readonly entry: string; readonly mode: 'enforce' | 'log'; readonly violations: readonly Violation[] },
) => void;

/** For each entry of `writes` that validates: refuses what is not valid, or only tells of it. */
export function bodyValidators(
  writes: readonly WriteProtectionConfig[],
  tell: InvalidWrite,
): ReadonlyMap<WriteProtectionConfig, ValidateBody> {
  const validators = new Map<WriteProtectionConfig, ValidateBody>();
  for (const entry of writes) {
    if (entry.validate === undefined) continue;
    const { kind, documents, mode } = entry.validate;
    const { methods, pattern } = entry;
    const checkWhole = validationBy(documents, { kind, methods, pattern });
    const check: Check = (request, body) => checkWhole(request, typeof body === 'function' ? body() : body);
    validators.set(entry, (request, body) => {
      const violations = mode === 'log' ? loggedViolations(check, request, body) : check(request, body);
      if (violations.length === 0) return [];
      tell(request, { entry: entry.name, mode, violations });
      const shown = violations.map(shownViolation);
      if (mode === 'log') return shown;
      throw new GatewayError('invalidRequest', shown[0], { more: { errors: violations } });
    });
  }
  return validators;
}

const shownViolation = ({ in: where, pointer, message }: Violation): string =>
  `${[where, pointer].filter((part) => part !== '').join(' ')} ${message}`;

type Check = (...[request, body]: Parameters<ValidateBody>) => readonly Violation[];

/** What cannot be checked would be refused; here it is one more thing to tell of. */
function loggedViolations(check: Check, ...[request, body]: Parameters<Check>): readonly Violation[] {
  try {
    return check(request, body);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return [violation('body', '', `cannot be checked: ${error.message}`)];
  }
}
