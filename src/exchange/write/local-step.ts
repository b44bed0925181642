import type { LocalStep } from '../../coherence/log.ts';
import { pathTag } from '../../coherence/tag.ts';
import type { CachePolicy } from '../../config/model.ts';
import { resolve } from '../../rules/resolve.ts';
import type { BodySources } from '../../rules/types.ts';
import type { Store } from '../../store/store.ts';
import type { StoredResponse } from '../../store/stored-response.ts';
import type { RouteTable } from '../ports.ts';
import type { AppliedRule } from './apply.ts';
import { otherCoverage, readsWritten } from './effect.ts';
import { Patches, type PatchingWrite, planPatches } from './patch.ts';
import type { NotedRequest, OriginAnswer, WritePorts } from './write-ports.ts';

/** What a write does to its own node's memory besides its record: patches parents and collects responses to refetch. */
export class WriteLocally implements LocalStep {
  readonly #store: Store;
  readonly #paths: readonly string[];
  readonly #write: NotedRequest;
  readonly patches: Patches | undefined;
  /** The responses under `refresh` targets that were stored before the record was applied. */
  readonly refreshed: StoredResponse[] = [];

  constructor(
    ports: WritePorts,
    write: NotedRequest,
    { rules, answered, sources }: { rules: readonly AppliedRule[]; answered: OriginAnswer; sources: BodySources },
  ) {
    this.#store = ports.store;
    this.#write = write;
    this.#paths = pathsToRefresh(rules);
    // With a conflicting write, the order of the changes is unknown, and so is the parent's content.
    const patching = write.inFlight.conflicted ? [] : rules.filter(({ match }) => match.rule.patch.length > 0);
    if (patching.length === 0) return;
    const answeredWrite = patchingOf(write, answered, ports.routes);
    if (answeredWrite === undefined) return;
    const applied = { request: write.request, rules, sources, paths: ports.rules.paths };
    const planned = patching.flatMap((rule) => planPatches(rule, answeredWrite, otherCoverage(rule, applied)));
    this.patches = new Patches(ports, planned, write.request, write.since);
  }

  applying(): void {
    // On a shared log, a conflicting record of another node may be known only now.
    if (this.#write.inFlight.conflicted) this.patches?.giveUp();
    this.#write.inFlight.applying();
    this.refreshed.length = 0;
    for (const path of this.#paths) {
      for (const response of this.#store.tagged(pathTag(path))) this.refreshed.push(response);
    }
    this.patches?.take();
  }

  applied({ position }: { position: number }): void {
    this.patches?.store(position);
  }
}

function pathsToRefresh(rules: readonly AppliedRule[]): string[] {
  const paths: string[] = [];
  for (const { match, sources } of rules) {
    if (match.rule.refresh.length === 0) continue;
    const { targets } = resolve({ ...match, rule: { ...match.rule, targets: match.rule.refresh, patch: [] } }, sources);
    for (const target of targets) if (target.kind === 'path') paths.push(target.path);
  }
  return paths;
}

export function patchingOf(
  { request, route, upload }: NotedRequest,
  { answer, text }: OriginAnswer,
  routes: RouteTable,
): PatchingWrite | undefined {
  if (answer === undefined) return undefined;
  const { targetedFields } = route.policy.cache;
  const texts = {
    get request() {
      return upload.text();
    },
    get response() {
      return text();
    },
  };
  const policyOf = (resource: string): CachePolicy => routes.find(resource).route.policy.cache;
  return { request, answer, isPlain: readsWritten(request, route), targetedFields, policyOf, text: texts };
}
