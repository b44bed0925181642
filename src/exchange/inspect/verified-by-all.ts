import { type ComparedCopy, type Verified, verified } from './verify.ts';

/** What another process of this node has found, or why it cannot tell. */
export type FoundByOther = readonly Verified[] | { readonly failed: string };

/**
 * What all processes of this node have stored for the same URLs: each has a memory of its own.
 * @param silent how many of them have not answered
 */
export function verifiedByAll(
  own: readonly Verified[],
  others: readonly FoundByOther[],
  silent: number,
): readonly Verified[] {
  const failed = others.flatMap((found) => ('failed' in found ? [found.failed] : []));
  const missing = [
    ...(silent > 0 ? [`${silent} of the processes of this node did not answer: ask again`] : []),
    ...(failed.length > 0 ? [`another process of this node cannot tell: ${failed[0]}`] : []),
  ];
  return own.map((mine, i) => {
    const found = [mine, ...others.flatMap((each) => ('failed' in each ? [] : (each[i] ?? [])))];
    const copies = withoutRepeated(found.flatMap((each) => each.copies));
    const left = found.reduce((sum, each) => sum + each.left, 0);
    // As within one process: where there are copies, they are what there is.
    const whys = copies.length > 0 ? [] : found.flatMap(({ why }) => why ?? []);
    return verified({ url: mine.url, copies, left, why: missing[0] ?? whys[0], lookedIn: mine.lookedIn });
  });
}

/** Every process looks into the tier that all share. */
function withoutRepeated(copies: readonly ComparedCopy[]): ComparedCopy[] {
  const seen = new Set<string>();
  return copies.filter((copy) => {
    if (copy.in !== 'redis') return true;
    const name = JSON.stringify([copy.of, copy.selecting]);
    const isNew = !seen.has(name);
    seen.add(name);
    return isNew;
  });
}
