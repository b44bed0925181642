import { effective, type Located, type RouteContext } from './lint-routes.ts';
import type { RouteSettings } from './route-schema.ts';
import type { configSchema } from './schema.ts';
import { soundPart, valueAt } from './shape.ts';
import type { SourceDocument } from './source-document.ts';

const PATH = ['store', 'snapshot'];

/** Reports snapshots that do less, or presume more, than their configuration seems to say. */
export function lintSnapshot(
  document: SourceDocument,
  schema: typeof configSchema,
  { routes, context }: { routes: readonly Located<RouteSettings>[]; context: RouteContext },
): void {
  const snapshot = soundPart(document, schema.shape.store, ['store'])?.snapshot;
  if (snapshot === undefined) return;
  const isShared = valueAt(document.value, ['store', 'redis']) !== undefined;
  const server = soundPart(document, schema.shape.server, ['server']);
  if (snapshot.load === 'trust') lintTrust(document, { isShared, workers: server?.workers ?? 1 });
  if (snapshot.save === 'off' || snapshot.key !== undefined) return;
  const perUser = [context.defaults, ...routes.map(({ settings }) => settings)].find(
    ({ cache }) => effective(cache, context).credentials === 'perUser',
  );
  if (perUser === undefined) return;
  const where = 'match' in perUser ? perUser.match : 'requests that match no route';
  document.report([...PATH, 'save'], {
    message: `without a key, responses of single users are not saved: ${where} has credentials: perUser`,
    hint: `encrypt them: key: \${UNSTALE_SNAPSHOT_KEY}, or silence this`,
    warning: 'snapshot-without-key',
    atKey: true,
  });
}

function lintTrust(document: SourceDocument, { isShared, workers }: { isShared: boolean; workers: number }): void {
  const coherence = Object(valueAt(document.value, ['coherence'])) as { mode?: unknown; onPartition?: unknown };
  const queues = coherence.onPartition === 'queue' || (coherence.onPartition ?? coherence.mode) === 'eventual';
  if (!isShared && workers > 1) {
    document.report([...PATH, 'load'], {
      message: 'several workers without store.redis cannot trust a snapshot: it is revalidated',
      hint: 'write load: revalidate',
      warning: 'snapshot-not-trusted',
    });
  } else if (isShared && queues) {
    document.report([...PATH, 'load'], {
      message: 'with onPartition: queue, a snapshot cannot be trusted: it is revalidated',
      hint: 'write load: revalidate, or onPartition: reject',
      warning: 'snapshot-not-trusted',
    });
  } else {
    document.report([...PATH, 'load'], {
      message: 'trust presumes that every write goes through this gateway with this folder, also between its runs',
      hint: 'write load: revalidate, or silence this if nothing else writes, and no profile runs without this folder',
      warning: 'snapshot-trusted',
    });
  }
}
