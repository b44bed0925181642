import type { jsonpath } from 'json-p3';
import type { PatchConfig, RuleConfig } from '../config/model.ts';

/** A JSON body, or why there is none to select from. */
export type Json =
  | {
      readonly value: unknown;
      /** Numbers that a double cannot hold: the literal as written, by the object or array that holds it, and its key. */
      readonly exact?: ExactNumbers;
    }
  | { readonly missing: MissingReason };
export type ExactNumbers = ReadonlyMap<object, ReadonlyMap<string, string>>;

/**
 * `absent`: there is no body. `not-json`: there is one of another kind. All others: there is, or may be, something to
 * select that could not be read: `malformed` claims or looks to be JSON, `ambiguous` names a member of an object twice.
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

/** Everything that placeholders can select from. */
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
  /** What the rule's lookups have fetched, by the name of their root: one for each path that was asked for. */
  readonly lookups?: Readonly<Record<string, readonly Json[]>>;
}

/** What a placeholder names once: `before.stepId`. */
export type Source = NamedSource | JsonSource | LookupSource;

export interface NamedSource {
  readonly root: 'params' | 'query' | 'requestHeader' | 'responseHeader';
  /** Lower case for header fields. */
  readonly name: string;
  /** For `Location` and `Content-Location`: which segment of the path, negative from the end. */
  readonly segment: number | undefined;
  readonly text: string;
}

export interface JsonSource {
  readonly root: 'request' | 'response' | 'before';
  readonly steps: readonly Step[];
  readonly text: string;
}

/** Below what the rule's lookup of that name fetched: `step.tripId`. */
export interface LookupSource {
  readonly root: 'lookup';
  readonly name: string;
  readonly steps: readonly Step[];
  readonly text: string;
}

export type Root = Source['root'];

/** One segment of a JSONPath (RFC 9535 §1.1). The simple ones are walked by `select`, the others by json-p3. */
export type Step =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'index'; readonly index: number }
  | { readonly kind: 'wildcard' }
  /** `..name`: of everything that the container holds, at any depth. */
  | { readonly kind: 'descent'; readonly name: string }
  | {
      readonly kind: 'segment';
      readonly segment: jsonpath.JSONPathSegment;
      /** Whether selecting nothing is an answer (a filter that nothing passes) or means that the field is not there. */
      readonly nothingIsAnAnswer: boolean;
    };

/** The union of its sources. `text` is what stands between the braces. */
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
  /** Without "?"; undefined where the template names the whole path. */
  readonly query: readonly Piece[] | undefined;
}

export interface TagTemplate {
  readonly kind: 'tag';
  readonly text: string;
  readonly placeholders: readonly Placeholder[];
  /** What stands between wildcards: one part where there are none. */
  readonly parts: readonly (readonly Piece[])[];
}

/** What a target comes to once its placeholders are known. Paths are canonical (route/path.ts). */
export type Target =
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'query'; readonly path: string; readonly query: string }
  | { readonly kind: 'pattern'; readonly pattern: string }
  | { readonly kind: 'tag'; readonly tag: string }
  | { readonly kind: 'tagPattern'; readonly parts: readonly string[] };

export interface RuleMatch {
  readonly rule: CompiledRule;
  readonly params: Readonly<Record<string, string>>;
  /** Of the write: what a silent answer means depends on it (rules/bind.ts). */
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
  /** Which bodies its placeholders and conditions select from: what the write exchange must read. */
  readonly needs: { readonly before: boolean; readonly request: boolean; readonly response: boolean };
  readonly payload: readonly { readonly member: string; readonly source: Source }[];
  /** Of `onlyIfChanged`: what may differ. Undefined where the rule takes part in any case. */
  readonly ignoring: readonly (readonly Step[])[] | undefined;
  /** For each of `targets`: whether what embeds it is hit, too. */
  readonly cascades: readonly boolean[];
  readonly cascade: Cascade;
}

/** What embeds what, by the tags that routes declare (rules/cascade.ts). */
export interface Cascade {
  /** What else is hit where `target` is; `certain`: only what needs no widening. */
  of(target: Target, certain: boolean): readonly Target[];
}

export interface CompiledPatch {
  readonly config: PatchConfig;
  readonly path: PathTemplate;
  /** The reference tokens of `at`, unescaped (RFC 6901 §4). */
  readonly at: readonly string[];
  /** Where the new representation is: the whole body where there are no steps. */
  readonly with: { readonly root: 'request' | 'response'; readonly steps: readonly Step[]; readonly text: string };
}

/** `config.when`, ready to be evaluated. */
export interface Condition {
  readonly status: readonly { readonly from: number; readonly to: number }[];
  readonly present: readonly Source[];
  readonly absent: readonly Source[];
  readonly equals: readonly { readonly source: Source; readonly values: ReadonlySet<string> }[];
  /** Below `before` and below `response`; `text` as written. */
  readonly changed: readonly { readonly text: string; readonly steps: readonly Step[] }[];
}

export interface Unresolved {
  /** The template as written. */
  readonly target: string;
  /** What stands between the braces. */
  readonly placeholder: string;
  /** Each source with why it gave nothing: `before.stepId: not-read; response.stepId: absent`. */
  readonly reason: string;
}

export interface Resolution {
  readonly targets: readonly Target[];
  readonly unresolved: readonly Unresolved[];
}

export interface RuleResolution extends Resolution {
  /** `targets` without those that are named for being patched alone. */
  readonly beyondPatches: readonly Target[];
  /**
   * Under `unresolved: reject`, what speaks for refusing the write. Only placeholders that take nothing from the answer, or from a lookup: by
   * the time that is known the write is done, so what is missing from it widens.
   */
  readonly rejected: readonly Unresolved[];
}
