import { Descriptions, list, type Mapping, mapping, OpenApiError } from './descriptions.ts';
import { fromSwagger2 } from './swagger2.ts';

/** Reads a file that a description refers to, by its path from the description; undefined if it may not be read. */
export type ReadReferenced = (path: string) => string | undefined;

/** Chained `$ref`s. */
const MAX_REFERENCES = 32;

/** An OpenAPI 3 document. References are resolved on demand, in this file and in those next to it. */
export class OpenApiDocument {
  readonly paths: Mapping;
  readonly servers: readonly Mapping[];
  readonly security: unknown;
  readonly securitySchemes: Mapping;
  /** `3.0.3`; of a converted one, what it was converted to. */
  readonly version: string;
  /** References that are broken, or that may not be followed. */
  readonly dangling = new Set<string>();
  /** It was Swagger 2.0. */
  readonly isConverted: boolean;
  readonly #files: Descriptions;

  /** @throws OpenApiError */
  constructor(text: string, read: ReadReferenced = () => undefined) {
    this.#files = new Descriptions(text, read);
    const { root } = this.#files;
    this.isConverted = /^2\b/.test(String(root.swagger ?? ''));
    const document = this.isConverted ? fromSwagger2(root, (value) => this.follow(value).value) : root;
    checkVersion(document);
    this.version = String(document.openapi);
    this.paths = this.follow(document.paths).value;
    if (Object.keys(this.paths).length === 0) {
      throw new OpenApiError(
        'the document has no paths',
        'it may be a part of another document: use the one with the paths',
      );
    }
    this.servers = list(document.servers).map(mapping);
    this.security = document.security;
    this.securitySchemes = mapping(mapping(document.components).securitySchemes);
  }

  /** Whether it marks any member as required. If it never does, a missing mark means nothing. */
  get tellsRequired(): boolean {
    return this.#files.tellsRequired();
  }

  /** Resolves a value with `$ref`, and collects the names of the schemas on the way. */
  follow(value: unknown): { readonly value: Mapping; readonly names: readonly string[] } {
    const names: string[] = [];
    let found = mapping(value);
    for (let i = 0; i < MAX_REFERENCES && typeof found.$ref === 'string'; i++) {
      const reference = found.$ref;
      names.push(reference);
      const target = this.#files.resolve(reference);
      if (target === undefined) {
        this.dangling.add(reference);
        return { value: {}, names };
      }
      found = target;
    }
    return { value: typeof found.$ref === 'string' ? {} : found, names };
  }
}

function checkVersion(root: Mapping): void {
  if (!/^3\./.test(String(root.openapi ?? ''))) {
    const swagger = root.swagger === undefined ? '' : `: it is Swagger ${String(root.swagger)}`;
    const hint = 'it must start with openapi: 3.0.3 or 3.1.0, or with swagger: "2.0"';
    throw new OpenApiError(`this is not an OpenAPI 3 document${swagger}`, hint);
  }
}
