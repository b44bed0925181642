import type { ApiModel } from './draft-model.ts';
import { type ApiPath, isBelow } from './operations.ts';
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
  const isBelowHolder = (path: ApiPath): boolean => holder.items.some((item) => isBelow(path, item));
  const ownPaths = [...resource.collections, ...resource.items];
  // Labels have paths of their own that are not below an issue, and paths below one that are written to.
  const isIndependent = resource.items.some((item) => !isBelowHolder(item) && resources.has(resource.name));
  return isIndependent && ownPaths.some((path) => isBelowHolder(path) && writes(path));
}
