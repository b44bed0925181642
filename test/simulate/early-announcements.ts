import type { SharedLogListener } from '../../src/coherence/log.ts';

/** A mutant of a node: it announces a record as soon as it has applied it, though others may not have. */
export function announcesWhenApplied(listener: SharedLogListener): SharedLogListener {
  return {
    ...listener,
    applied: (record) => {
      const removed = listener.applied(record);
      listener.committed(record);
      return removed;
    },
    committed: () => {},
  };
}
