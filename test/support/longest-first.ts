/**
 * The files that take longest in CI, the longest of a project first. Vitest knows only what an earlier run in the same
 * checkout has measured. In a new one it starts with the largest file, and some of these are very small.
 */
export const longest: readonly string[] = [
  'store/held',
  'simulate/gateway',
  'simulate/simulate',
  'snapshot/lives-shared',
  'snapshot/processes',
  'server/origin-down',
  'scenarios/clean-up',
  'coherence/history-actions',
  'front/fuzz',
  'hostile/connections',
  'front/corpus',
  'snapshot/lives-alone',
  'front/connections',
  'nodes/protected-writes',
  'nodes/protected-alone',
  'nodes/coherence',
  'workers/workers',
  'nodes/tier',
  'nodes/redis-cluster',
  'workers/snapshot',
  'workers/idempotency',
  'soak/soak',
  'soak/redis',
  'soak/editors',
].map((name) => `test/${name}.test.ts`);

interface File {
  /** Its path. */
  readonly moduleId: string;
  readonly project: object;
}

/** Each project starts with its longest files, so that no worker begins one when the others have nothing left to do. */
export function longestFirst<F extends File>(files: readonly F[]): F[] {
  const projects = [...new Set(files.map(({ project }) => project))];
  return projects.flatMap((project) =>
    files.filter((file) => file.project === project).sort((a, b) => rank(a) - rank(b)),
  );
}

/** The same number for all that are not among them: they stay in their order. */
function rank({ moduleId }: File): number {
  const place = longest.findIndex((file) => moduleId.endsWith(`/${file}`));
  return place === -1 ? longest.length : place;
}
