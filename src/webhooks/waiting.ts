import { coalesced, coalescingKeyOf, type Message } from './message.ts';

/** What is known of a list of messages that wait. */
interface Known {
  /** The last message of each key. */
  readonly last: Map<string, Message>;
  size: number;
}

/**
 * A cache, for the newest lists. Going through a thousand messages again for each event would slow down every write
 * while an endpoint is down. It can be worked out from the list, so a list that is not in it is only slower.
 */
const knownLists = new WeakMap<readonly Message[], Known>();

/** How much it is, in characters. */
export function sizeOf(waiting: readonly Message[]): number {
  return knownOf(waiting).size;
}

/**
 * Puts messages behind those that wait. Of those with one key, the last is left, with the tags of all.
 * @param fixed stays as it is
 */
export function withCoalesced(
  waiting: readonly Message[],
  messages: readonly Message[],
  fixed: Message | undefined,
): readonly Message[] {
  const known = takenFrom(waiting);
  const replaced = new Set<Message>();
  const added: Message[] = [];
  for (const message of messages) {
    const key = coalescingKeyOf(message);
    const earlier = key === undefined ? undefined : known.last.get(key);
    const isReplaced = earlier !== undefined && earlier !== fixed;
    const put = isReplaced ? coalesced(earlier, message) : message;
    if (isReplaced) {
      replaced.add(earlier);
      known.size -= earlier.size;
    }
    added.push(put);
    known.size += put.size;
    if (key !== undefined) known.last.set(key, put);
  }
  const all = [...waiting, ...added];
  return withKnown(replaced.size === 0 ? all : all.filter((each) => !replaced.has(each)), known);
}

export function withoutFirst(waiting: readonly Message[]): readonly Message[] {
  const [first, ...rest] = waiting;
  if (first === undefined) return waiting;
  const known = takenFrom(waiting);
  known.size -= first.size;
  const key = coalescingKeyOf(first);
  if (key !== undefined && known.last.get(key) === first) known.last.delete(key);
  return withKnown(rest, known);
}

function knownOf(waiting: readonly Message[]): Known {
  const known = knownLists.get(waiting);
  if (known !== undefined) return known;
  const last = new Map<string, Message>();
  let size = 0;
  for (const message of waiting) {
    const key = coalescingKeyOf(message);
    if (key !== undefined) last.set(key, message);
    size += message.size;
  }
  const made = { last, size };
  knownLists.set(waiting, made);
  return made;
}

/** To be changed, for a list that follows: the earlier one is no longer known. */
function takenFrom(waiting: readonly Message[]): Known {
  const known = knownOf(waiting);
  knownLists.delete(waiting);
  return known;
}

function withKnown(waiting: readonly Message[], known: Known): readonly Message[] {
  knownLists.set(waiting, known);
  return waiting;
}
