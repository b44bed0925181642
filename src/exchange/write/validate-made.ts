import type { ClientRequest } from '../ports.ts';
import { isMerged } from './decision.ts';
import type { Current } from './document.ts';
import { headOfMade, isCheckedAsMade, madeByPatch } from './made.ts';
import type { Protection } from './protections.ts';

/**
 * Checks what the API would get of a merged body, and what a patch would make of the resource.
 * @returns what is wrong with it, where that is only logged
 * @throws GatewayError
 */
export function validateMade(
  protection: Protection,
  request: ClientRequest,
  { body, current }: { readonly body: Buffer; readonly current: Current | undefined },
): readonly string[] {
  const { validate, config } = protection;
  if (validate === undefined) return [];
  if (isMerged(protection, request)) return validate(request, body);
  if (!isCheckedAsMade(config, request.method)) return [];
  return validate({ ...request, headers: headOfMade }, () => madeByPatch(body, request.headers, current));
}
