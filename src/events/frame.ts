import type { Whole } from '../whole.ts';
import type { Event } from './event.ts';
import type { Wire } from './wire.ts';

/** How long a client waits before it reconnects, in milliseconds. */
const RETRY_MS = 1_000;
/** How many clients of a gateway that stops come back to the others in a millisecond. */
const RECONNECTS_PER_MS = 1;

/** Server-Sent Events (WHATWG HTML §9.2). The first block dispatches no event, and heartbeats are comments. */
export const eventStream: Wire = {
  opening: Buffer.from(`retry: ${RETRY_MS}\n: unstale\n\n`),
  heartbeat: Buffer.from(': \n\n'),
  event: ({ frame }) => frame,
  // An id without data dispatches no event, but a client resumes from it (§9.2.6).
  position: (id) => Buffer.from(`${idLine(id)}\n`),
  resync: (id, refetch = {}) => Buffer.from(`${idLine(id)}event: resync\ndata: ${JSON.stringify(refetch)}\n\n`),
  retry: (ms) => Buffer.from(`retry: ${Math.round(ms)}\n\n`),
};

/** How long one of so many clients waits before it reconnects, when all are sent away at once. */
export function spreadRetryMs(subscribers: number): number {
  return RETRY_MS + Math.random() * Math.max(RETRY_MS, subscribers / RECONNECTS_PER_MS);
}

/** Line breaks are removed from the id and the type, which another node or Redis may have written. JSON has none. */
export function eventFrame({ id, type, paths, tags, cause, payload, at, refetchWithinMs }: Event): Buffer {
  const data: Whole<Omit<Event, 'id' | 'type' | 'client'>> = { paths, tags, cause, payload, at, refetchWithinMs };
  return Buffer.from(`${idLine(id)}event: ${oneLine(type)}\ndata: ${JSON.stringify(data)}\n\n`);
}

/** The event of a frame that `eventFrame` has made. */
export function eventIn(frame: Buffer): Event {
  const [id = '', type = '', data = ''] = frame.toString().split('\n', 3);
  return {
    id: id.slice('id: '.length),
    type: type.slice('event: '.length),
    ...JSON.parse(data.slice('data: '.length)),
  };
}

const DATA = '\ndata: ';
const END = '\n\n';

/** The JSON of a frame of `eventFrame`. There is no line break before it, but those of the lines. */
export function dataOf(frame: Buffer): Buffer {
  return frame.subarray(frame.indexOf(DATA) + DATA.length, frame.byteLength - END.length);
}

/** Empty without an id. */
export const idLine = (id: string | undefined): string => (id === undefined ? '' : `id: ${oneLine(id)}\n`);

/** Also removes NUL: a client ignores an id that contains it (§9.2.6). */
const oneLine = (text: string): string => (/[\r\n\0]/.test(text) ? text.replace(/[\r\n\0]+/g, ' ') : text);
