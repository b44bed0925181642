import type { GatewayConfig, WriteProtectionConfig } from '../../config/model.ts';
import { safeMethods } from '../../http/methods.ts';
import { type Preserved, preservedBy } from '../../rules/json-merge.ts';
import { SpelledPatterns } from '../../rules/spelled-patterns.ts';
import type { Spellings } from '../../rules/spellings.ts';
import { type NamingMethods, namedMethods } from '../forward.ts';
import { isCheckedAsMade } from './made.ts';
import type { IdempotencyKeys, ValidateBody } from './protection-ports.ts';
import type { Turns } from './turns.ts';

/** An entry of `writes`, ready for use. */
export interface Protection {
  readonly config: WriteProtectionConfig;
  readonly preserve: Preserved;
  readonly validate: ValidateBody | undefined;
  /** What it does depends on what the write replaces: no other write may come in between. */
  readonly isOrdered: boolean;
  /** Whether the API last answered a write of this entry without a body. */
  answersEmpty: boolean;
}

/** What protected writes share. */
export interface Protections {
  /**
   * The entries that name the path of a write, in their order; undefined: it costs nothing more than without `writes`.
   */
  at(resource: string): readonly Protection[] | undefined;
  /**
   * One name for all spellings of a resource. Hosts are not told apart: an API may have one resource under several of
   * them, and a client chooses what it sends as `Host`.
   */
  turnOf(resource: string): string;
  readonly turns: Turns;
  readonly keys: IdempotencyKeys | undefined;
}

export interface ProtectionParts {
  readonly spellings: Spellings;
  readonly turns: Turns;
  readonly validators: ReadonlyMap<WriteProtectionConfig, ValidateBody>;
  readonly keys: IdempotencyKeys | undefined;
}

/** Compiles `writes`; undefined if there are none, so that no write pays for them. */
export function compileProtections(
  config: Pick<GatewayConfig, 'writes'>,
  { spellings, turns, validators, keys }: ProtectionParts,
): Protections | undefined {
  if (config.writes.length === 0) return undefined;
  const at = entryFinder(config, spellings, validators);
  return { at, turnOf: (resource) => spellings.folded.path(resource) ?? resource, turns, keys };
}

/**
 * Finds the entries of `writes` that name the path of a request, in their order: one lookup, for each of its spellings.
 */
function entryFinder(
  { writes }: Pick<GatewayConfig, 'writes'>,
  spellings: Spellings,
  validators: ProtectionParts['validators'],
): Protections['at'] {
  const patterns = new SpelledPatterns<Protection>(spellings);
  for (const config of writes) {
    const preserve = preservedBy(config.preserve.paths);
    const validate = validators.get(config);
    const answersEmpty = false;
    patterns.add(config.pattern, { config, preserve, validate, isOrdered: isOrdered(config), answersEmpty });
  }
  return (resource) => {
    const matches = patterns.matches(resource);
    return matches.length === 0 ? undefined : matches.map(({ data }) => data);
  };
}

/** Whether what the entry does depends on what the write replaces: no other write may come in between. */
function isOrdered(config: WriteProtectionConfig): boolean {
  const { merge, preserve, precondition, unchanged, validate, methods } = config;
  if (merge || preserve.paths.length > 0 || precondition !== 'off' || unchanged === 'skip') return true;
  const patches = methods.includes('PATCH') || methods.includes('*');
  return patches && validate?.mode === 'enforce' && isCheckedAsMade(config, 'PATCH');
}

/**
 * Whether a write takes turns with others of its resource, whichever of its entries it matches, if any: without them,
 * it would slip between the read and the write of another. A POST takes turns only where an entry names that method:
 * most create members, side by side.
 */
export function takesTurns(entries: readonly Protection[], request: NamingMethods): boolean {
  const methods = [request.method, ...namedMethods(request)];
  if (methods.some((method) => method !== 'POST' && !safeMethods.has(method))) {
    return entries.some(({ isOrdered }) => isOrdered);
  }
  const own = protectionAmong(entries, request);
  return own?.isOrdered === true && own.config.methods.includes('POST');
}

/** The first entry that a write matches, by its own method or by one that it names besides. */
export function protectionAmong(entries: readonly Protection[], request: NamingMethods): Protection | undefined {
  for (const method of [request.method, ...namedMethods(request)]) {
    const found = entries.find(({ config: { methods } }) => {
      return methods.includes(method) || (methods.includes('*') && !safeMethods.has(method));
    });
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Finds the first entry of `writes` that a request matches. */
export function protectionFinder(
  config: Pick<GatewayConfig, 'writes'>,
  spellings: Spellings,
  validators: ProtectionParts['validators'] = new Map(),
): (request: NamingMethods) => Protection | undefined {
  const at = entryFinder(config, spellings, validators);
  return (request) => protectionAmong(at(request.target.resource) ?? [], request);
}
