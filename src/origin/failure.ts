import { errors } from 'undici';
import { OriginError } from '../errors.ts';

/** How far a request and its answer had progressed when something failed. */
export interface RequestProgress {
  /** The request was handed to a connection, so the origin may have received it in whole or in part. */
  readonly started: boolean;
  /** The head of the final answer has arrived. */
  readonly answered: boolean;
  /** An earlier attempt was started. */
  readonly retried: boolean;
}

type OriginErrorCode = ConstructorParameters<typeof OriginError>[0];
type Failure = {
  readonly code: 'originReset' | 'originInvalid' | 'originTimeout';
  readonly detail: string;
  readonly fault?: OriginError['fault'];
};

const reset: Failure = {
  code: 'originReset',
  detail: 'The origin closed the connection before its answer was complete',
};
const invalid: Failure = { code: 'originInvalid', detail: 'The answer of the origin is not HTTP/1.1' };

/** The meaning of undici's and Node's error codes once a request was started. Any other means a broken connection. */
const failures: Readonly<Record<string, Failure>> = {
  UND_ERR_HEADERS_TIMEOUT: { code: 'originTimeout', detail: 'The origin did not begin its answer in time' },
  UND_ERR_BODY_TIMEOUT: { code: 'originTimeout', detail: 'The origin stopped sending its answer' },
  // TCP retransmission timeout.
  ETIMEDOUT: { code: 'originTimeout', detail: 'The origin stopped acknowledging data' },
  UND_ERR_HEADERS_OVERFLOW: { code: 'originInvalid', detail: 'The header fields of the answer are too large' },
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: { code: 'originInvalid', detail: 'The answer gives its length twice' },
  UND_ERR_REQ_CONTENT_LENGTH_MISMATCH: {
    code: 'originReset',
    fault: 'request',
    detail: 'The request body does not have the length that it declares',
  },
  // undici asserts some properties that its parser does not check, such as a status of at least 100.
  ERR_ASSERTION: invalid,
};

/** Error codes of a timeout while a connection is established. */
const connectTimeouts = new Set(['UND_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT']);

/** What a client is told of a connection that could not be made. Addresses and names are not its business. */
const refusals: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Nothing accepts connections at the address of the origin: see whether it runs',
  ENOTFOUND: 'The host name of the origin is not known',
  EAI_AGAIN: 'The host name of the origin cannot be looked up at the moment',
  EHOSTUNREACH: 'There is no route to the origin',
  ENETUNREACH: 'There is no route to the origin',
};

/** Error codes of an established connection that the other side has closed. */
const closures = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

/**
 * The error that a failed request ends with. `error` comes from undici, the socket, the request body or the caller's
 * signal, and becomes the `cause`. An `OriginError` keeps its code; only `sent` is corrected.
 */
export function originFailure(error: unknown, progress: RequestProgress): OriginError {
  const sent = progress.started || progress.retried;
  if (error instanceof OriginError) {
    return error.sent === sent ? error : new OriginError(error.code as OriginErrorCode, { ...facts(error), sent });
  }
  if (!progress.started) {
    return connectTimeouts.has(systemCode(error))
      ? new OriginError('originTimeout', { sent, detail: 'No connection to the origin in time', cause: error })
      : new OriginError('originRefused', { sent, detail: refusals[systemCode(error)], cause: error });
  }
  const { code, detail, fault } = sentFailure(error, progress);
  return new OriginError(code, { sent, fault, detail, cause: error });
}

/** Whether the other side closed the connection, as it may do at any time while it is idle (RFC 9112 §9.3.1). */
export function isClosure(error: unknown): boolean {
  return closures.has(systemCode(error)) && !isProtocolFault(error);
}

function facts({ message, cause, fault }: OriginError): Pick<OriginError, 'cause' | 'fault'> & { detail: string } {
  return { detail: message, cause, fault };
}

function sentFailure(error: unknown, { answered }: RequestProgress): Failure {
  if (error instanceof errors.HTTPParserError) {
    // llhttp reports this when the input ends within a message.
    return error.message.includes('Invalid EOF state') ? reset : invalid;
  }
  if (isProtocolFault(error)) return invalid;
  // After the head, undici reports a wrong length only if the body was too short.
  if (answered && error instanceof errors.ResponseContentLengthMismatchError) return reset;
  return failures[systemCode(error)] ?? reset;
}

/** Whether undici reports a socket error for an invalid answer, such as an unsolicited 100 or 101. */
export function isProtocolFault(error: unknown): boolean {
  return error instanceof errors.SocketError && (error.message === 'bad response' || error.message === 'bad upgrade');
}

function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
