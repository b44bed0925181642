import type { EventsCorsConfig } from '../config/model.ts';
import { isListed } from '../events/page-origin.ts';
import type { Fields } from '../http/fields.ts';

/** What pages of other origins may send. `Last-Event-ID` and `Cache-Control` are sent by clients that use `fetch`. */
const ALLOWED_FIELDS = 'Authorization, Cache-Control, Last-Event-ID, Unstale-Client';
/** How long a browser remembers the answer to a preflight. Chromium takes no more than two hours. */
const MAX_AGE_SECONDS = 7_200;

/** The fields that let a page of another origin read an answer (Fetch standard, "CORS protocol"). */
export function corsFields(asked: Fields, cors: EventsCorsConfig | undefined): Record<string, string> {
  if (cors === undefined) return {};
  const origin = asked.get('origin');
  // Caches in between must not give one page what another was allowed.
  if (origin === undefined || !isListed(origin, cors)) return { Vary: 'Origin' };
  const fields = { 'Access-Control-Allow-Origin': origin, Vary: 'Origin' };
  return cors.credentials ? { ...fields, 'Access-Control-Allow-Credentials': 'true' } : fields;
}

/** The further fields of the answer to a preflight. */
export function preflightFields(asked: Fields, cors: EventsCorsConfig): Record<string, string> {
  const origin = asked.get('origin');
  if (origin === undefined || !isListed(origin, cors)) return {};
  return {
    'Access-Control-Allow-Methods': 'GET',
    'Access-Control-Allow-Headers': ALLOWED_FIELDS,
    'Access-Control-Max-Age': String(MAX_AGE_SECONDS),
  };
}
