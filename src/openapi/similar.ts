import type { Shape } from './api-schema.ts';
import type { ApiPath } from './operations.ts';

/** Members that most representations have. They do not show what one is of. */
const common =
  /^(?:_?id|uuid|name|title|type|kind|object|description|url|uri|href|self|links?|_links|metadata|status|state|created.*|updated.*|deleted.*|modified.*|html_url|node_id)$/i;

/** Whether two schemas describe the same thing, in full or in short: by name, or by most of their members. */
export function alike(a: Shape, b: Shape): boolean {
  if (a.own.some((name) => b.own.includes(name))) return true;
  const [less, more] = a.properties.size < b.properties.size ? [a, b] : [b, a];
  const telling = [...less.properties.keys()].filter((name) => !common.test(name));
  const shared = telling.filter((name) => more.properties.has(name));
  return shared.length >= 2 && shared.length >= telling.length * 0.6;
}

interface Member {
  readonly path: ApiPath;
  readonly shape: Shape;
}

/** Groups of paths whose representations are alike. What has none joins the group whose paths begin like it. */
export function grouped(members: readonly Member[]): Member[][] {
  const groups: Member[][] = [];
  for (const member of members.filter(({ shape }) => shape.properties.size > 0)) {
    const same = groups.find((group) => group.some(({ shape }) => alike(shape, member.shape)));
    if (same === undefined) groups.push([member]);
    else same.push(member);
  }
  for (const member of members.filter(({ shape }) => shape.properties.size === 0)) {
    const beginning = (group: readonly Member[]): number =>
      Math.max(...group.map(({ path }) => commonLength(path.shape, member.path.shape)));
    const [nearest] = groups.toSorted((a, b) => beginning(b) - beginning(a));
    if (nearest === undefined) groups.push([member]);
    else nearest.push(member);
  }
  return groups.toSorted((a, b) => b.length - a.length);
}

function commonLength(a: string, b: string): number {
  let i = 0;
  while (i < a.length && a[i] === b[i]) i++;
  return i;
}
