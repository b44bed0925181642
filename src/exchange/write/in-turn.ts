import { awaitShare } from '../ask-origin.ts';
import type { Reply } from '../ports.ts';
import type { Protections } from './protections.ts';
import { LateTurn } from './turns.ts';
import type { ArrivedWrite } from './write-ports.ts';

export interface WriteInTurn {
  readonly arrived: ArrivedWrite;
  readonly protections: Protections;
  readonly reply: Reply;
}

/** Calls `send` with the write while it has its turn. */
export async function inTurn(
  { arrived, protections, reply }: WriteInTurn,
  send: (arrived: ArrivedWrite) => Promise<unknown>,
): Promise<void> {
  const { request, route, upload } = arrived;
  // Before the turn: others must not wait for one whose client has taken up its share of the connections.
  const place = await awaitShare({ request, route }, reply);
  const { address, isProxy } = request.client;
  const taker = { address: isProxy ? undefined : address, onGone: (listener: () => void) => reply.onGone(listener) };
  const take = () => protections.turns.take(protections.turnOf(request.target.resource), taker);
  try {
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
