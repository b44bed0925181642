import { dataOf } from './frame.ts';
import type { Wire, WrittenEvent } from './wire.ts';

/** FIN and the opcode of a text, and of a ping (RFC 6455 §5.2). */
const TEXT = 0x81;
const PING = 0x89;
const PONG = 0x8a;
/** Payloads up to this length have it in one octet. The next values announce 16 and 64 bits of length. */
const LARGEST_SHORT = 125;
const LENGTH_16 = 126;
const LENGTH_64 = 127;

/** What the gateway sends in addition to events. docs/websocket.md describes each. */
export type ServerMessage =
  | { readonly type: 'ready'; readonly id: string }
  | { readonly type: 'resync'; readonly id: string; readonly data: object; readonly ref?: string }
  | { readonly type: 'subscribed' | 'unsubscribed'; readonly ref: string; readonly id: string }
  | { readonly type: 'error'; readonly code: string; readonly detail: string; readonly ref?: string }
  | { readonly type: 'pong' };

/**
 * One message as one frame. A server does not mask its frames (RFC 6455 §5.1), so that the same bytes can be written to
 * any number of sockets.
 */
export function messageFrame(message: ServerMessage): Buffer {
  return frameOf(Buffer.from(JSON.stringify(message)));
}

/** The answer to a ping carries what the ping carried (RFC 6455 §5.5.3). */
export function pongFrame(payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from([PONG, payload.byteLength]), payload]);
}

export const webSocketWire: Wire = {
  opening: Buffer.alloc(0),
  heartbeat: Buffer.from([PING, 0]),
  event: eventFrame,
  position: (id) => messageFrame({ type: 'ready', id }),
  resync: (id, refetch = {}) => messageFrame({ type: 'resync', id, data: refetch }),
  // The close code says it.
  retry: () => Buffer.alloc(0),
};

/** `{"type":"event","id":…,"event":…,"data":…}`, with the data as an event stream has it. */
function eventFrame({ id, type, frame }: WrittenEvent): Buffer {
  const head = JSON.stringify({ type: 'event', id, event: type });
  return frameOf(Buffer.from(`${head.slice(0, -1)},"data":`), dataOf(frame), Buffer.from('}'));
}

function frameOf(...payload: readonly Buffer[]): Buffer {
  const length = payload.reduce((sum, part) => sum + part.byteLength, 0);
  return Buffer.concat([headOf(length), ...payload]);
}

function headOf(length: number): Buffer {
  if (length <= LARGEST_SHORT) return Buffer.from([TEXT, length]);
  if (length < 1 << 16) return Buffer.from([TEXT, LENGTH_16, length >> 8, length & 0xff]);
  const head = Buffer.alloc(10);
  head[0] = TEXT;
  head[1] = LENGTH_64;
  head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}
