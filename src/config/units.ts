import { ValueError } from './value-error.ts';

const SECOND_MS = 1000;
export const DAY_MS = 86_400_000;
/** 2^31 seconds, which caches treat as "forever" (RFC 9111 §1.2.2). */
export const MAX_DELTA_MS = 2 ** 31 * SECOND_MS;

const durations: Readonly<Record<string, number>> = { ms: 1, s: SECOND_MS, m: 60_000, h: 3_600_000, d: DAY_MS };
const sizes: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};

/** In milliseconds for durations, in bytes for sizes; both ends included. */
export interface Bounds {
  readonly min: number;
  readonly max: number;
}

/** `250ms`, `60s`, `10m`, `1h`, `1d`, in milliseconds. @throws ValueError */
export function parseDuration(text: string, bounds: Bounds): number {
  return parseQuantity(text, { what: 'duration', example: '250ms, 60s, 10m, 1h or 1d', factors: durations, bounds });
}

/** `512B`, `64KiB`, `8MiB`, `1GiB`, and `kB`, `MB`, `GB` of 1000; in bytes. @throws ValueError */
export function parseSize(text: string, bounds: Bounds): number {
  return parseQuantity(text, { what: 'size', example: '64KiB, 8MiB or 1GiB', factors: sizes, bounds });
}

interface Quantity {
  readonly what: string;
  readonly example: string;
  readonly factors: Readonly<Record<string, number>>;
  readonly bounds: Bounds;
}

function parseQuantity(text: string, { what, example, factors, bounds }: Quantity): number {
  const [, digits = '', unit = ''] = /^(\d+)([A-Za-z]*)$/.exec(text) ?? [];
  if (digits === '') throw new ValueError(`"${text}" is not a ${what}`, `write a whole number and a unit: ${example}`);
  // No default unit: one reader's seconds are another's milliseconds.
  if (unit === '') throw new ValueError(`"${text}" has no unit`, `write a ${what} like ${example}`);
  const factor = Object.hasOwn(factors, unit) ? factors[unit] : undefined;
  if (factor === undefined) {
    const meant = Object.keys(factors).find((known) => known.toLowerCase() === unit.toLowerCase());
    const hint = meant === undefined ? `write a ${what} like ${example}` : `write ${digits}${meant}`;
    throw new ValueError(`"${unit}" is not a unit of a ${what}`, hint);
  }
  const amount = Number(digits) * factor;
  const { min, max } = bounds;
  if (amount < min) throw new ValueError(`"${text}" is too small`, `the minimum is ${spell(min, factors)}`);
  if (amount > max) throw new ValueError(`"${text}" is too large`, `the maximum is ${spell(max, factors)}`);
  return amount;
}

/** An amount in the largest unit that gives a whole number. */
function spell(amount: number, factors: Readonly<Record<string, number>>): string {
  const whole = Object.entries(factors).filter(([, factor]) => amount % factor === 0 && amount >= factor);
  const [unit, factor] = whole.reduce((best, next) => (next[1] > best[1] ? next : best), ['', 0]);
  return factor === 0 ? `0${Object.keys(factors)[0]}` : `${amount / factor}${unit}`;
}
