import { getHeapStatistics } from 'node:v8';

const MIB = 1024 * 1024;
/** The share of V8's heap that stored responses may take. Requests and garbage need the rest. */
const SHARE = 0.7;

/**
 * What to say of a memory tier that V8's heap cannot hold; undefined if it can. Small responses are in that heap, and a
 * process that is full of them would end without a word of its own.
 */
export function heapWarning(maxBytes: number): string | undefined {
  const { heap_size_limit: limit } = getHeapStatistics();
  if (maxBytes <= SHARE * limit) return undefined;
  const [wanted, has, needed] = [maxBytes, limit, maxBytes / SHARE].map((bytes) => Math.ceil(bytes / MIB));
  return `store.memory.maxSize is ${wanted} MiB, and the heap of this process ends at ${has} MiB: full of small responses, it would abort. Make maxSize smaller, or set NODE_OPTIONS=--max-old-space-size=${needed}`;
}
