import type { Queries } from './database.ts';
import { type Call, HttpError } from './exchange.ts';
import { type ColumnValues, columnOf, type Field, MAX_INT, type WriteMode } from './fields.ts';
import type { Language } from './language.ts';

/** A table that the API exposes. All names are constants: none of them comes from a request. */
export interface Resource {
  /** The name in messages: "accommodation". */
  readonly singular: string;
  /** The name of the collection: its path, its table and the JSON key of a list's rows. */
  readonly plural: string;
  /** The view whose columns are the JSON names. */
  readonly rows: string;
  /** The function `(id, language) → json` that builds one representation. */
  readonly document: string;
  readonly fields: readonly Field[];
  /** JSON names that a list can be filtered by: `?stepId=7`. */
  readonly filters: readonly string[];
  /** The representation depends on `Accept-Language`. */
  readonly localised?: true;
}

const DEFAULT_PER_PAGE = 20;
/** Limits on the rows of a page, which the database aggregates for each request. */
const MAX_PER_PAGE = 100;
const MAX_PAGE = 1_000_000;

/** The id in the path. @throws HttpError 404 if it is not a number that a row can have */
export function idOf(call: Call, singular: string): number {
  const text = call.params.id ?? '';
  const id = /^[1-9]\d{0,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(id <= MAX_INT)) throw notFound(singular, text);
  return id;
}

export function notFound(singular: string, id: number | string): HttpError {
  return new HttpError(404, 'not_found', `There is no ${singular} ${id}.`);
}

/** The representation as JSON text. PostgreSQL makes it in one statement, so it is consistent. @throws HttpError 404 */
export async function documentOf(db: Queries, resource: Resource, id: number, language: Language): Promise<string> {
  const sql = `select ${resource.document}($1, $2)::text as body`;
  const [row] = await db.query<{ body: string | null }>(sql, [id, language]);
  if (row === undefined || row.body === null) throw notFound(resource.singular, id);
  return row.body;
}

/**
 * One page as JSON text: `{page, perPage, total, <plural>: […]}`, ordered by id.
 * @param scope column of the view → value, for lists of one user
 * @throws HttpError 400 for a page or a filter that is not a number
 */
export async function listOf(
  db: Queries,
  resource: Resource,
  query: URLSearchParams,
  scope: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const page = numberIn(query, 'page', 1, MAX_PAGE) ?? 1;
  const perPage = numberIn(query, 'perPage', 1, MAX_PER_PAGE) ?? DEFAULT_PER_PAGE;
  const params: unknown[] = [page, perPage];
  const conditions = Object.entries(scope).map(([column, value]) => `"${column}" = $${params.push(value)}`);
  for (const filter of resource.filters) {
    const value = numberIn(query, filter, 0, MAX_INT);
    if (value !== undefined) conditions.push(`"${filter}" = $${params.push(value)}`);
  }
  const where = conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`;
  const sql = `
    select json_build_object(
      'page', $1::int, 'perPage', $2::int,
      'total', (select count(*) from ${resource.rows} ${where}),
      '${resource.plural}', coalesce((
        select json_agg(row_to_json(r) order by r.id)
        from (select * from ${resource.rows} ${where} order by id limit $2::int offset ($1::int - 1) * $2::int) r
      ), '[]')
    )::text as body`;
  const [row] = await db.query<{ body: string }>(sql, params);
  if (row === undefined) throw new Error(`the list of ${resource.plural} has no row`);
  return row.body;
}

function numberIn(query: URLSearchParams, name: string, least: number, most: number): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new HttpError(400, 'bad_request', `${name} must be a number from ${least} to ${most}.`);
}

/** @returns the new row's id */
export async function insertRow(db: Queries, resource: Resource, values: ColumnValues): Promise<number> {
  const columns = [...values.keys()];
  const places = columns.map((_, i) => `$${i + 1}`);
  const sql = `insert into ${resource.plural} (${columns.join(', ')}) values (${places.join(', ')}) returning id`;
  const [row] = await db.query<{ id: number }>(sql, [...values.values()]);
  if (row === undefined) throw new Error(`inserting into ${resource.plural} returned no row`);
  return row.id;
}

/**
 * Every write increments the version, even if nothing changes: the legacy API does not compare. @throws HttpError 404
 */
export async function updateRow(
  db: Queries,
  resource: Resource,
  id: number,
  { mode, values }: { mode: Exclude<WriteMode, 'create'>; values: ColumnValues },
): Promise<void> {
  const params: unknown[] = [id];
  const assignments = ['id = id'];
  for (const column of resource.fields.map(columnOf)) {
    if (values.has(column)) assignments.push(`${column} = $${params.push(values.get(column))}`);
    else if (mode === 'replace') assignments.push(`${column} = default`);
  }
  const sql = `update ${resource.plural} set ${assignments.join(', ')} where id = $1 returning id`;
  if ((await db.query(sql, params)).length === 0) throw notFound(resource.singular, id);
}

/** @throws HttpError 404 */
export async function deleteRow(db: Queries, resource: Resource, id: number): Promise<void> {
  const sql = `delete from ${resource.plural} where id = $1 returning id`;
  if ((await db.query(sql, [id])).length === 0) throw notFound(resource.singular, id);
}
