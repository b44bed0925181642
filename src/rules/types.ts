import type { jsonpath } from 'json-p3';
import type { PatchConfig, RuleConfig } from '../config/model.ts';

/** A JSON body, or why there is none. */
export type Json =
  | {
      readonly value: unknown;
      /** The literals of numbers that a double cannot represent, by the containing object or array and the key. */
      readonly exact?: ExactNumbers;
    }
  /** `status`: of the answer that brought no representation. */
  | { readonly missing: MissingReason; readonly status?: number };
export type ExactNumbers = ReadonlyMap<object, ReadonlyMap<string, string>>;

/**
 * `absent`: there is no body. `not-json`: the body has another format. For all others, a body exists that could not be
 * read: `malformed` claims or appears to be JSON, `ambiguous` has a duplicate member.
 */
export type MissingReason =
  | 'absent'
  | 'not-json'
  | 'malformed'
  | 'ambiguous'
  | 'too-large'
  | 'too-deep'
  | 'incomplete'
  | 'encoded'
  | 'not-read';

/** What the placeholders of every rule select from. */
export type BodySources = Omit<Sources, 'params'>;

/** What placeholders select from. */
export interface Sources {
  /** Path parameters, percent-decoded. */
  readonly params: Readonly<Record<string, string>>;
  /** The raw query of the write, without "?". */
  readonly query: string;
  /** Field look-up by lower-cased name. */
  readonly requestHeader: (name: string) => string | undefined;
  readonly responseHeader: (name: string) => string | undefined;
  readonly request: Json;
  readonly response: Json;
  readonly before: Json;
  /** The responses of the rule's lookups, by the name of the lookup: one for each path. */
  readonly lookups?: Readonly<Record<string, readonly Json[]>> | undefined;
}

/** One source of a placeholder: `before.stepId`. */
export type Source = NamedSource | JsonSource | LookupSource;

export interface NamedSource {
  readonly root: 'params' | 'query' | 'requestHeader' | 'responseHeader';
  /** Lower case for header fields. */
  readonly name: string;
  /** For `Location` and `Content-Location`: the segment of the path, negative from the end. */
  readonly segment: number | undefined;
  readonly text: string;
}

export interface JsonSource {
  readonly root: 'request' | 'response' | 'before';
  readonly steps: readonly PathStep[];
  readonly text: string;
}

/** Below the response of the rule's lookup of that name: `step.tripId`. */
export interface LookupSource {
  readonly root: 'lookup';
  readonly name: string;
  readonly steps: readonly PathStep[];
  readonly text: string;
}

export type Root = Source['root'];

/** One segment of a JSONPath (RFC 9535 §1.1). json-walk.ts evaluates the simple kinds, json-p3 `segment`. */
export type PathStep =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'wildcard' }
  /** `..name`: at any depth below the container. */
  | { readonly kind: 'descent'; readonly name: string }
  | {
      readonly kind: 'segment';
      readonly segment: jsonpath.JSONPathSegment;
      /** Selecting nothing means an empty result (a filter that matches nothing), not a missing field. */
      readonly nothingIsAnAnswer: boolean;
    };

/** The union of its sources. `text` is the text between the braces. */
export interface Placeholder {
  readonly text: string;
  readonly sources: readonly Source[];
}

/** A literal, canonically escaped where it is part of a path, or the index of a placeholder in its template. */
export type Piece = string | number;

export type Template = PathTemplate | TagTemplate;

export interface PathTemplate {
  readonly kind: 'path';
  readonly text: string;
  readonly placeholders: readonly Placeholder[];
  readonly segments: readonly (readonly Piece[] | '*' | '**')[];
  /** Without "?"; undefined if the template covers every query of the path. */
  readonly query: readonly Piece[] | undefined;
}

export interface TagTemplate {
  readonly kind: 'tag';
  readonly text: string;
  readonly placeholders: readonly Placeholder[];
  /** The parts between wildcards: one part if there are none. */
  readonly parts: readonly (readonly Piece[])[];
}

/** A resolved target. Paths are canonical (route/path.ts). */
export type Target =
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'query'; readonly path: string; readonly query: string }
  | { readonly kind: 'pattern'; readonly pattern: string }
  | { readonly kind: 'tag'; readonly tag: string }
  | { readonly kind: 'tagPattern'; readonly parts: readonly string[] };

export interface RuleMatch {
  readonly rule: CompiledRule;
  readonly params: Readonly<Record<string, string>>;
  /** Of the path as it was sent, if they differ (rules/spelled-patterns.ts). Targets are made of these, too. */
  readonly asSent?: Readonly<Record<string, string>> | undefined;
  /** Of the write. It decides what a response without a body means (rules/bind.ts). */
  readonly method: string;
}

export interface CompiledRule {
  readonly config: RuleConfig;
  /** One for each of `config.invalidate`, then those of `refresh`, then those of `patch`. */
  readonly targets: readonly Template[];
  readonly refresh: readonly PathTemplate[];
  readonly patch: readonly CompiledPatch[];
  readonly lookups: readonly { readonly name: string; readonly path: PathTemplate }[];
  readonly condition: Condition | undefined;
  /** The bodies that its placeholders and conditions use: a write must read them. */
  readonly needs: { readonly before: boolean; readonly request: boolean; readonly response: boolean };
  readonly payload: readonly { readonly member: string; readonly source: Source }[];
  /** The fields that `onlyIfChanged` ignores; undefined if the rule does not compare. */
  readonly ignoring: readonly (readonly PathStep[])[] | undefined;
  /** For each of `targets`: whether it cascades. */
  readonly cascades: readonly boolean[];
  readonly cascade: Cascade;
}

/** Which responses embed which, according to the tags of routes (rules/cascade.ts). */
export interface Cascade {
  /** The targets that depend on `target`. `certain`: only those that need no wildcard fallback. */
  of(target: Target, certain: boolean): readonly Target[];
}

export interface CompiledPatch {
  readonly config: PatchConfig;
  readonly path: PathTemplate;
  /** The reference tokens of `at`, unescaped (RFC 6901 §4). */
  readonly at: readonly string[];
  /** Where the new representation is: the whole body if there are no steps. */
  readonly with: { readonly root: 'request' | 'response'; readonly steps: readonly PathStep[]; readonly text: string };
}

/** `config.when`, ready to be evaluated. */
export interface Condition {
  readonly status: readonly { readonly from: number; readonly to: number }[];
  readonly present: readonly Source[];
  readonly absent: readonly Source[];
  readonly equals: readonly { readonly source: Source; readonly values: ReadonlySet<string> }[];
  /** A path that applies to `before` and to `response`; `text` is as written. */
  readonly changed: readonly { readonly text: string; readonly steps: readonly PathStep[] }[];
}

export interface Unresolved {
  /** The template as written. */
  readonly target: string;
  /** The text between the braces. */
  readonly placeholder: string;
  /** Each source with the reason why it has no value: `before.stepId: not-read; response.stepId: absent`. */
  readonly reason: string;
  /** The rule says what to do without a value: the target is left out, or its known values are used. */
  readonly ignored?: true;
}

export interface Resolution {
  readonly targets: readonly Target[];
  readonly unresolved: readonly Unresolved[];
}

export interface RuleResolution extends Resolution {
  /** Of a rule that patches: `targets` without those that only `patch` or a cascade names. Of others: all. */
  readonly beyondPatches: readonly Target[];
  /**
   * Under `unresolved: reject`, the reasons for refusing the write. Placeholders that use the response or a lookup are
   * not among them: those are known only after the write is done, so they fall back to a wildcard.
   */
  readonly rejected: readonly Unresolved[];
}
