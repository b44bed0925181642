import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { Child } from '../servers/child.ts';

/** The Node option that opens the inspector on a free port. Node prints its address to stderr. */
export const inspectOption = '--inspect=127.0.0.1:0';

export interface Memory {
  /** The heap and external buffers after a full collection. */
  readonly heldBytes: number;
  /** The resident set size of the process. */
  readonly residentBytes: number;
}

/** Collects garbage in a process that was started with `inspectOption`, then reads its memory usage. */
export async function heldMemory(child: Child): Promise<Memory> {
  const address = /ws:\/\/\S+/.exec(child.stderr())?.[0];
  if (address === undefined) throw new Error('the inspector did not print its address');
  const socket = new WebSocket(address);
  await once(socket, 'open');
  try {
    // Twice: finalizers of the first collection release buffers, which the second one frees.
    await call(socket, 'HeapProfiler.collectGarbage', {});
    await call(socket, 'HeapProfiler.collectGarbage', {});
    const expression = 'JSON.stringify(process.memoryUsage())';
    const usage: NodeJS.MemoryUsage = JSON.parse(await evaluate(socket, expression));
    return { heldBytes: usage.heapUsed + usage.external, residentBytes: usage.rss };
  } finally {
    socket.close();
    await once(socket, 'close');
  }
}

interface InspectorReply {
  readonly result?: { readonly result?: { readonly value?: unknown } };
  readonly error?: { readonly message: string };
}

async function evaluate(socket: WebSocket, expression: string): Promise<string> {
  const { result } = await call(socket, 'Runtime.evaluate', { expression, returnByValue: true });
  const value = result?.result?.value;
  if (typeof value !== 'string') throw new Error(`the inspector could not evaluate ${expression}`);
  return value;
}

/** One call at a time: the next message with its `id` is the answer. */
async function call(socket: WebSocket, method: string, params: object): Promise<InspectorReply> {
  socket.send(JSON.stringify({ id: 1, method, params }));
  for (;;) {
    const [frame] = await once(socket, 'message');
    const message = JSON.parse(String(frame));
    if (message.id !== 1) continue;
    if (message.error !== undefined) throw new Error(`${method}: ${message.error.message}`);
    return message;
  }
}
