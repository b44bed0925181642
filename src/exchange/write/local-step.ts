import type { LocalStep } from '../../coherence/log.ts';
import { pathTag } from '../../coherence/tag.ts';
import { resolve } from '../../rules/resolve.ts';
import type { Store } from '../../store/store.ts';
import type { StoredResponse } from '../../store/stored-response.ts';
import type { AppliedRule } from './apply.ts';
import { otherCoverage } from './effect.ts';
import { Patches, type PatchingWrite, planPatches } from './patch.ts';
import type { Answered, NotedWrite, WritePorts } from './ports.ts';
import type { BodySources } from './sources.ts';

/** What a write does to the memory of its own node beside its record: it patches parents, and names what is to be fetched again. */
export class WriteLocally implements LocalStep {
  readonly #store: Store;
  readonly #paths: readonly string[];
  readonly #write: NotedWrite;
  readonly patches: Patches | undefined;
  /** What was stored of the targets to be refreshed, before the record. */
  refreshed: StoredResponse[] = [];

  constructor(
    ports: WritePorts,
    write: NotedWrite,
    { rules, answered, sources }: { rules: readonly AppliedRule[]; answered: Answered; sources: BodySources },
  ) {
    this.#store = ports.store;
    this.#write = write;
    this.#paths = rules.flatMap(pathsToRefresh);
    // Somebody wrote at the same time: whose change came first, and what the parent then holds, is not known.
    const patching = write.inFlight.conflicted ? [] : rules.filter(({ match }) => match.rule.patch.length > 0);
    const answeredWrite = patchingOf(write, answered);
    if (patching.length === 0 || answeredWrite === undefined) return;
    const planned = patching.flatMap((rule) =>
      planPatches(rule, answeredWrite, otherCoverage(rule, rules, write.request, sources, ports.rules.keyed)),
    );
    this.patches = new Patches(ports, planned, write.request, write.since);
  }

  applying(): void {
    // What came before this record on a log that others write to is known only now.
    if (this.#write.inFlight.conflicted) this.patches?.giveUp();
    this.#write.inFlight.applying();
    this.refreshed = this.#paths.flatMap((path) => this.#store.tagged(pathTag(path)));
    this.patches?.take();
  }

  applied({ position }: { position: number }): void {
    this.patches?.store(position);
  }
}

function pathsToRefresh({ match, sources }: AppliedRule): string[] {
  if (match.rule.refresh.length === 0) return [];
  const { targets } = resolve({ ...match, rule: { ...match.rule, targets: match.rule.refresh, patch: [] } }, sources);
  return targets.flatMap((target) => (target.kind === 'path' ? [target.path] : []));
}

export function patchingOf(
  { request, route, upload }: NotedWrite,
  { answer, text }: Answered,
): PatchingWrite | undefined {
  if (answer === undefined) return undefined;
  const { targetedFields } = route.policy.cache;
  return { request, answer, targetedFields, text: { request: upload.text(), response: text } };
}
