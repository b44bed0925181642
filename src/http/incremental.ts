import type { Fields } from './fields.ts';
import { essenceOf } from './media-type.ts';

/** Each part replaces or follows the one before, until somebody hangs up. */
const endless = new Set(['text/event-stream', 'multipart/x-mixed-replace']);

/** Media types of records that are read one by one as they arrive. The response may end, or may not. */
const incremental = new Set([
  ...endless,
  'application/x-ndjson',
  'application/ndjson',
  'application/jsonl',
  'application/x-jsonl',
  'application/jsonlines',
  'application/x-jsonlines',
  'application/x-json-stream',
  'application/stream+json',
  'application/json-seq',
  'application/grpc-web',
  'application/grpc-web-text',
  'multipart/mixed',
]);

/** A response that has no end of its own: storing it would never finish, and waiting for it would never end. */
export function isEndless(headers: Fields): boolean {
  return endless.has(essenceOf(headers.get('content-type')));
}

/** A response whose reader wants each part as it arrives. Nothing of it may be held back. */
export function isIncremental(headers: Fields): boolean {
  const type = essenceOf(headers.get('content-type'));
  if (incremental.has(type) || type.endsWith('+json-seq') || type.startsWith('application/grpc-web+')) return true;
  // What origins say to nginx, which holds back as the gateway does.
  return headers.get('x-accel-buffering')?.trim().toLowerCase() === 'no';
}
