/** The median of several rounds with minimum and maximum. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function spread(values: readonly number[]): Spread {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  return { median: quantile(sorted, 0.5), min: sorted[0] ?? Number.NaN, max: sorted[sorted.length - 1] ?? Number.NaN };
}

/** A quantile of `values`, which are in ascending order, with linear interpolation. NaN if there are none. */
export function quantile(values: readonly number[], q: number): number {
  const position = (values.length - 1) * q;
  const below = values[Math.floor(position)] ?? Number.NaN;
  const above = values[Math.ceil(position)] ?? Number.NaN;
  return below + (above - below) * (position - Math.floor(position));
}

export function ascending(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}
