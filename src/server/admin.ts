import { createHash, timingSafeEqual } from 'node:crypto';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { GatewayConfig } from '../config/model.ts';
import { asGatewayError, GatewayError } from '../errors.ts';
import { type AskedInvalidation, askedTargets, type Fault } from '../exchange/inspect/asked-targets.ts';
import type { ProposedWrite } from '../exchange/inspect/proposed-write.ts';
import type { Verified } from '../exchange/inspect/verify.ts';
import type { DoneInvalidation, Explanation, TargetCount } from '../exchange/ports.ts';
import { TargetError } from '../route/path.ts';
import type { Target } from '../rules/types.ts';
import type { Snapshots } from '../snapshot/ports.ts';
import { type Parsed, parseInvalidation, parseProposedWrite, parseVerification } from './admin-body.ts';
import { addSnapshot } from './admin-snapshot.ts';
import { type AdminWebhooks, addWebhooks } from './admin-webhooks.ts';
import { sendProblem } from './problem-json.ts';

export interface AdminOptions {
  readonly config: GatewayConfig['admin'];
  /** Undefined when the gateway is ready for traffic, else what it waits for. */
  readonly notReady: () => string | undefined;
  /** How its parts stand, one line each. */
  readonly verbose: () => readonly string[];
  readonly metrics: () => Promise<{ contentType: string; text: string }>;
  /** Resolves when it is effective. */
  readonly invalidate: (targets: readonly Target[], asked: AskedInvalidation) => Promise<DoneInvalidation>;
  readonly explain: (
    write: ProposedWrite,
    all: boolean,
  ) => Promise<Explanation & { readonly stored: readonly TargetCount[] }>;
  /** Compares what is stored with what the API says now. @throws TargetError */
  readonly verify: (urls: readonly string[]) => Promise<readonly Verified[]>;
  readonly webhooks: AdminWebhooks;
  /** Undefined if store.snapshot is not configured. */
  readonly snapshots: Snapshots | undefined;
  readonly failed: (error: unknown) => void;
}

/** The limit for a request's body: a few thousand targets, or the bodies of one write. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;

/** What may be sent where. */
const methodsOf: readonly (readonly [RegExp, string])[] = [
  [/^\/(?:invalidate|explain|verify|webhooks\/[^/]+\/(?:enable|redeliver))$/, 'POST'],
  [/^\/snapshot$/, 'GET, POST or DELETE'],
];

/** The admin port. `/livez` and `/readyz` are open, for probes; everything else needs the token where there is one. */
export function createAdmin(options: AdminOptions): FastifyInstance {
  const app = fastify({ logger: false, forceCloseConnections: true, bodyLimit: MAX_BODY_BYTES });
  // A web page can send text here as a simple request, without a CORS preflight.
  app.removeContentTypeParser('text/plain');
  app.get('/livez', (_request, reply) => reply.type('text/plain').send('live\n'));
  app.get('/readyz', ({ query }, reply) => {
    const waiting = options.notReady();
    const more = 'verbose' in (query as object) ? options.verbose() : [];
    const lines = [waiting === undefined ? 'ready' : `not ready: ${waiting}`, ...more];
    const status = waiting === undefined ? 200 : 503;
    return reply
      .code(status)
      .type('text/plain')
      .send(lines.map((line) => `${line}\n`).join(''));
  });
  const allowed = async (request: FastifyRequest): Promise<void> => refuseStrangers(request, options.config.token);
  app.get('/metrics', { onRequest: allowed }, async (_request, reply) => {
    const { contentType, text } = await options.metrics();
    return reply.type(contentType).send(text);
  });
  app.post('/invalidate', { onRequest: allowed }, async (request, reply) => {
    const asked = parseInvalidation(request.body);
    if ('faults' in asked) return refuse(reply, asked.faults);
    const targets = askedTargets(asked.value);
    if ('faults' in targets) return refuse(reply, targets.faults);
    return options.invalidate(targets, asked.value);
  });
  app.post('/explain', { onRequest: allowed }, async (request, reply) => {
    const write: Parsed<ProposedWrite & { all: boolean }> = parseProposedWrite(request.body);
    if ('faults' in write) return refuse(reply, write.faults);
    return options.explain(write.value, write.value.all);
  });
  app.post('/verify', { onRequest: allowed }, async (request, reply) => {
    const urls = parseVerification(request.body);
    return 'faults' in urls ? refuse(reply, urls.faults) : { verified: await options.verify(urls.value) };
  });
  addSnapshot(app, { snapshots: options.snapshots, allowed });
  addWebhooks(app, { webhooks: options.webhooks, allowed, refuse });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0] ?? '';
    const [, methods] = methodsOf.find(([pattern]) => pattern.test(path)) ?? [];
    return sendProblem(
      reply,
      methods === undefined ? new GatewayError('notFound') : new GatewayError('methodNotAllowed', `send a ${methods}`),
    );
  });
  app.setErrorHandler((error, _request, reply) => {
    const known = knownError(error);
    if (known.code === 'internal') options.failed(error);
    return sendProblem(reply, known);
  });
  return app;
}

/** An error of Fastify's, as the gateway's own. */
function knownError(error: unknown): GatewayError {
  if (error instanceof TargetError) return new GatewayError('badRequest', `path: ${error.message}`);
  if (!(error instanceof Error) || !('statusCode' in error)) return asGatewayError(error);
  switch (error.statusCode) {
    case 400:
      return new GatewayError('badRequest', error.message);
    case 413:
      return new GatewayError('contentTooLarge', `the limit is ${MAX_BODY_BYTES} bytes`);
    case 415:
      return new GatewayError('unsupportedMediaType', 'send Content-Type: application/json');
    default:
      return asGatewayError(error);
  }
}

/**
 * Refuses callers without the token. Without a configured token the port is on loopback, and the machine's users are
 * trusted. Web pages in their browsers are not: they send `Origin`, or a host name that leads here (DNS rebinding).
 * @throws GatewayError
 */
function refuseStrangers({ headers }: FastifyRequest, token: string | undefined): void {
  if (token !== undefined) {
    const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
    // Hashed, so that the comparison takes the same time for every length.
    if (timingSafeEqual(hash(`Bearer ${token}`), hash(headers.authorization ?? ''))) return;
    throw new GatewayError('unauthorized', 'send Authorization: Bearer with the token of admin.token');
  }
  if (headers.origin !== undefined) throw new GatewayError('forbidden', 'web pages are not answered: set admin.token');
  const host = (headers.host ?? '').replace(/:\d+$/, '');
  if (host === 'localhost' || /^\[.*\]$|^[0-9.]+$/.test(host)) return;
  throw new GatewayError('forbidden', 'ask by address or as localhost, or set admin.token');
}

function refuse(reply: FastifyReply, faults: readonly Fault[]): FastifyReply {
  const [first] = faults;
  const detail = `${first?.at === '' ? '' : `${first?.at}: `}${first?.message}; ${first?.hint}`;
  return sendProblem(reply, new GatewayError('badRequest', detail), faults);
}
