/* The bodies of the bench's origin. */

/** A JSON document of exactly `bytes` octets. */
export function jsonOf(bytes: number, fields: Readonly<Record<string, unknown>>): string {
  const bare = JSON.stringify({ ...fields, text: '' });
  return JSON.stringify({ ...fields, text: 'x'.repeat(Math.max(0, bytes - bare.length)) });
}

export const smallBytes = 1024;
export const largeBytes = 64 * 1024;

/** How many children belong to one parent: `PUT /children/57` names parent 5. `generator/load.lua` knows it too. */
export const childrenPerParent = 10;

const parentOf = (child: number): number => Math.floor(child / childrenPerParent);

/** The body of a write and of its answer. */
export const childOf = (id: number): string => jsonOf(smallBytes, { id, parentId: parentOf(id) });
