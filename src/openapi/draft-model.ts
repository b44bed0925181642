import type { OpenApiDocument } from './document.ts';
import type { DraftCredentials } from './draft-credentials.ts';
import type { Embeddings } from './embedding.ts';
import type { ApiPath } from './operations.ts';
import type { Resource } from './resource.ts';
import type { Showing } from './showing.ts';

/** A configuration inferred from an API description. Comments say what each part was inferred from. */
export interface Draft {
  readonly origin: { readonly url: string; readonly note?: string };
  readonly credentials: DraftCredentials | undefined;
  readonly routes: readonly DraftRoute[];
  readonly reads: readonly DraftRead[];
  readonly rules: readonly DraftRule[];
  readonly notes: readonly string[];
  /** What it consists of, in lines. */
  readonly summary: readonly string[];
}

export interface DraftRoute {
  readonly comments: readonly string[];
  readonly match: string;
  readonly off: boolean;
  readonly tags: readonly string[];
  readonly before: string | undefined;
}

/** A POST that only reads. */
export interface DraftRead {
  readonly pattern: string;
  readonly comment: string;
}

export interface DraftRule {
  readonly comments: readonly string[];
  readonly name: string;
  readonly methods: readonly string[];
  readonly pattern: string;
  readonly before: boolean;
  readonly lookups: Readonly<Record<string, string>>;
  readonly targets: readonly DraftTarget[];
  readonly event: string;
  /** The write creates the resource. */
  readonly creates?: string;
}

/** `text` is a path or a tag; `comment` says why. */
export interface DraftTarget {
  readonly kind: 'path' | 'tag';
  readonly text: string;
  readonly comment: string;
  /** The route that a path is for. */
  readonly route?: ApiPath;
}

/** What a document describes. */
export interface ApiModel {
  readonly document: OpenApiDocument;
  /** In order of precedence. */
  readonly paths: readonly ApiPath[];
  readonly resources: ReadonlyMap<string, Resource>;
  /** The resource of which a path is the item or the collection. */
  readonly owners: ReadonlyMap<ApiPath, Resource>;
  readonly embeddings: Embeddings;
  readonly showing: Showing;
  readonly credentials: DraftCredentials | undefined;
}
