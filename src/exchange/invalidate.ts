import type { Log } from '../coherence/log.ts';
import type { Announcement } from '../coherence/record.ts';
import { expand } from '../rules/expand.ts';
import { coverageOf, describeTarget, type KeyedQuery } from '../rules/target.ts';
import { parseTemplate, TemplateError } from '../rules/template.ts';
import type { Target } from '../rules/types.ts';
import type { Store } from '../store/store.ts';
import type { StoredResponse } from '../store/stored-response.ts';
import type { DoneInvalidation, TargetCount } from './ports.ts';

/** Responses that are named of each target. */
const MAX_SAMPLES = 5;

/** What an operator wants invalidated. */
export interface AskedInvalidation {
  /** `/steps/7`, `/steps/7?lang=de`, `/steps/*`, `/steps/**`. */
  readonly paths: readonly string[];
  /** `step:7`, `step:*`. */
  readonly tags: readonly string[];
  readonly dryRun: boolean;
}

/** One thing that is wrong with what was asked: `paths[1]`. */
export interface Fault {
  readonly at: string;
  readonly message: string;
  readonly hint: string;
}

/** The targets, or everything that is wrong with them: nothing is done by half. */
export function askedTargets({ paths, tags }: AskedInvalidation): readonly Target[] | { readonly faults: Fault[] } {
  const faults: Fault[] = [];
  const targets = [
    ...paths.map((text, i) => ({ text, kind: 'path' as const, at: `paths[${i}]` })),
    ...tags.map((text, i) => ({ text, kind: 'tag' as const, at: `tags[${i}]` })),
  ].flatMap(({ text, kind, at }): Target[] => {
    try {
      const template = kind === 'path' ? parseTemplate(text, 'path') : parseTemplate(text, 'tag');
      if (template.placeholders.length === 0) return expand(template, []);
      faults.push({ at, message: 'placeholders have nothing to stand for here', hint: 'name it in full, or use *' });
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      faults.push({ at, message: error.message, hint: error.hint });
    }
    return [];
  });
  return faults.length > 0 ? { faults } : targets;
}

/** Counts, or invalidates; resolves when that is effective on every node. */
export async function invalidateTargets(
  { store, log, keyed }: { store: Store; log: Log; keyed: KeyedQuery },
  targets: readonly Target[],
  { dryRun, cause }: { dryRun: boolean; cause: Announcement['cause'] },
): Promise<DoneInvalidation> {
  const counts = countTargets(store, targets, keyed);
  const coverage = coverageOf(targets, keyed);
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

export function countTargets(store: Store, targets: readonly Target[], keyed: KeyedQuery): TargetCount[] {
  return targets.map((target) => {
    const hit = store.coveredBy(coverageOf([target], keyed));
    return { target: describeTarget(target), count: hit.size, samples: samplesOf(hit) };
  });
}

function samplesOf(hit: ReadonlySet<StoredResponse>): string[] {
  const samples: string[] = [];
  for (const { key } of hit) {
    if (samples.length === MAX_SAMPLES) break;
    const [, path = '', query = ''] = key.split('\n');
    samples.push(query === '' ? path : `${path}?${query}`);
  }
  return samples;
}
