import type { RuleConfig } from '../config/model.ts';

/** A JSON body, or why there is none to select from. */
export type Json = { readonly value: unknown } | { readonly missing: MissingReason };
export type MissingReason = 'absent' | 'not-json' | 'too-large' | 'too-deep' | 'incomplete' | 'encoded' | 'not-read';

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
}

export interface CompiledRule {
  readonly config: RuleConfig;
  /** Which bodies its placeholders select from: what the write exchange must read. */
  readonly needs: { readonly before: boolean; readonly request: boolean; readonly response: boolean };
}

export interface Unresolved {
  readonly target: string;
  readonly placeholder: string;
  readonly reason: string;
}

export interface Resolution {
  readonly targets: readonly Target[];
  readonly unresolved: readonly Unresolved[];
}
