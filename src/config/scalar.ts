import { z } from 'zod';
import { didYouMean } from './suggest.ts';
import { type Bounds, parseDuration, parseSize } from './units.ts';
import { ValueError } from './value-error.ts';

/** The JSON Schema of a value as written. */
interface JsonForm {
  readonly type: 'string' | 'boolean' | 'integer' | ['string', 'number'];
  readonly pattern?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly examples?: readonly string[];
}

/** A scalar: its JSON Schema, and its parser, which throws `ValueError`. */
function scalar<T>(form: JsonForm, parse: (value: unknown) => T) {
  return z
    .unknown()
    .transform((input, context): T => {
      try {
        return parse(input);
      } catch (error) {
        if (!(error instanceof ValueError)) throw error;
        const params = { hint: error.hint, offset: error.offset };
        context.issues.push({ code: 'custom', message: error.message, params, input });
        return z.NEVER;
      }
    })
    .meta({ ...form });
}

/** A text, parsed. */
export function text<T = string>(form: Omit<JsonForm, 'type'>, parse: (value: string) => T) {
  return scalar({ type: 'string', ...form }, (value) => {
    if (typeof value === 'string') return parse(value);
    const isPlain = typeof value === 'number' || typeof value === 'boolean';
    const hint = isPlain ? `put it in quotes: "${value}"` : 'put it in quotes if it holds "{", "[", ": " or " #"';
    throw new ValueError(`expected text, found ${kindOf(value)}`, hint);
  });
}

/** A text that may look like a number, parsed. */
export function textOrNumber<T = string>(form: Omit<JsonForm, 'type'>, parse: (value: string) => T) {
  return scalar({ type: ['string', 'number'], ...form }, (value) => {
    if (typeof value === 'string' || typeof value === 'number') return parse(String(value));
    throw new ValueError(`expected text or a number, found ${kindOf(value)}`, 'write one value');
  });
}

/** One of a few words. */
export function choice<const Word extends string>(words: readonly Word[]) {
  return scalar({ type: 'string', enum: words }, (value) => {
    const found = words.find((word) => word === value);
    if (found !== undefined) return found;
    const written = typeof value === 'string' ? `"${value}"` : kindOf(value);
    throw new ValueError(
      `${written} is not one of ${words.join(', ')}`,
      didYouMean(Array.isArray(value) || typeof value !== 'object' ? String(value) : '', words),
    );
  });
}

/** `true` or `false`, also as text, since environment variables are text. */
export function flag() {
  return scalar({ type: 'boolean' }, (value) => {
    if (value === true || value === 'true') return true;
    if (value === false || value === 'false') return false;
    throw new ValueError(`expected true or false, found ${spell(value)}`, 'write true or false');
  });
}

/** A whole number, also as text, since environment variables are text. */
export function count({ min, max }: Bounds) {
  return scalar({ type: 'integer', minimum: min, maximum: max }, (value) => {
    const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
    if (typeof number === 'number' && Number.isInteger(number) && number >= min && number <= max) return number;
    throw new ValueError(`expected a whole number, found ${spell(value)}`, `write a number from ${min} to ${max}`);
  });
}

/** Parsed to milliseconds. */
export function duration(bounds: Bounds) {
  const form = {
    type: 'string',
    pattern: '^[0-9]+(ms|s|m|h|d)$',
    examples: ['250ms', '60s', '10m', '1h', '1d'],
  } as const;
  return scalar(form, (value) => parseDuration(quantityText(value, 's'), bounds));
}

/** A duration, or one of a few words instead. */
export function durationOr<const Word extends string>(words: readonly Word[], bounds: Bounds) {
  const pattern = `^([0-9]+(ms|s|m|h|d)|${words.join('|')})$`;
  const form = { type: 'string', pattern, examples: ['60s', '10m', ...words] } as const;
  return scalar(
    form,
    (value): Word | number => words.find((word) => word === value) ?? parseDuration(quantityText(value, 's'), bounds),
  );
}

/** Parsed to bytes. */
export function size(bounds: Bounds) {
  const pattern = '^[0-9]+(B|kB|MB|GB|KiB|MiB|GiB)$';
  return scalar({ type: 'string', pattern, examples: ['64KiB', '8MiB', '1GiB'] }, (value) =>
    parseSize(quantityText(value, 'MiB'), bounds),
  );
}

/** YAML reads an amount without a unit as a number. */
function quantityText(value: unknown, unit: string): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') throw new ValueError(`${value} has no unit`, `write for example ${value}${unit}`);
  throw new ValueError(`expected a number with a unit, found ${kindOf(value)}`, `write for example 60${unit}`);
}

function spell(value: unknown): string {
  if (typeof value === 'string') return `"${value}"`;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : kindOf(value);
}

/** In YAML's words. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (typeof value === 'boolean') return `${value}`;
  return typeof value === 'number' ? `the number ${value}` : 'text';
}
