import { nothingKnown } from '../../coherence/write-set.ts';
import { GatewayError } from '../../errors.ts';
import { awaitShare, enterShare } from '../ask-origin.ts';
import type { Place } from '../origin-shares.ts';
import type { Reply, RouteTable } from '../ports.ts';
import { addressOf } from './before.ts';
import { readsOf } from './plan.ts';
import type { Protections } from './protections.ts';
import { sourcesOf } from './sources.ts';
import type { TurnTaker } from './turn-queue.ts';
import { LateTurn, type Turn } from './turns.ts';
import type { ArrivedWrite, WritePorts } from './write-ports.ts';

/** `Retry-After` while an earlier write is indeterminate, if its record does not say until when it may be applied. */
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
  const { address, isProxy } = request.client;
  const counted = isProxy ? undefined : address;
  const onGone = (listener: () => void): void => reply.onGone(listener);
  const take = async (enter: TurnTaker['enter']): Promise<Turn> => {
    const resource = protections.turnOf(request.target.resource);
    const turn = await protections.turns.take(resource, { address: counted, onGone, enter });
    try {
      refuseUnsettled(ports, arrived, found);
      return turn;
    } catch (error) {
      turn.place?.leave();
      turn.end();
      throw error;
    }
  };
  if (upload.isWhole) {
    const turn = await take(() => enterShare({ request, route }));
    return sendIn(turn, turn.place, arrived, send);
  }
  // It is sent while it arrives, so it needs its place from the beginning.
  const place = await awaitShare({ request, route }, reply);
  try {
    // Nothing has to be sent then.
    refuseUnsettled(ports, arrived, found);
  } catch (error) {
    place?.leave();
    throw error;
  }
  await sendIn(new LateTurn(() => take(undefined)), place, arrived, send);
}

async function sendIn(
  turn: Turn,
  place: Place | undefined,
  arrived: ArrivedWrite,
  send: (arrived: ArrivedWrite) => Promise<unknown>,
): Promise<void> {
  try {
    await send({ ...arrived, turn, place });
  } finally {
    // The next one may be of the same address.
    place?.leave();
    turn.end();
  }
}

/**
 * An earlier write of the resource that is indeterminate may still be applied, over this one, which would be lost, even
 * if it depends on nothing that it replaces. So may the write of a node that died in its turn. Only quarantines of the
 * path count: a record that covers the resource by a tag alone was made by a write of another resource.
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
