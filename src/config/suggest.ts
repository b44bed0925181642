/** Longer words are not compared: the cost is quadratic. */
const MAX_WORD = 64;

/** The most likely intended candidate: at most a third mistyped, ignoring case. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  if (word.length > MAX_WORD) return undefined;
  const distances = candidates
    .filter((candidate) => candidate.length <= MAX_WORD)
    .map((candidate) => ({ candidate, distance: distance(plain(word), plain(candidate)) }))
    .filter(({ candidate, distance }) => distance <= Math.floor(Math.max(word.length, candidate.length) / 3))
    .sort((a, b) => a.distance - b.distance);
  return distances[0]?.candidate;
}

/** A hint for an unknown name. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const meant = nearest(word, candidates);
  return meant === undefined ? `known: ${candidates.join(', ')}` : `did you mean "${meant}"?`;
}

/** `max_size` and `max-size` both mean `maxSize`. */
function plain(word: string): string {
  return word.replace(/[-_]/g, '').toLowerCase();
}

/** Levenshtein distance; a swap of two neighbours (`rotues`) counts as one mistake. */
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
