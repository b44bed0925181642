import { quoted } from './cache-status.ts';

/**
 * The error type (RFC 9209 §2.3) of each error that the gateway itself generates. `proxy_internal_response` and
 * `http_request_error` mean that no origin was contacted.
 */
export const proxyErrors = {
  badRequest: 'http_request_error',
  idempotencyKeyMissing: 'http_request_denied',
  idempotencyKeyMalformed: 'http_request_error',
  unauthorized: 'http_request_denied',
  tokenMissing: 'http_request_denied',
  tokenInvalid: 'http_request_denied',
  notAllowed: 'http_request_denied',
  foreignPage: 'http_request_denied',
  forbidden: 'http_request_denied',
  notFound: 'http_request_error',
  methodNotAllowed: 'http_request_error',
  requestTimeout: 'http_request_error',
  idempotencyKeyInUse: 'http_request_denied',
  idempotencyKeyUnknown: 'http_request_denied',
  idempotencyAnswerNotKept: 'proxy_internal_response',
  currentUnmergeable: 'http_request_denied',
  noSnapshot: 'proxy_internal_response',
  preconditionFailed: 'http_request_denied',
  contentTooLarge: 'http_request_error',
  unsupportedMediaType: 'http_request_error',
  expectationFailed: 'http_request_error',
  uriTooLong: 'http_request_error',
  upgradeRequired: 'http_request_error',
  preconditionRequired: 'http_request_denied',
  tooManyStreams: 'http_request_denied',
  tooManyIndeterminate: 'http_request_denied',
  headersTooLarge: 'http_request_error',
  idempotencyKeyReused: 'http_request_denied',
  invalidRequest: 'http_request_denied',
  unprocessable: 'http_request_denied',
  unmergeable: 'http_request_denied',
  preservedMember: 'http_request_denied',
  internal: 'proxy_internal_error',
  notSaved: 'proxy_internal_error',
  originRefused: 'connection_refused',
  originReset: 'connection_terminated',
  originInvalid: 'http_protocol_error',
  currentUnreadable: 'http_protocol_error',
  originDown: 'destination_unavailable',
  notServing: 'proxy_internal_response',
  keysUnavailable: 'proxy_internal_response',
  draining: 'proxy_internal_response',
  overloaded: 'proxy_internal_response',
  busy: 'proxy_internal_response',
  unsettled: 'proxy_internal_response',
  onlyIfCached: 'proxy_internal_response',
  originTimeout: 'http_response_timeout',
  uncoordinated: 'proxy_internal_response',
  unconfirmed: 'proxy_internal_error',
  loopDetected: 'proxy_loop_detected',
} as const;

/** `Proxy-Status: unstale; error=connection_refused; details="…"`. `details` reaches the client and holds no secret. */
export function formatProxyStatus(code: keyof typeof proxyErrors, details?: string): string {
  const status = `unstale; error=${proxyErrors[code]}`;
  return details === undefined ? status : `${status}; details=${quoted(details)}`;
}
