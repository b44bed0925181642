import { Told } from '../../src/client/listeners.ts';
import type { Live, State, UnstaleEvent } from '../../src/client/types.ts';

/** A connection that says what a test tells it to, when it tells it to. */
export interface ScriptedLive extends Live {
  event(fields: Partial<UnstaleEvent>): void;
  resync(id: string | undefined, hint?: { readonly refetchWithinMs: number }): void;
  become(state: State, lastEventId?: string): void;
  /** Warnings so far: `id` and message of the error. */
  readonly warnings: readonly { readonly id: string | undefined; readonly message: string }[];
}

export function scriptedLive(state: State = 'live', lastEventId = 'e-0'): ScriptedLive {
  const told = new Told();
  const warnings: { id: string | undefined; message: string }[] = [];
  told.on('warning', ({ id, message, error }) => warnings.push({ id, message: String(error ?? message) }));
  const live = { state, lastEventId };
  return {
    get state() {
      return live.state;
    },
    get lastEventId() {
      return live.lastEventId;
    },
    clientId: undefined,
    warnings,
    on: (name, listener) => told.on(name, listener),
    close: () => {},
    async *[Symbol.asyncIterator]() {},
    event(fields) {
      const cause = { method: 'PUT', path: '/x', rule: null };
      const event = {
        id: 'e-1',
        type: 'invalidate',
        paths: [],
        tags: [],
        cause,
        at: '2026-11-20T23:53:46Z',
        ...fields,
      };
      live.lastEventId = event.id;
      told.tell('event', event);
    },
    resync(id, hint = undefined) {
      told.tell('resync', { type: 'resync', id, paths: ['/**'], tags: ['*'], reason: 'gap', ...hint });
    },
    become(next, id) {
      const previous = live.state;
      live.state = next;
      live.lastEventId = id ?? live.lastEventId;
      told.tell('state', { state: next, previous, reason: undefined });
    },
  };
}
