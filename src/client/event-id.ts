/** The order of event ids, `<epoch>-<position>[.<n>]`. */

const parse = (id: string): readonly [epoch: string, position: number, further: number] => {
  const at = id.lastIndexOf('-');
  const [position, further] = id.slice(at + 1).split('.');
  return [id.slice(0, at), Number(position), Number(further ?? 0)];
};

/** Below 0 if `a` comes first, above 0 if `b` does. NaN if they are of different logs, or are no ids of a gateway. */
export function compareIds(a: string, b: string): number {
  if (a === b) return 0;
  const [one, other] = [parse(a), parse(b)];
  return one[0] === other[0] ? one[1] - other[1] || one[2] - other[2] : Number.NaN;
}

/** Whether nothing is known that comes later. Ids that cannot be compared may do. */
export const isNewer = (id: string, than: string | undefined): boolean =>
  than === undefined || !(compareIds(id, than) <= 0);
