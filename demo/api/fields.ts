import { HttpError } from './exchange.ts';

/** The largest value of PostgreSQL's `int`, and so the largest id. */
export const MAX_INT = 2_147_483_647;
/** Maximum length of a text field, in UTF-16 units. */
const MAX_TEXT = 10_000;

type Kind = 'integer' | 'text' | 'boolean' | 'date' | 'timestamp';

/** A field that clients may write. Its column is its name in snake_case. */
export interface Field {
  readonly name: string;
  readonly kind: Kind;
  /** Required in POST and PUT. */
  readonly required?: true;
  readonly nullable?: true;
}

/**
 * What happens to fields that the body does not name: `create` uses the column's default, `replace` resets them to it,
 * `change` leaves them alone. So a PUT of a partial document loses data: real APIs do that, and the gateway has to
 * cope.
 */
export type WriteMode = 'create' | 'replace' | 'change';

/** Column → value, for the fields in the body. */
export type ColumnValues = ReadonlyMap<string, unknown>;

/** Ignores fields that clients cannot write (`id`, `version`, embedded children): clients send back what they read. */
export function readFields(fields: readonly Field[], body: unknown, mode: WriteMode): ColumnValues {
  if (!isObject(body)) throw new HttpError(422, 'unprocessable', 'The body must be a JSON object.');
  const values = new Map<string, unknown>();
  const problems: { field: string; problem: string }[] = [];
  for (const field of fields) {
    if (!Object.hasOwn(body, field.name)) {
      if (field.required && mode !== 'change') problems.push({ field: field.name, problem: 'is required' });
      continue;
    }
    const value = body[field.name];
    const problem = problemWith(field, value);
    if (problem === undefined) values.set(columnOf(field), value);
    else problems.push({ field: field.name, problem });
  }
  if (problems.length === 0) return values;
  const message = problems.map(({ field, problem }) => `${field} ${problem}`).join('; ');
  throw new HttpError(422, 'unprocessable', `${message}.`, { details: { fields: problems } });
}

export function columnOf(field: Field): string {
  return field.name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function problemWith(field: Field, value: unknown): string | undefined {
  if (value === null) return field.nullable ? undefined : 'must not be null';
  const check = checks[field.kind];
  return check.holds(value) ? undefined : check.problem;
}

const checks: Record<Kind, { holds: (value: unknown) => boolean; problem: string }> = {
  integer: {
    holds: (value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= MAX_INT,
    problem: `must be an integer from 0 to ${MAX_INT}`,
  },
  text: {
    holds: (value) => typeof value === 'string' && value.trim() !== '' && value.length <= MAX_TEXT,
    problem: `must be a text of 1 to ${MAX_TEXT} characters`,
  },
  boolean: { holds: (value) => typeof value === 'boolean', problem: 'must be true or false' },
  date: { holds: (value) => isText(value, /^\d{4}-\d\d-\d\d$/), problem: 'must be a date: YYYY-MM-DD' },
  timestamp: {
    holds: (value) => isText(value, /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/),
    problem: 'must be a timestamp: YYYY-MM-DDTHH:MM:SSZ',
  },
};

function isText(value: unknown, form: RegExp): boolean {
  return typeof value === 'string' && form.test(value);
}
