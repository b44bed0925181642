import type { FastifyReply } from 'fastify';
import type { GatewayError } from '../errors.ts';
import { eachLine } from '../http/fields.ts';
import { formatProxyStatus } from '../http/proxy-status.ts';

/** The body of an error that the gateway itself makes (RFC 9457): application/problem+json. */
export function problemBody(error: GatewayError, errors?: readonly object[]): Buffer {
  const { type, title, status, message: detail, more } = error;
  const problem = { ...more, type, title, status, detail, ...(errors === undefined ? {} : { errors }) };
  return Buffer.from(`${JSON.stringify(problem)}\n`);
}

/** Seconds after which a client may try again, for the errors where that helps. */
const retryAfterSeconds: Partial<Record<GatewayError['code'], number>> = {
  notServing: 1,
  keysUnavailable: 5,
  draining: 5,
  overloaded: 5,
  uncoordinated: 1,
  idempotencyKeyInUse: 1,
  busy: 1,
};

export function problemLines(error: GatewayError): string[] {
  const lines = ['Content-Type', 'application/problem+json', 'Cache-Control', 'no-store'];
  // RFC 9209: says whether the gateway or the origin is to blame, for debugging through several proxies.
  lines.push('Proxy-Status', formatProxyStatus(error.code));
  const seconds = retryAfterSeconds[error.code];
  if (seconds !== undefined) lines.push('Retry-After', String(seconds));
  const challenge = challenges[error.code];
  if (challenge !== undefined) lines.push('WWW-Authenticate', challenge);
  lines.push(...error.lines);
  return lines;
}

/** RFC 6750 §3: without a token, no error is named. */
const challenges: Partial<Record<GatewayError['code'], string>> = {
  tokenMissing: 'Bearer realm="events"',
  tokenInvalid: 'Bearer realm="events", error="invalid_token"',
  notAllowed: 'Bearer realm="events", error="insufficient_scope"',
};

/** Answers a request that Fastify has routed with a problem. */
export function sendProblem(reply: FastifyReply, error: GatewayError, errors?: readonly object[]): FastifyReply {
  eachLine(problemLines(error), (name, value) => void reply.header(name, value));
  return reply.code(error.status).send(problemBody(error, errors));
}
