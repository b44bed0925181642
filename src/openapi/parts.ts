import { answerSchema, requestSchema, shapeOf } from './api-schema.ts';
import type { OpenApiDocument } from './document.ts';
import { unwrapped } from './envelope.ts';
import { type ApiPath, operationsOf } from './operations.ts';
import { lastLiteral } from './resources.ts';
import { plainWord, singular } from './words.ts';

/** Objects inside of objects. */
const MAX_DEPTH = 5;
/** Members visited per response: recursive schemas never end. */
const MAX_VISITED = 2_000;

/** Finds the reads that show what is no resource: the profile in `/db`, the settings in `/users/{id}`. */
export class Parts {
  readonly #document: OpenApiDocument;
  readonly #paths: readonly ApiPath[];
  #shown: Map<string, Set<ApiPath>> | undefined;

  constructor(document: OpenApiDocument, paths: readonly ApiPath[]) {
    this.#document = document;
    this.#paths = paths;
  }

  /**
   * The reads that have what is written at a path, by its schema, or by its name if the schema has none.
   * @param isResource whether a schema is that of a resource, of which ids tell which one it is
   */
  showing(path: ApiPath, methods: readonly string[], isResource: (schema: string) => boolean): ApiPath[] {
    this.#shown ??= this.#index();
    const schemas = [
      ...operationsOf(path, ['GET', ...methods]).map((each) => answerSchema(this.#document, each)),
      ...operationsOf(path, methods).map((each) => requestSchema(this.#document, each)),
    ].map((schema) => shapeOf(this.#document, unwrapped(this.#document, schema).schema));
    const own = schemas.flatMap((shape) => [...shape.own, ...shapeOf(this.#document, shape.items).own]);
    const hasContent = schemas.some(({ properties, items }) => properties.size > 0 || items !== undefined);
    const literal = lastLiteral(path);
    const names = own.length > 0 || literal === undefined || !hasContent ? own : [memberKey(literal)];
    const telling = names.filter((name) => !isResource(name));
    return [...new Set(telling.flatMap((name) => [...(this.#shown?.get(name) ?? [])]))].filter((each) => each !== path);
  }

  #index(): Map<string, Set<ApiPath>> {
    const shown = new Map<string, Set<ApiPath>>();
    for (const path of this.#paths) {
      const read = path.operations.get('GET');
      if (read === undefined) continue;
      for (const name of this.#namesIn(answerSchema(this.#document, read)))
        shown.set(name, (shown.get(name) ?? new Set()).add(path));
    }
    return shown;
  }

  /** The schemas of a response at any depth, and the names of members that are objects or arrays. */
  #namesIn(root: unknown): Set<string> {
    const found = new Set<string>();
    let visited = 0;
    const visit = (schema: unknown, within: readonly string[]): void => {
      if (within.length > MAX_DEPTH || ++visited > MAX_VISITED) return;
      const { own, properties, items } = shapeOf(this.#document, schema);
      if (own.some((name) => within.includes(name))) return;
      for (const name of own) found.add(name);
      const inner = [...within, own[0] ?? ''];
      if (items !== undefined) visit(items, inner);
      for (const [member, property] of properties) {
        const shape = shapeOf(this.#document, property);
        if (shape.properties.size === 0 && shape.items === undefined) continue;
        found.add(memberKey(member));
        visit(property, inner);
      }
    };
    visit(root, []);
    return found;
  }
}

/** A schema has no such name. */
const memberKey = (name: string): string => `member ${plainWord(singular(name))}`;
