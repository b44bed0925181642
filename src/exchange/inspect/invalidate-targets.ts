import type { Log } from '../../coherence/log.ts';
import type { Announcement } from '../../coherence/record.ts';
import { targetText } from '../../route/path.ts';
import { coverageOf, describeTarget, type PathKnowledge } from '../../rules/target.ts';
import type { Target } from '../../rules/types.ts';
import type { Store } from '../../store/store.ts';
import type { StoredResponse } from '../../store/stored-response.ts';
import type { DoneInvalidation, TargetCount } from '../ports.ts';

/** How many stored responses are listed for each target. */
const MAX_SAMPLES = 5;

/** Counts the covered responses and, unless it is a dry run, invalidates them. Resolves when every node has done so. */
export async function invalidateTargets(
  { store, log, paths }: { store: Store; log: Log; paths: PathKnowledge },
  targets: readonly Target[],
  { dryRun, cause }: { dryRun: boolean; cause: Announcement['cause'] },
): Promise<DoneInvalidation> {
  const counts = countTargets(store, targets, paths);
  const coverage = coverageOf(targets, paths);
  if (dryRun) return { dryRun, targets: counts, removed: store.coveredBy(coverage).size, position: undefined };
  const isTag = ({ kind }: Target): boolean => kind === 'tag' || kind === 'tagPattern';
  const announcement: Announcement = {
    type: 'invalidate',
    paths: targets.filter((target) => !isTag(target)).map(describeTarget),
    tags: targets.filter(isTag).map((target) => describeTarget(target).slice('tag:'.length)),
    cause,
  };
  const { record, removed } = await log.append({ coverage, announcements: [announcement] });
  return { dryRun, targets: counts, removed, position: record.position };
}

export function countTargets(store: Store, targets: readonly Target[], paths: PathKnowledge): TargetCount[] {
  return targets.map((target) => {
    const covered = store.coveredBy(coverageOf([target], paths));
    return { target: describeTarget(target), count: covered.size, samples: samplesOf(covered) };
  });
}

function samplesOf(covered: ReadonlySet<StoredResponse>): string[] {
  const samples: string[] = [];
  for (const { key } of covered) {
    if (samples.length === MAX_SAMPLES) break;
    const [, path = '', query = ''] = key.split('\n');
    samples.push(targetText({ path, query }));
  }
  return samples;
}
