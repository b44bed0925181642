import { GatewayError } from '../errors.ts';
import { checkFilter } from './asked.ts';
import type { Filter } from './filter.ts';

/** A subscription of a WebSocket, as its client names it. */
const MAX_REF_LENGTH = 64;
/** Ids of ours are far shorter. */
const MAX_ID_LENGTH = 128;

/** What a client sends over a WebSocket. docs/websocket.md describes each. */
export type ClientMessage =
  | { readonly type: 'subscribe'; readonly ref: string; readonly filter: Filter; readonly lastEventId?: string }
  | { readonly type: 'unsubscribe'; readonly ref: string }
  | { readonly type: 'ping' };

type Members = Readonly<Record<string, unknown>>;

const known: Record<ClientMessage['type'], readonly string[]> = {
  subscribe: ['type', 'ref', 'match', 'tags', 'lastEventId'],
  unsubscribe: ['type', 'ref'],
  ping: ['type'],
};

/** A message that cannot be understood. `ref` is what it was about, as far as that could be read. */
export class MessageError extends GatewayError {
  readonly ref: string | undefined;

  constructor(detail: string, ref?: string) {
    super('badRequest', detail);
    this.ref = ref;
  }
}

/** @throws MessageError for what is not JSON, no message of ours, or has members that we do not know */
export function parseClientMessage(text: string): ClientMessage {
  const members = membersOf(text);
  const { type } = members;
  const ref = isRef(members.ref) ? members.ref : undefined;
  if (!isType(type)) {
    throw new MessageError(`"type" is none of ${Object.keys(known).join(', ')}`, ref);
  }
  // A misspelt "match" would subscribe to everything.
  const unknown = Object.keys(members).find((name) => !known[type].includes(name));
  if (unknown !== undefined) {
    throw new MessageError(`a ${type} has no member ${quoted(unknown)}, only ${known[type].join(', ')}`, ref);
  }
  if (type === 'ping') return { type };
  if (ref === undefined) throw new MessageError(`"ref" is no text of 1 to ${MAX_REF_LENGTH} characters`);
  return type === 'unsubscribe' ? { type, ref } : subscribe(members, ref);
}

function subscribe({ match, tags, lastEventId }: Members, ref: string): ClientMessage {
  const filter = { match: texts('match', match, ref), tags: texts('tags', tags, ref) };
  try {
    checkFilter(filter);
  } catch (error) {
    throw error instanceof GatewayError ? new MessageError(error.message, ref) : error;
  }
  if (lastEventId === undefined || lastEventId === null) return { type: 'subscribe', ref, filter };
  if (typeof lastEventId === 'string' && lastEventId.length <= MAX_ID_LENGTH) {
    return { type: 'subscribe', ref, filter, lastEventId };
  }
  throw new MessageError('"lastEventId" is no id of an event', ref);
}

function texts(name: string, value: unknown, ref: string): readonly string[] {
  if (value === undefined) return [];
  if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value;
  throw new MessageError(`"${name}" is no list of texts`, ref);
}

function membersOf(text: string): Members {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new MessageError('the message is not JSON');
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Members;
  throw new MessageError('the message is no JSON object');
}

const isType = (type: unknown): type is ClientMessage['type'] => typeof type === 'string' && Object.hasOwn(known, type);

const isRef = (ref: unknown): ref is string =>
  typeof ref === 'string' && ref.length > 0 && ref.length <= MAX_REF_LENGTH;

/** Shortened: the client sent it, and gets it back. */
const quoted = (name: string): string => JSON.stringify(name.slice(0, 32));
