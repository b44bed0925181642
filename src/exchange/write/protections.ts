import type { GatewayConfig, WriteProtectionConfig } from '../../config/model.ts';
import { safeMethods } from '../../http/methods.ts';
import { PatternTrie } from '../../route/pattern.ts';
import { type Preserved, preservedBy } from '../../rules/json-merge.ts';
import type { Spellings } from '../../rules/spellings.ts';
import { overriddenMethod } from '../forward.ts';
import type { ClientRequest } from '../ports.ts';
import { isCheckedAsMade } from './made.ts';
import type { IdempotencyKeys, ValidateBody } from './protection-ports.ts';
import type { Turns } from './turns.ts';

/** An entry of `writes`, ready for use. */
export interface Protection {
  readonly config: WriteProtectionConfig;
  readonly preserve: Preserved;
  readonly validate: ValidateBody | undefined;
  /** Whether the API last answered a write of this entry without a body. */
  answersEmpty: boolean;
}

/** What protected writes share. */
export interface Protections {
  /** The first entry that a write matches. */
  find(request: Pick<ClientRequest, 'method' | 'target' | 'headers'>): Protection | undefined;
  /** Whether a write takes turns with others of its resource, whichever entry it matches, if any. */
  takesTurns(request: Pick<ClientRequest, 'method' | 'target' | 'headers'>): boolean;
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
  const find = protectionFinder(config, spellings, validators);
  const takesTurns = turnFinder(config, spellings, find);
  return { find, takesTurns, turnOf: (resource) => spellings.folded(resource) ?? resource, turns, keys };
}

/** Whether what the entry does depends on what the write replaces: no other write may come in between. */
function isOrdered(config: WriteProtectionConfig): boolean {
  const { merge, preserve, precondition, unchanged, validate, methods } = config;
  if (merge || preserve.paths.length > 0 || precondition !== 'off' || unchanged === 'skip') return true;
  const patches = methods.includes('PATCH') || methods.includes('*');
  return patches && validate?.mode === 'enforce' && isCheckedAsMade(config, 'PATCH');
}

/**
 * Finds the writes that take turns: those of an entry that depends on what it replaces, and others of a resource that
 * has such an entry. Without turns, these would slip between its read and its write. A POST takes turns only where an
 * entry names that method: most create members, side by side.
 */
function turnFinder(
  { writes }: Pick<GatewayConfig, 'writes'>,
  spellings: Spellings,
  find: Protections['find'],
): Protections['takesTurns'] {
  const trie = new PatternTrie<true>();
  for (const config of writes) if (isOrdered(config)) trie.add(config.pattern, true);
  const isMatched = (resource: string | undefined): boolean => {
    return resource !== undefined && trie.first(resource) !== undefined;
  };
  return (request) => {
    const { resource } = request.target;
    const methods = [request.method, overriddenMethod(request) ?? request.method];
    if (methods.every((method) => method === 'POST' || safeMethods.has(method))) {
      const own = find(request)?.config;
      return own !== undefined && isOrdered(own) && own.methods.includes('POST');
    }
    return isMatched(resource) || isMatched(spellings.plain(resource));
  };
}

/** Finds the first entry of `writes` that a request matches. */
export function protectionFinder(
  { writes }: Pick<GatewayConfig, 'writes'>,
  spellings: Spellings,
  validators: ProtectionParts['validators'] = new Map(),
): Protections['find'] {
  const trie = new PatternTrie<{ readonly order: number; readonly protection: Protection }>();
  for (const [order, config] of writes.entries()) {
    const validate = validators.get(config);
    const protection = { config, preserve: preservedBy(config.preserve.paths), validate, answersEmpty: false };
    trie.add(config.pattern, { order, protection });
  }
  const first = (method: string, resource: string): Protection | undefined => {
    const plain = spellings.plain(resource);
    const matches = [...trie.matches(resource), ...(plain === undefined ? [] : trie.matches(plain))];
    const applying = matches
      .map(({ data }) => data)
      .filter(({ protection: { config } }) => {
        return config.methods.includes(method) || (config.methods.includes('*') && !safeMethods.has(method));
      });
    return applying.sort((a, b) => a.order - b.order)[0]?.protection;
  };
  return (request) => {
    const { resource } = request.target;
    const other = overriddenMethod(request);
    return first(request.method, resource) ?? (other === undefined ? undefined : first(other, resource));
  };
}
