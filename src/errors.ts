/**
 * Every error that the gateway itself makes: its code, HTTP status, problem `type` (RFC 9457) and title. The `type`s
 * are stable; clients may switch on them.
 */
const table = {
  badRequest: { status: 400, title: 'The request is malformed' },
  idempotencyKeyMissing: { status: 400, title: 'This write needs an idempotency key' },
  idempotencyKeyMalformed: { status: 400, title: 'The idempotency key is malformed' },
  unauthorized: { status: 401, title: 'The admin token is missing or wrong' },
  tokenMissing: { status: 401, title: 'A token is needed' },
  tokenInvalid: { status: 401, title: 'The token is not valid' },
  notAllowed: { status: 403, title: 'The token does not allow this' },
  foreignPage: { status: 403, title: 'Pages of this origin may not subscribe here' },
  forbidden: { status: 403, title: 'The admin port does not answer this request' },
  notFound: { status: 404, title: 'There is no such resource' },
  methodNotAllowed: { status: 405, title: 'The method is not allowed here' },
  requestTimeout: { status: 408, title: 'The request did not arrive in time' },
  idempotencyKeyInUse: { status: 409, title: 'The first request with this idempotency key is under way' },
  idempotencyKeyUnknown: { status: 409, title: 'Nobody knows how the first request with this idempotency key ended' },
  idempotencyAnswerNotKept: { status: 409, title: 'The answer to this idempotency key was too large to be kept' },
  currentUnmergeable: { status: 409, title: 'The current representation cannot be merged with this write' },
  noSnapshot: { status: 409, title: 'This gateway keeps no snapshot' },
  preconditionFailed: { status: 412, title: 'The resource is not in the state that this write expects' },
  contentTooLarge: { status: 413, title: 'The request body is larger than this gateway accepts' },
  unsupportedMediaType: { status: 415, title: 'The media type of the body is not supported' },
  expectationFailed: { status: 417, title: 'The expectation cannot be met' },
  uriTooLong: { status: 414, title: 'The request target is longer than this gateway accepts' },
  upgradeRequired: { status: 426, title: 'Only a WebSocket is served here' },
  preconditionRequired: { status: 428, title: 'This write needs a precondition' },
  tooManyStreams: { status: 429, title: 'This address has too many streams open' },
  tooManyIndeterminate: { status: 429, title: 'This address has too many writes of unknown outcome' },
  headersTooLarge: { status: 431, title: 'The request header fields are larger than this gateway accepts' },
  idempotencyKeyReused: { status: 422, title: 'The idempotency key belongs to another payload' },
  invalidRequest: { status: 422, title: 'The request is not what this write has to be' },
  unprocessable: { status: 422, title: 'A rule cannot resolve what this write changes' },
  unmergeable: { status: 422, title: 'The body cannot be merged with the current representation' },
  preservedMember: { status: 422, title: 'This write would change a member that is preserved' },
  internal: { status: 500, title: 'The gateway failed' },
  notSaved: { status: 500, title: 'The snapshot could not be saved' },
  originRefused: { status: 502, title: 'The origin cannot be reached' },
  originReset: { status: 502, title: 'The origin broke off its answer' },
  originInvalid: { status: 502, title: 'The origin sent an invalid answer' },
  currentUnreadable: { status: 502, title: 'What this write would replace cannot be read' },
  originDown: { status: 503, title: 'The origin is down' },
  notServing: { status: 503, title: 'This node does not serve what it has stored at the moment' },
  keysUnavailable: { status: 503, title: 'The keys that verify tokens cannot be had' },
  draining: { status: 503, title: 'The gateway is stopping' },
  overloaded: { status: 503, title: 'The gateway has no room for this request' },
  uncoordinated: { status: 503, title: 'The other nodes cannot be reached: the write was refused' },
  busy: { status: 503, title: 'Too many writes of this resource are waiting' },
  unsettled: { status: 503, title: 'An earlier write of this resource may still take effect' },
  onlyIfCached: { status: 504, title: 'No suitable response is stored' },
  originTimeout: { status: 504, title: 'The origin did not answer in time' },
  unconfirmed: { status: 504, title: 'Not every node has confirmed what this request invalidates' },
  loopDetected: { status: 508, title: 'The request loops through this gateway' },
} as const;

export type ErrorCode = keyof typeof table;

interface ErrorExtras {
  readonly more: GatewayError['more'];
  readonly lines: GatewayError['lines'];
}

export class GatewayError extends Error {
  override readonly name: string = 'GatewayError';
  readonly code: ErrorCode;
  readonly status: number;
  readonly title: string;
  /** The stable problem type: `urn:unstale:problem:origin-timeout`. */
  readonly type: string;
  /** Further members of the problem. */
  readonly more: Readonly<Record<string, unknown>>;
  /** Header lines of the answer. */
  readonly lines: readonly string[];

  /**
   * `detail`, `more` and `lines` reach the client: they say what to do and never hold a secret. `cause` only reaches
   * the log.
   */
  constructor(code: ErrorCode, detail?: string, options: ErrorOptions & Partial<ErrorExtras> = {}) {
    const { more = {}, lines = [], ...rest } = options;
    super(detail ?? table[code].title, rest);
    this.more = more;
    this.lines = lines;
    this.code = code;
    this.status = table[code].status;
    this.title = table[code].title;
    this.type = `urn:unstale:problem:${code.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  }
}

type OriginErrorCode =
  | 'originRefused'
  | 'originReset'
  | 'originInvalid'
  | 'originTimeout'
  | 'originDown'
  | 'badRequest'
  | 'contentTooLarge'
  | 'uncoordinated';

/** What went wrong between the gateway and an origin. */
export class OriginError extends GatewayError {
  override readonly name = 'OriginError';
  /** The request may have reached the origin. */
  readonly sent: boolean;
  /** Whose failure it is. `request`: the client gave up or sent too little, or the gateway did not let it go on. */
  readonly fault: 'origin' | 'request';

  constructor(
    code: OriginErrorCode,
    { sent, fault = 'origin', detail, ...options }: OriginErrorOptions & Partial<ErrorExtras>,
  ) {
    super(code, detail, options);
    this.sent = sent;
    this.fault = fault;
  }
}

interface OriginErrorOptions {
  readonly sent: boolean;
  readonly fault?: OriginError['fault'] | undefined;
  readonly detail?: string | undefined;
  readonly cause?: unknown;
}

/** Whatever was thrown, as what a client may be told of it. */
export function asGatewayError(error: unknown): GatewayError {
  return error instanceof GatewayError ? error : new GatewayError('internal', undefined, { cause: error });
}
