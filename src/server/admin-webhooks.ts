import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { GatewayError } from '../errors.ts';
import type { Fault } from '../exchange/inspect/asked-targets.ts';
import type { Order } from '../webhooks/deliveries.ts';
import type { EndpointStatus } from '../webhooks/status.ts';
import { parseRedelivery } from './admin-body.ts';

export interface AdminWebhooks {
  status(): Promise<readonly EndpointStatus[]>;
  /** Resolves false if there is no such endpoint. */
  order(name: string, order: Order): Promise<boolean>;
}

interface Options {
  readonly webhooks: AdminWebhooks;
  /** Throws if the caller may not ask. */
  readonly allowed: (request: FastifyRequest) => Promise<void>;
  readonly refuse: (reply: FastifyReply, faults: readonly Fault[]) => FastifyReply;
}

type Named = { Params: { name: string } };

/** `GET /webhooks`, `POST /webhooks/:name/redeliver` and `POST /webhooks/:name/enable`. */
export function addWebhooks(app: FastifyInstance, { webhooks, allowed, refuse }: Options): void {
  const order = async (name: string, asked: Order, reply: FastifyReply): Promise<FastifyReply> => {
    if (!(await webhooks.order(name, asked))) throw new GatewayError('notFound', 'no webhook has this name');
    // The node that delivers to it may be another one, which is told with its next renewal.
    return reply.code(202).send({ accepted: true });
  };
  app.get('/webhooks', { onRequest: allowed }, async () => ({ webhooks: await webhooks.status() }));
  app.post<Named>('/webhooks/:name/enable', { onRequest: allowed }, ({ params }, reply) =>
    order(params.name, { kind: 'enable' }, reply),
  );
  app.post<Named>('/webhooks/:name/redeliver', { onRequest: allowed }, async ({ params, body }, reply) => {
    const asked = parseRedelivery(body ?? {});
    if ('faults' in asked) return refuse(reply, asked.faults);
    return order(params.name, { kind: 'redeliver', id: asked.value.id }, reply);
  });
}
