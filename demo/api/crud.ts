import { readJson } from './body.ts';
import type { Database } from './database.ts';
import { type Call, conditional, type Handler, HttpError, json, type Reply } from './exchange.ts';
import { isObject, MAX_INT, readFields } from './fields.ts';
import { languageOf } from './language.ts';
import { deleteRow, documentOf, idOf, insertRow, listOf, type Resource, updateRow } from './resource.ts';
import type { RouteTable } from './route-table.ts';

/** Limit on the elements of a batch, which is one transaction that blocks all other requests. */
export const MAX_BATCH = 100;

interface Options {
  /** `PATCH` on the collection takes an array of `{id, …}` and answers with an array. */
  readonly batch?: true;
  /** Adds a weak validator: `W/"<singular>-<id>-<version>"`. Few routes have one. */
  readonly weakEtag?: true;
}

/** The routes of a collection and its members. */
export function crudRoutes(db: Database, resource: Resource, options: Options = {}): RouteTable {
  const collection = {
    GET: async (call: Call) => json(200, await listOf(db, resource, call.query)),
    POST: create(db, resource),
  };
  return {
    [`/${resource.plural}`]: options.batch ? { ...collection, PATCH: changeMany(db, resource) } : collection,
    [`/${resource.plural}/:id`]: {
      GET: read(db, resource, options.weakEtag === true),
      PUT: writeOne(db, resource, 'replace'),
      PATCH: writeOne(db, resource, 'change'),
      DELETE: async (call) => {
        await deleteRow(db, resource, idOf(call, resource.singular));
        return { status: 204 };
      },
    },
  };
}

/** One representation. If it is localised, adds `Content-Language` and `Vary`. */
function representation(call: Call, resource: Resource, status: number, body: string): Reply {
  if (!resource.localised) return json(status, body);
  return json(status, body, { 'content-language': languageOf(call), vary: 'Accept-Language' });
}

function read(db: Database, resource: Resource, weakEtag: boolean): Handler {
  return async (call) => {
    const id = idOf(call, resource.singular);
    const body = await documentOf(db, resource, id, languageOf(call));
    const reply = representation(call, resource, 200, body);
    if (!weakEtag) return reply;
    const etag = `W/"${resource.singular}-${id}-${versionIn(body)}"`;
    return conditional(call, { ...reply, headers: { ...reply.headers, etag } });
  };
}

function create(db: Database, resource: Resource): Handler {
  return async (call) => {
    const values = readFields(resource.fields, await readJson(call), 'create');
    const { id, body } = await db.transaction(async (tx) => {
      const created = await insertRow(tx, resource, values);
      return { id: created, body: await documentOf(tx, resource, created, languageOf(call)) };
    });
    const reply = representation(call, resource, 201, body);
    return { ...reply, headers: { ...reply.headers, location: `/${resource.plural}/${id}` } };
  };
}

function writeOne(db: Database, resource: Resource, mode: 'replace' | 'change'): Handler {
  return async (call) => {
    const id = idOf(call, resource.singular);
    const values = readFields(resource.fields, await readJson(call), mode);
    // One transaction, so that the answer shows this write and no later one.
    const body = await db.transaction(async (tx) => {
      await updateRow(tx, resource, id, { mode, values });
      return documentOf(tx, resource, id, languageOf(call));
    });
    return representation(call, resource, 200, body);
  };
}

/** Writes all elements or none. The answer is in the order of the request. */
function changeMany(db: Database, resource: Resource): Handler {
  return async (call) => {
    const elements = await readJson(call);
    if (!Array.isArray(elements) || elements.length > MAX_BATCH) {
      throw new HttpError(422, 'unprocessable', `The body must be an array of at most ${MAX_BATCH} objects.`);
    }
    const changes = elements.map((element: unknown) => ({
      id: batchId(element),
      values: readFields(resource.fields, element, 'change'),
    }));
    const bodies = await db.transaction(async (tx) => {
      for (const { id, values } of changes) await updateRow(tx, resource, id, { mode: 'change', values });
      const written: string[] = [];
      for (const { id } of changes) written.push(await documentOf(tx, resource, id, languageOf(call)));
      return written;
    });
    return json(200, `[${bodies.join(',')}]`);
  };
}

function batchId(element: unknown): number {
  const id = isObject(element) ? element.id : undefined;
  if (typeof id === 'number' && Number.isInteger(id) && id >= 1 && id <= MAX_INT) return id;
  throw new HttpError(422, 'unprocessable', 'Each element of the batch must be an object with the id of a row.');
}

function versionIn(body: string): number {
  const parsed: { version: number } = JSON.parse(body);
  return parsed.version;
}
