import type { Event } from './event.ts';

/** How long a client waits before it reconnects. */
const RETRY_MS = 1_000;

/** The first block of a stream, which its client is not told of. */
export const opening = Buffer.from(`retry: ${RETRY_MS}\n: unstale\n\n`);
export const heartbeat = Buffer.from(': \n\n');

/** JSON has no raw line feeds. What stands in a line of its own is made one line: another node, or its Redis, may have written it. */
export function eventFrame({ id, type, ...data }: Event): Buffer {
  return Buffer.from(`id: ${oneLine(id)}\nevent: ${oneLine(type)}\ndata: ${JSON.stringify(data)}\n\n`);
}

/** An id without data dispatches nothing and yet is what a client that has seen no event resumes from (WHATWG HTML §9.2.6). */
export function idFrame(id: string): Buffer {
  return Buffer.from(`id: ${oneLine(id)}\n\n`);
}

/** Tells who reads it that it has missed something: what is on the screen is to be fetched anew. */
export function resyncFrame(id: string): Buffer {
  return Buffer.from(`id: ${oneLine(id)}\nevent: resync\ndata: {}\n\n`);
}

/** A client ignores an id with NUL in it (§9.2.6). */
const oneLine = (text: string): string => text.replace(/[\r\n\0]+/g, ' ');
