import { once } from 'node:events';
import { WebSocket } from 'ws';
import { launchChromium } from './chromium.ts';

/** A tab that can be asked, and tells nothing by itself. */
export interface PlainTab {
  /** Calls a function in the page, with an argument that JSON can carry. @throws Error that says what it threw there */
  evaluate<R, A>(run: (argument: A) => R | Promise<R>, argument: A): Promise<R>;
}

/**
 * A Chromium for measurements. Playwright has each tab report its requests, frames and messages. With twenty tabs, that
 * takes a sixth of the CPU that it wants to measure.
 */
export interface PlainChromium {
  /** Opens tabs of one more user. All of them are visible, as if each had a screen. */
  open(urls: readonly string[]): Promise<PlainTab[]>;
  close(): Promise<void>;
}

export async function startPlainChromium(): Promise<PlainChromium> {
  const launched = await launchChromium();
  const devtools = await connectTo(launched.endpoint);
  const { ask } = devtools;
  const open = async (url: string, browserContextId: unknown): Promise<PlainTab> => {
    const { targetId } = await ask('Target.createTarget', { url: 'about:blank', browserContextId });
    const { sessionId } = await ask('Target.attachToTarget', { targetId, flatten: true });
    const session = String(sessionId);
    await ask('Emulation.setFocusEmulationEnabled', { enabled: true }, session);
    await ask('Page.navigate', { url }, session);
    return {
      evaluate: async <R, A>(run: (argument: A) => R | Promise<R>, argument: A): Promise<R> => {
        const expression = `(${run})(${JSON.stringify(argument)})`;
        const options = { expression, awaitPromise: true, returnByValue: true };
        const { result, exceptionDetails } = await ask('Runtime.evaluate', options, session);
        if (exceptionDetails !== undefined) throw new Error(`the page threw: ${JSON.stringify(exceptionDetails)}`);
        return (result as { value: R }).value;
      },
    };
  };
  return {
    async open(urls) {
      const { browserContextId } = await ask('Target.createBrowserContext', {});
      const tabs: PlainTab[] = [];
      for (const url of urls) tabs.push(await open(url, browserContextId));
      return tabs;
    },
    async close() {
      const ended = launched.ended();
      devtools.send('Browser.close');
      await ended;
    },
  };
}

type Answer = Readonly<Record<string, unknown>>;

interface DevTools {
  send(method: string): void;
  /** @throws Error if Chromium refuses, or has gone */
  readonly ask: (method: string, params: object, sessionId?: string) => Promise<Answer>;
}

async function connectTo(endpoint: string): Promise<DevTools> {
  const socket = new WebSocket(endpoint, { perMessageDeflate: false });
  await once(socket, 'open');
  const waiting = new Map<number, { resolve(answer: Answer): void; reject(error: Error): void }>();
  let asked = 0;
  socket.on('message', (data) => {
    const { id, result, error } = JSON.parse(String(data)) as { id?: number; result?: Answer; error?: object };
    const waits = id === undefined ? undefined : waiting.get(id);
    if (id === undefined || waits === undefined) return;
    waiting.delete(id);
    if (error === undefined) waits.resolve(result ?? {});
    else waits.reject(new Error(`Chromium refused: ${JSON.stringify(error)}`));
  });
  // `close` follows, and tells those that wait.
  socket.on('error', () => {});
  socket.on('close', () => {
    for (const { reject } of waiting.values()) reject(new Error('Chromium has gone'));
  });
  const send = (method: string, params: object = {}, sessionId?: string): number => {
    asked += 1;
    socket.send(JSON.stringify({ id: asked, method, params, ...(sessionId !== undefined && { sessionId }) }));
    return asked;
  };
  return {
    send,
    ask: (method, params, sessionId) =>
      new Promise((resolve, reject) => waiting.set(send(method, params, sessionId), { resolve, reject })),
  };
}
