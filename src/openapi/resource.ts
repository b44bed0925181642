import type { Shape } from './api-schema.ts';
import type { ApiPath } from './operations.ts';

/** A field with the id of another resource. */
export interface Reference {
  readonly resource: string;
  /** `stepId`, `step`, `stepIds[*]` */
  readonly field: string;
  /** Its name says so: `step`, and not `author`. */
  readonly isNamed: boolean;
  /** The other resource is embedded there, not only named. */
  readonly isObject: boolean;
  /** Where the field has a member of the other resource: `step.id` for `id`; undefined if it does not tell. */
  pathTo(key: string | undefined): string | undefined;
}

/** A resource type, and the paths of its items and collections. */
export interface Resource {
  /** `order-item` */
  readonly name: string;
  /** The word in its paths, which other resources may share: comments of issues, and of gists. */
  readonly noun: string;
  /** `/steps/:id`, `/trips/:tripId/steps/:id` */
  readonly items: readonly ApiPath[];
  /** `/steps`, `/trips/:tripId/steps` */
  readonly collections: readonly ApiPath[];
  readonly shape: Shape;
  /** Names of the schemas that describe it: in full, in lists, in requests. */
  readonly schemas: ReadonlySet<string>;
  /** The wrapper of the representation in a response: `data`, or nothing. */
  readonly wrapper: string;
  /** The member that identifies it; undefined if it could not be told. */
  readonly idField: string | undefined;
  /** The member that the last parameter of each item's path stands for. */
  readonly keys: ReadonlyMap<ApiPath, string | undefined>;
  /** Fields with the ids of other resources. */
  readonly references: readonly Reference[];
  /** Fields that are named like other resources, and say nothing that identifies one. */
  readonly untied: readonly string[];
}

/** What is known before references are. */
export type Described = Omit<Resource, 'references' | 'untied'>;

/** Members that are named like other resources, and could not be tied to them. */
export function todos({ name, untied }: Resource): string[] {
  if (untied.length === 0) return [];
  const fields = untied.slice(0, 8).join(', ');
  const which = untied.length > 8 ? `${fields}, …` : fields;
  return [
    `TODO: ${name}.{${which}}: named like other resources, and without a known id. Does a write make those stale?`,
  ];
}
