import { nothingKnown } from '../../coherence/write-set.ts';
import { GatewayError } from '../../errors.ts';
import { awaitShare } from '../ask-origin.ts';
import type { Reply, RouteTable } from '../ports.ts';
import { addressOf } from './before.ts';
import { readsOf } from './plan.ts';
import type { Protections } from './protections.ts';
import { sourcesOf } from './sources.ts';
import { LateTurn, type Turn } from './turns.ts';
import type { ArrivedWrite, WritePorts } from './write-ports.ts';

/** When to try again after a write of unknown outcome, if its record does not say how long it may be applied. */
const UNSETTLED_RETRY_S = 10;

export interface WriteInTurn {
  readonly arrived: ArrivedWrite;
  readonly found: ReturnType<RouteTable['find']>;
  readonly protections: Protections;
  readonly reply: Reply;
}

/** Calls `send` with the write while it has its turn. */
export async function inTurn(
  ports: WritePorts,
  { arrived, found, protections, reply }: WriteInTurn,
  send: (arrived: ArrivedWrite) => Promise<unknown>,
): Promise<void> {
  const { request, route, upload } = arrived;
  // First: whoever has its turn waits for nothing that its client can hold back.
  const place = await awaitShare({ request, route }, reply);
  const { address, isProxy } = request.client;
  const taker = { address: isProxy ? undefined : address, onGone: (listener: () => void) => reply.onGone(listener) };
  const take = async (): Promise<Turn> => {
    const turn = await protections.turns.take(protections.turnOf(request.target.resource), taker);
    try {
      refuseUnsettled(ports, arrived, found);
      return turn;
    } catch (error) {
      turn.end();
      throw error;
    }
  };
  try {
    // Of a long upload, nothing has to be sent then.
    if (!upload.isWhole) refuseUnsettled(ports, arrived, found);
    const turn = upload.isWhole ? await take() : new LateTurn(take);
    try {
      await send({ ...arrived, turn, place });
    } finally {
      turn.end();
    }
  } finally {
    place?.leave();
  }
}

/**
 * After a write of unknown outcome the origin may still apply it: over this one, which would then be lost, even if it
 * depends on nothing that it replaces. So may one of a node that has died in its turn. The record of such a write covers
 * its path: those that cover only tags of this resource were made by writes of others.
 */
function refuseUnsettled(
  { rules, routes, fence }: WritePorts,
  arrived: ArrivedWrite,
  found: WriteInTurn['found'],
): void {
  const { request } = arrived;
  const address = addressOf(request, found, routes, sourcesOf(arrived));
  const reads = readsOf(rules, routes, request, address).map(({ path }) => ({ path, tags: [], open: [] }));
  if (!fence.readsQuarantined(reads, nothingKnown)) return;
  const ms = fence.quarantinedForMs(reads, nothingKnown);
  const seconds = Number.isFinite(ms) ? Math.max(1, Math.ceil(ms / 1000)) : UNSETTLED_RETRY_S;
  throw new GatewayError('unsettled', undefined, { lines: ['Retry-After', String(seconds)] });
}
