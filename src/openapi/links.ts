import type { ApiModel } from './draft-model.ts';
import type { ApiPath } from './operations.ts';
import type { Resource } from './resource.ts';

/**
 * Whether something else puts a resource into a response: `POST /issues/{id}/labels` gives an issue its labels, so a
 * new label is in no issue yet.
 */
export function hasLink({ owners, resources }: ApiModel, resource: Resource, shownIn: ApiPath): boolean {
  const holder = owners.get(shownIn);
  if (holder === undefined || holder === resource) return false;
  if (resource.references.some((reference) => reference.resource === holder.name)) return false;
  const writes = (path: ApiPath): boolean => ['POST', 'PUT', 'PATCH'].some((method) => path.operations.has(method));
  const items = holder.items.map(({ pattern }) => `${pattern}/`);
  const isBelow = (path: ApiPath): boolean => items.some((item) => path.pattern.startsWith(item));
  const ownPaths = [...resource.collections, ...resource.items];
  // Labels have paths of their own that are not below an issue, and paths below one that are written to.
  const isIndependent = resource.items.some((item) => !isBelow(item) && resources.has(resource.name));
  return isIndependent && ownPaths.some((path) => isBelow(path) && writes(path));
}
