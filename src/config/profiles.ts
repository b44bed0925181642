import { type Document, isAlias, isMap, isScalar, type Node, YAMLMap } from 'yaml';
import { nearest } from './suggest.ts';

/** What a file with profiles is read as. */
export interface Layered {
  /** The file without its profiles, the chosen one laid over it. Each node is where it was written. */
  readonly root: Node | null;
  /** The names of all profiles. */
  readonly names: readonly string[];
  readonly faults: readonly ProfileFault[];
}

export interface ProfileFault {
  /** Offset in the file. */
  readonly at: number;
  readonly message: string;
  readonly hint: string;
}

/** The key of the file that has the profiles. */
const PROFILES = 'profiles';
/** Mappings that are laid over others: aliases could otherwise make a few into endlessly many. */
const MAX_MERGED = 1_000;

/**
 * Lays a profile over its file: mappings are merged member by member, and everything else is replaced. `null` takes a
 * key away. What is replaced is never read, nor are the other profiles, so their variables need not be set.
 */
export function layered(document: Document, chosen: string | undefined): Layered {
  const layers = new Layers(document);
  const root = document.contents;
  const written = layers.pairs(root).find((pair) => nameOf(pair) === PROFILES);
  const profiles = layers.pairs(written?.value ?? null);
  const names = profiles.map(nameOf).filter((name) => name !== undefined);
  const faults = written === undefined ? [] : layers.faultsOf(written, profiles);
  const base = written === undefined ? root : layers.without(root, PROFILES);
  if (chosen === undefined) return { root: base, names, faults };
  const profile = profiles.findLast((pair) => nameOf(pair) === chosen);
  if (profile !== undefined) {
    const merged = layers.merged(base, profile.value);
    return { root: merged, names, faults: layers.isFull ? [...faults, tooMany(profile)] : faults };
  }
  return { root: base, names, faults: [...faults, unknownProfile(chosen, names, written)] };
}

function unknownProfile(chosen: string, names: readonly string[], written: Pair | undefined): ProfileFault {
  const message = `no profile is called "${chosen}" (--profile, UNSTALE_PROFILE)`;
  const at = written === undefined ? 0 : offsetOf(written);
  if (names.length === 0) return { at, message, hint: 'this file has no profiles: leave the option away, or add one' };
  const meant = nearest(chosen, names);
  return { at, message, hint: `${meant === undefined ? '' : `did you mean "${meant}"? `}known: ${names.join(', ')}` };
}

function tooMany(profile: Pair): ProfileFault {
  const message = 'the aliases of this profile expand to too many mappings';
  return { at: offsetOf(profile), message, hint: `use at most ${MAX_MERGED} mappings` };
}

type Pair = YAMLMap<Node, Node | null>['items'][number];

/** Of a key that is a word, as all keys are in a file without mistakes. */
function nameOf({ key }: Pair): string | undefined {
  return isScalar(key) && key.value !== null ? String(key.value) : undefined;
}

function offsetOf({ key }: Pair): number {
  return key.range?.[0] ?? 0;
}

/** A key without a value is a mistake, as it is everywhere; one that is `null` is taken away. */
function takesAway(node: Node | null): boolean {
  return isScalar(node) && node.value === null && (node.source ?? '') !== '';
}

class Layers {
  readonly #document: Document;
  readonly #targets = new Map<Node, Node | null>();
  #merged = 0;

  constructor(document: Document) {
    this.#document = document;
  }

  get isFull(): boolean {
    return this.#merged > MAX_MERGED;
  }

  pairs(node: Node | null): readonly Pair[] {
    const map = this.#resolved(node);
    return isMap<Node, Node | null>(map) ? map.items : [];
  }

  without(node: Node | null, name: string): YAMLMap {
    return mapOf(
      node,
      this.pairs(node).filter((pair) => nameOf(pair) !== name),
    );
  }

  merged(base: Node | null, profile: Node | null): Node | null {
    if (!isMap(this.#resolved(profile)) || ++this.#merged > MAX_MERGED) return base;
    const over = new Map(this.pairs(profile).map((pair) => [nameOf(pair) ?? pair, pair]));
    const items = this.pairs(base).flatMap((pair) => {
      const name = nameOf(pair) ?? pair;
      const laid = over.get(name);
      over.delete(name);
      return laid === undefined ? [pair] : this.#member(pair, laid);
    });
    const added = [...over.values()].flatMap((laid) => this.#member(undefined, laid));
    return mapOf(isMap(this.#resolved(base)) ? base : profile, [...items, ...added]);
  }

  /** Nothing if it is taken away. */
  #member(pair: Pair | undefined, laid: Pair): Pair[] {
    if (takesAway(laid.value)) return [];
    if (!isMap(this.#resolved(laid.value))) return [laid];
    const isMerged = pair !== undefined && isMap(this.#resolved(pair.value));
    const value = this.merged(isMerged ? pair.value : null, laid.value);
    return [{ ...(isMerged ? pair : laid), value } as Pair];
  }

  faultsOf(written: Pair, profiles: readonly Pair[]): ProfileFault[] {
    const hint = 'write its settings below its name, as they are in the file: development: { log: { level: debug } }';
    if (!isMap(this.#resolved(written.value))) {
      return [{ at: offsetOf(written), message: 'expected a mapping of profiles by name', hint }];
    }
    return profiles.flatMap((profile): ProfileFault[] => {
      const at = offsetOf(profile);
      const name = nameOf(profile);
      // What is no word at all is reported as the file is read.
      if (name === undefined || !/^[A-Za-z][A-Za-z0-9_-]*$/.test(name)) {
        return [{ at, message: `"${name}" is not a name`, hint: 'use a letter, then letters, digits, "_" and "-"' }];
      }
      const settings = this.#resolved(profile.value);
      if (!isMap(settings) && !isEmpty(settings)) return [{ at, message: `profile "${name}" is no mapping`, hint }];
      const inner = this.pairs(settings).find((pair) => nameOf(pair) === PROFILES);
      if (inner === undefined) return [];
      const top = 'move them to the top of the file';
      return [{ at: offsetOf(inner), message: 'a profile cannot have profiles', hint: top }];
    });
  }

  /** What an alias stands for, itself no alias. */
  #resolved(node: Node | null): Node | null {
    if (!isAlias(node)) return node;
    // Each resolution walks the document.
    let target = this.#targets.get(node);
    if (target === undefined) {
      target = node.resolve(this.#document) ?? null;
      this.#targets.set(node, target);
    }
    return target;
  }
}

/** A profile with everything commented out is the file as it stands. */
function isEmpty(node: Node | null): boolean {
  return node === null || (isScalar(node) && node.value === null);
}

/** A mapping of these pairs in the place of a node. */
function mapOf(place: Node | null, items: readonly Pair[]): YAMLMap {
  const map = new YAMLMap();
  map.range = place?.range ?? null;
  map.items = [...items];
  return map;
}
