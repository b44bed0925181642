/** Words longer than this are not compared: the cost grows with the square of the length. */
const MAX_WORD = 64;

/** The candidate that a word was most likely meant to be: a third of it mistyped at most, in any case of letters. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  if (word.length > MAX_WORD) return undefined;
  const distances = candidates
    .filter((candidate) => candidate.length <= MAX_WORD)
    .map((candidate) => ({ candidate, distance: distance(plain(word), plain(candidate)) }))
    .filter(({ candidate, distance }) => distance <= Math.floor(Math.max(word.length, candidate.length) / 3))
    .sort((a, b) => a.distance - b.distance);
  return distances[0]?.candidate;
}

/** What to say about a name that is none of those known. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const meant = nearest(word, candidates);
  return meant === undefined ? `known: ${candidates.join(', ')}` : `did you mean "${meant}"?`;
}

/** `max_size` and `max-size` are `maxSize` to whoever wrote them. */
function plain(word: string): string {
  return word.replace(/[-_]/g, '').toLowerCase();
}

/** Levenshtein, with a swap of two neighbours counted as one mistake (`tll` for `ttl` as well as `rotues`). */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = at(above, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped =
        i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(before, j - 2) + 1 : substituted;
      row.push(Math.min(at(above, j) + 1, at(row, j - 1) + 1, substituted, swapped));
    }
    before = above;
    above = row;
  }
  return at(above, b.length);
}

function at(row: readonly number[], i: number): number {
  return row[i] ?? Number.POSITIVE_INFINITY;
}
