/**
 * The files that take longest in CI, the longest of a project first. Vitest knows only what an earlier run in the same
 * checkout has measured. In a new one it starts with the largest file, and some of these are very small.
 */
export const longest: readonly string[] = [
  'store/held.long',
  'simulate/gateway.long',
  'simulate/simulate.test',
  'server/origin-down.long',
  'scenarios/clean-up.test',
  'coherence/history-actions.long',
  'front/fuzz.long',
  'hostile/connections.long',
  'front/corpus.long',
  'snapshot/lives-alone.long',
  'front/connections.long',
  'nodes/protected-writes.test',
  'nodes/protected-alone.test',
  'nodes/coherence.test',
  'workers/workers.test',
  'nodes/tier.test',
  'nodes/redis-cluster.test',
  'snapshot/shared/lives.test',
  'snapshot/shared/processes.test',
  'workers/snapshot.test',
  'workers/idempotency.test',
  'soak/soak.test',
  'soak/redis.test',
  'soak/editors.test',
].map((name) => `test/${name}.ts`);

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
