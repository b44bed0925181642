import { Buffer, Told } from './listeners.ts';
import { type Platform, platform } from './platform.ts';
import { Stream } from './stream.ts';
import type { ConnectOptions, Live, Reason, Resync, State, UnstaleEvent } from './types.ts';

const BUFFERED = 1_000;

/** Follows what changes. It starts at once, and goes on until `close()` or a refusal. */
export function connect(options: ConnectOptions = {}, surroundings: Platform = platform): Live {
  const told = new Told();
  let state: State = 'connecting';
  let reason: Reason | undefined;
  let lastEventId = options.lastEventId;
  const { url = '/_unstale/events', match = [], tags = [] } = options;
  const stream = new Stream({ ...options, url, match, tags }, surroundings, {
    event: (event) => {
      lastEventId = event.id;
      told.tell('event', event);
    },
    resync: (resync) => {
      lastEventId = resync.id ?? lastEventId;
      told.tell('resync', resync);
    },
    position: (id) => {
      lastEventId = id;
    },
    state: (next, why) => {
      const previous = state;
      state = next;
      reason = why;
      told.tell('state', { state, previous, reason });
    },
    warning: (warning) => told.tell('warning', warning),
  });
  const unlisten = surroundings.listen((happening) => {
    if (happening === 'network' || happening === 'shown' || happening === 'back') stream.wake(happening === 'network');
  });

  async function* items(): AsyncGenerator<UnstaleEvent | Resync, undefined> {
    const buffer = new Buffer(options.bufferSize ?? BUFFERED);
    const removals = [
      told.on('event', (event) => buffer.put(event)),
      told.on('resync', (resync) => buffer.put(resync)),
      told.on('state', () => buffer.wake()),
    ];
    try {
      for (;;) {
        const item = buffer.take();
        if (item !== undefined) yield item;
        else if (state !== 'stopped') await buffer.changed();
        else if (reason?.code === 'closed') return;
        else throw new Error(`unstale: ${reason?.message}`);
      }
    } finally {
      for (const remove of removals) remove();
    }
  }

  stream.start();
  return {
    get state() {
      return state;
    },
    get lastEventId() {
      return lastEventId;
    },
    clientId: options.clientId,
    on: (name, listener) => told.on(name, listener),
    close: () => {
      unlisten();
      stream.close();
    },
    [Symbol.asyncIterator]: items,
  };
}
