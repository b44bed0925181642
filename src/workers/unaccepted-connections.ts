import type { Worker } from 'node:cluster';

/** What node:cluster sends a worker to hand it a connection, and what the worker answers. Not part of Node's API. */
interface ClusterMessage {
  readonly act?: string;
  readonly seq?: number;
  readonly ack?: number;
}

interface Handle {
  close(): void;
}

type Send = (message: ClusterMessage, handle?: Handle, ...rest: unknown[]) => boolean;

/**
 * Closes the connections that were on their way to a worker when it died. Node keeps each of them until the worker
 * acknowledges it: its client would wait for ever, and this process would hold the socket for ever.
 */
export function closeUnaccepted(worker: Worker): void {
  const channel = worker.process as unknown as {
    send: Send;
    on(name: 'internalMessage', listener: (message: ClusterMessage) => void): void;
  };
  const unaccepted = new Map<number, Handle>();
  const send = channel.send.bind(channel);
  channel.send = (message, handle, ...rest) => {
    const { act, seq } = message;
    if (act === 'newconn' && seq !== undefined && handle !== undefined) unaccepted.set(seq, handle);
    return send(message, handle, ...rest);
  };
  channel.on('internalMessage', ({ ack }) => {
    if (ack !== undefined) unaccepted.delete(ack);
  });
  // Not at 'disconnect': it does not come while a handle is on its way.
  worker.once('exit', () => {
    for (const handle of unaccepted.values()) handle.close();
  });
}
