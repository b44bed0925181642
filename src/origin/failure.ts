import { errors } from 'undici';
import { OriginError } from '../errors.ts';

/** How far a request and its answer had come when something failed. */
export interface Progress {
  /** The request was handed to a connection: it may have reached the origin, wholly or in part. */
  readonly started: boolean;
  /** The head of the final answer has arrived. */
  readonly answered: boolean;
  /** An attempt before this one was started. */
  readonly retried: boolean;
}

type OriginErrorCode = ConstructorParameters<typeof OriginError>[0];
type Failure = { readonly code: 'originReset' | 'originInvalid' | 'originTimeout'; readonly detail: string };

const reset: Failure = {
  code: 'originReset',
  detail: 'The origin closed the connection before its answer was complete',
};
const invalid: Failure = { code: 'originInvalid', detail: 'The answer of the origin is not HTTP/1.1' };

/** What undici's and Node's error codes mean once a request is on its way. Any other: the connection broke. */
const failures: Readonly<Record<string, Failure>> = {
  UND_ERR_HEADERS_TIMEOUT: { code: 'originTimeout', detail: 'The origin did not begin its answer in time' },
  UND_ERR_BODY_TIMEOUT: { code: 'originTimeout', detail: 'The origin fell silent within its answer' },
  // The system gave up on packets that nobody acknowledged.
  ETIMEDOUT: { code: 'originTimeout', detail: 'The origin stopped acknowledging what was sent to it' },
  UND_ERR_HEADERS_OVERFLOW: { code: 'originInvalid', detail: 'The header fields of the answer are too large' },
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: { code: 'originInvalid', detail: 'The answer gives its length twice' },
  UND_ERR_REQ_CONTENT_LENGTH_MISMATCH: {
    code: 'originReset',
    detail: 'The request body does not have the length that it declares',
  },
  // undici asserts what the parser lets through (a status below 100, for one).
  ERR_ASSERTION: invalid,
};

/** Codes with which a connection that is being established runs out of time. */
const connectTimeouts = new Set(['UND_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT']);

/** Codes with which the other side of an established connection is found to have closed it. */
const closures = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

/**
 * The one error that a failed request ends with. `error` is whatever undici, the socket, the request body or the caller's
 * signal came up with; it becomes the `cause`. An `OriginError` keeps its code, and is told whether anything was sent.
 */
export function originFailure(error: unknown, progress: Progress): OriginError {
  const sent = progress.started || progress.retried;
  if (error instanceof OriginError) {
    return error.sent === sent ? error : new OriginError(error.code as OriginErrorCode, { ...facts(error), sent });
  }
  if (!progress.started) {
    return connectTimeouts.has(systemCode(error))
      ? new OriginError('originTimeout', { sent, detail: 'No connection to the origin in time', cause: error })
      : new OriginError('originRefused', { sent, cause: error });
  }
  const { code, detail } = sentFailure(error, progress);
  return new OriginError(code, { sent, detail, cause: error });
}

/** Whether the other side closed the connection, as it may at any time while it is idle (RFC 9112 §9.3.1). */
export function isClosure(error: unknown): boolean {
  return closures.has(systemCode(error)) && !isProtocolFault(error);
}

function facts({ message, cause }: OriginError): { detail: string; cause: unknown } {
  return { detail: message, cause };
}

function sentFailure(error: unknown, { answered }: Progress): Failure {
  if (error instanceof errors.HTTPParserError) {
    // llhttp's word for an end of input within a message.
    return error.message.includes('Invalid EOF state') ? reset : invalid;
  }
  if (isProtocolFault(error)) return invalid;
  // After the head, the only length that undici can find wrong is one that the body did not reach.
  if (answered && error instanceof errors.ResponseContentLengthMismatchError) return reset;
  return failures[systemCode(error)] ?? reset;
}

/** What undici calls a socket error though the socket is fine: a 100 or a 101 that nobody asked for. */
export function isProtocolFault(error: unknown): boolean {
  return error instanceof errors.SocketError && (error.message === 'bad response' || error.message === 'bad upgrade');
}

function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
