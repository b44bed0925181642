import { answerSchema, requestSchema, shapeOf } from './api-schema.ts';
import type { ApiModel, DraftTarget } from './draft-model.ts';
import type { TargetDrafter } from './draft-targets.ts';
import { unwrapped } from './envelope.ts';
import type { Ids, Known } from './fill.ts';
import { inside } from './id-sources.ts';
import { hasMember } from './keys.ts';
import { type ApiPath, operationsOf } from './operations.ts';
import type { Resource } from './resource.ts';
import { alike } from './similar.ts';
import { plainWord, singular } from './words.ts';

/** What is written at a path that is not its own: `/users/me` is one of `/users/:id`. */
export function shownBy(
  model: ApiModel,
  path: ApiPath,
  methods: readonly string[],
  drafter: TargetDrafter,
): { targets: DraftTarget[]; before: boolean } {
  const { document, resources } = model;
  const read = operationsOf(path, ['GET']).map((each) => ['before', answerSchema(document, each)] as const);
  const written = operationsOf(path, methods).flatMap(
    (each) =>
      [
        ['response', answerSchema(document, each)],
        ['request', requestSchema(document, each)],
      ] as const,
  );
  const [many] = path.parts.slice(-2);
  const one = many && 'literal' in many ? resources.get(plainWord(singular(many.literal))) : undefined;
  const places = new Map<Resource, Set<string>>();
  for (const [root, whole] of [...read, ...written]) {
    const { schema, path: wrapper } = unwrapped(document, whole);
    const shape = shapeOf(document, schema);
    const element = shape.items === undefined ? shape : shapeOf(document, shape.items);
    if (element.properties.size === 0) continue;
    const described = model.embeddings.described(element);
    const similar = described.length > 0 ? [] : [...resources.values()].filter((each) => alike(each.shape, element));
    for (const resource of new Set([...described, ...similar, ...(one === undefined ? [] : [one])])) {
      if (
        ![resource.idField, ...resource.keys.values()].some(
          (key) => key !== undefined && hasMember(document, element, key),
        )
      )
        continue;
      const place = `${root}.${inside(wrapper)}`.replace(/\.$/, '') + (shape.items === undefined ? '' : '[*]');
      places.set(resource, (places.get(resource) ?? new Set()).add(place));
    }
  }
  const targets = [...places].flatMap(([resource, from]) => {
    const has = [...from];
    const ids: Ids = (key) => (key === undefined ? [] : has.map((place) => `${place}.${key}`));
    const known: Known = { path: undefined, resource, ids, others: new Map() };
    return drafter.ofResource(path, resource, known);
  });
  return { targets, before: targets.some(({ text }) => text.includes('{before.')) };
}
