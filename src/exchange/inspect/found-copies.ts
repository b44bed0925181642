import type { Coverage } from '../../coherence/tag.ts';
import { parseTarget, sortedQuery, TargetError, withoutQuery } from '../../route/path.ts';
import { expand } from '../../rules/expand.ts';
import { coverageOf, type PathKnowledge } from '../../rules/target.ts';
import { parseTemplate, TemplateError } from '../../rules/template.ts';
import type { Target } from '../../rules/types.ts';
import type { Store } from '../../store/store.ts';
import { type StoredResponse, UNCONFIRMED } from '../../store/stored-response.ts';
import { cacheKey } from '../cache-key.ts';
import type { RouteTable } from '../ports.ts';
import { proposedRequest } from './proposed-write.ts';

/** The store that the nodes share, as an operator may look into it. */
export interface InspectedTier {
  /** What clients without any header field may be served; or that there is nothing; or that it is not known. */
  lookUp(key: string): Promise<StoredResponse | 'nothing' | 'unknown'>;
  /** False only if it certainly has nothing that is covered, of any host. */
  mayHold(coverage: Coverage): Promise<boolean>;
}

export interface InspectedStores {
  /** The memory of this node, unconfirmed copies included, whether it may serve or not. */
  readonly store: Pick<Store, 'coveredBy'> & { variantsOf(key: string): readonly StoredResponse[] };
  readonly tier: InspectedTier | undefined;
  readonly routes: RouteTable;
  readonly paths: PathKnowledge;
}

export interface FoundCopy {
  readonly stored: StoredResponse;
  /** Only the tier has it. */
  readonly inTier: boolean;
}

export interface FoundCopies {
  readonly copies: readonly FoundCopy[];
  /** Why there may be others. Undefined: there are none where `verify` looks. */
  readonly why: string | undefined;
}

/** Hosts that are named, and for which the tier is asked, at most. */
const MAX_HOSTS = 4;

/**
 * What is stored for a URL: every variant, for a path without a query every query, and for a pattern every path. The
 * shared tier has no index, so it is only asked for the URL itself.
 * @throws TargetError
 */
export async function foundCopies(url: string, { store, tier, routes, paths }: InspectedStores): Promise<FoundCopies> {
  const { host, text } = asked(url);
  const target = targetOf(text);
  const coverage = coverageOf([target], paths);
  const covered = [...store.coveredBy(coverage)];
  const own = host === undefined ? covered : covered.filter(({ key }) => siteIn(key).split(' ').includes(host));
  const sites = host === undefined ? sitesOf(covered) : [`http://${host}`, `https://${host}`];
  const keys = target.kind === 'pattern' ? [] : sites.flatMap((site) => keysFor(site, text, routes));
  // What a snapshot brought back answers nobody: a read is answered from the tier if that has something.
  const isHere = (key: string): boolean => store.variantsOf(key).some(({ asOf }) => asOf !== UNCONFIRMED);
  const looked = await Promise.all(keys.filter((key) => !isHere(key)).map((key) => tier?.lookUp(key) ?? 'nothing'));
  const inMemory = own.map((stored) => ({ stored, inTier: false }));
  const inTier = looked.flatMap((found) => (typeof found === 'string' ? [] : { stored: found, inTier: true }));
  const copies = [...inMemory, ...inTier];
  if (copies.length > 0) return { copies, why: undefined };
  if (covered.length > 0) return { copies, why: `it is stored for another host: ${hostsOf(covered)}` };
  if (tier === undefined || !(await tier.mayHold(coverage))) return { copies, why: undefined };
  const isKnown = host !== undefined && keys.length > 0 && !looked.includes('unknown');
  return { copies, why: isKnown ? undefined : whyUnknown(target, host) };
}

function whyUnknown({ kind }: Target, host: string | undefined): string {
  const memory = 'the memory of this node has nothing, but Redis may have';
  if (kind === 'pattern') return `${memory}: name each URL, with its host`;
  if (host === undefined)
    return `${memory}: name the URL with the host that clients ask, as in http://api.example/steps/7`;
  return `${memory} a variant of it`;
}

/** @throws TargetError */
function targetOf(text: string): Target {
  if (withoutQuery(text).includes('*')) return patternOf(text);
  const { resource: path, query } = parseTarget(text);
  return text.includes('?') ? { kind: 'query', path, query: sortedQuery(query) } : { kind: 'path', path };
}

/** As in an invalidation. @throws TargetError */
function patternOf(text: string): Target {
  try {
    const template = parseTemplate(text, 'path');
    const [target] = template.placeholders.length === 0 ? expand(template, []) : [];
    if (target !== undefined) return target;
    throw new TargetError('placeholders have no values here: write the full name, or use *');
  } catch (error) {
    if (error instanceof TemplateError) throw new TargetError(`${error.message}: ${error.hint}`);
    throw error;
  }
}

/** @throws TargetError */
function asked(url: string): { host: string | undefined; text: string } {
  if (url.startsWith('/')) return { host: undefined, text: url };
  const [, host, text] = /^https?:\/\/([^/?#]+)([^#]*)$/i.exec(url) ?? [];
  if (host === undefined) throw new TargetError(`"${url}" is neither a path nor a URL: write /steps/7`);
  return { host: host.toLowerCase(), text: text?.startsWith('/') === true ? text : `/${text ?? ''}` };
}

/** The keys under which the tier may have a URL: none where they depend on who asks. */
function keysFor(site: string, text: string, routes: RouteTable): string[] {
  const [scheme, host = ''] = site.split('://');
  const request = proposedRequest({ method: 'GET', target: text, requestHeaders: ['Host', host] });
  const { cache } = routes.find(request.target.resource).route.policy;
  if (cache.off || cache.credentials === 'perUser' || cache.key.headers.length > 0) return [];
  return [cacheKey({ ...request, scheme: scheme === 'https' ? 'https' : 'http' }, cache)];
}

/** Where clients have asked. What a proxy forwards for another host has a key that only it can ask for. */
function sitesOf(covered: readonly StoredResponse[]): string[] {
  const sites = new Set(covered.map(({ key }) => key.split('\n', 1)[0] ?? ''));
  return [...sites].filter((site) => /^https?:\/\/[^ ]+$/.test(site)).slice(0, MAX_HOSTS);
}

function hostsOf(covered: readonly StoredResponse[]): string {
  const hosts = [...new Set(covered.map(({ key }) => siteIn(key).split(' ')[0] ?? ''))];
  return [...hosts.slice(0, MAX_HOSTS), ...(hosts.length > MAX_HOSTS ? ['…'] : [])].join(', ');
}

/** The host of a key, and the one that a trusted proxy forwarded, separated by a space. */
export function siteIn(key: string): string {
  return (key.split('\n', 1)[0] ?? '').replace(/^.*:\/\//s, '');
}
