import type { FastifyInstance, FastifyRequest } from 'fastify';
import { GatewayError } from '../errors.ts';
import type { Snapshots } from '../snapshot/ports.ts';

interface Options {
  /** Undefined if none is configured. */
  readonly snapshots: Snapshots | undefined;
  /** Throws if the caller may not ask. */
  readonly allowed: (request: FastifyRequest) => Promise<void>;
}

/** `GET /snapshot`: what has become of it. `POST /snapshot` saves one now, `DELETE /snapshot` removes it. */
export function addSnapshot(app: FastifyInstance, { snapshots, allowed }: Options): void {
  const configured = (): Snapshots => {
    if (snapshots !== undefined) return snapshots;
    throw new GatewayError('noSnapshot', 'store.snapshot is not configured: set its path');
  };
  app.get('/snapshot', { onRequest: allowed }, async () => configured().status());
  app.post('/snapshot', { onRequest: allowed }, () => configured().save());
  app.delete('/snapshot', { onRequest: allowed }, () => configured().drop());
}
