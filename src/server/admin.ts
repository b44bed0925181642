import { createHash, timingSafeEqual } from 'node:crypto';
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import type { GatewayConfig } from '../config/model.ts';
import { GatewayError } from '../errors.ts';
import { problemBody, problemLines } from './problem.ts';

export interface AdminOptions {
  readonly config: GatewayConfig['admin'];
  /** Undefined when the gateway is ready for traffic, else what it waits for. */
  readonly notReady: () => string | undefined;
  readonly metrics: () => Promise<{ contentType: string; text: string }>;
}

/** The admin port. `/livez` and `/readyz` are open, for probes; everything else needs the token where there is one. */
export function createAdmin(options: AdminOptions): FastifyInstance {
  const app = fastify({ logger: false, forceCloseConnections: true });
  app.get('/livez', (_request, reply) => reply.type('text/plain').send('live\n'));
  app.get('/readyz', (_request, reply) => {
    const waiting = options.notReady();
    if (waiting === undefined) return reply.type('text/plain').send('ready\n');
    return reply.code(503).type('text/plain').send(`not ready: ${waiting}\n`);
  });
  app.get('/metrics', async (request, reply) => {
    if (!isAllowed(options.config.token, request.headers.authorization))
      return problem(reply, new GatewayError('unauthorized'));
    const { contentType, text } = await options.metrics();
    return reply.type(contentType).send(text);
  });
  app.setNotFoundHandler((_request, reply) => problem(reply, new GatewayError('notFound')));
  app.setErrorHandler((error, _request, reply) =>
    problem(reply, new GatewayError('internal', undefined, { cause: error })),
  );
  return app;
}

function isAllowed(token: string | undefined, authorization: string | undefined): boolean {
  if (token === undefined) return true;
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
  // Hashed so that the comparison takes the same time whatever the length.
  return timingSafeEqual(hash(`Bearer ${token}`), hash(authorization ?? ''));
}

function problem(reply: FastifyReply, error: GatewayError): FastifyReply {
  const lines = problemLines(error);
  for (let i = 0; i < lines.length; i += 2) reply.header(lines[i] as string, lines[i + 1] as string);
  return reply.code(error.status).send(problemBody(error));
}
