import type { Happening, Platform } from './platform.ts';
import { type Sink, Stream, type StreamOptions } from './stream.ts';

/** Where a connection has its events from: a stream of its own, or one that tabs share. */
export interface Source {
  happen(happening: Happening): void;
  close(): void;
}

/** A stream of its own. It is closed while the page is away, and resumes when it is back. */
export function ownStream(options: StreamOptions, platform: Platform, sink: Sink): Source {
  const stream = new Stream(options, platform, sink);
  stream.start();
  return {
    happen: (happening) => {
      if (happening === 'left') stream.pause();
      else if (happening === 'back') stream.start();
      else stream.wake(happening === 'network');
    },
    close: () => stream.close(),
  };
}
