import { mediaType, readBytes } from './body.ts';
import { steps } from './collections.ts';
import type { Database } from './database.ts';
import { type Call, conditional, type Handler, HttpError, json } from './exchange.ts';
import { idOf, notFound } from './resource.ts';
import type { RouteTable } from './route-table.ts';

const imageTypes: readonly string[] = ['image/gif', 'image/jpeg', 'image/png', 'image/webp'];

/** A step's picture. It is a column of the step, so writing it also increments the step's version. */
export function thumbnailRoutes(db: Database): RouteTable {
  return { '/steps/:id/thumbnail': { GET: read(db), PUT: replace(db), DELETE: remove(db) } };
}

/** One of the few routes with a validator: a strong one, the hash of the bytes. */
function read(db: Database): Handler {
  return async (call) => {
    const id = idOf(call, steps.singular);
    const sql = `select thumbnail as bytes, thumbnail_type as type, encode(sha256(thumbnail), 'hex') as hash
      from steps where id = $1 and thumbnail is not null`;
    const [row] = await db.query<{ bytes: Uint8Array; type: string; hash: string }>(sql, [id]);
    if (row === undefined) throw notFound('thumbnail of step', id);
    const headers = { 'content-type': row.type, etag: `"${row.hash}"` };
    return conditional(call, { status: 200, headers, body: row.bytes });
  };
}

function replace(db: Database): Handler {
  return async (call) => {
    const id = idOf(call, steps.singular);
    const bytes = await imageIn(call);
    const sql = `update steps set thumbnail = $2, thumbnail_type = $3 where id = $1
      returning old.thumbnail is null as created, json_build_object('stepId', id, 'tripId', trip_id,
        'thumbnailUrl', '/steps/' || id || '/thumbnail', 'bytes', length(thumbnail), 'version', version)::text as body`;
    const [row] = await db.query<{ created: boolean; body: string }>(sql, [id, bytes, mediaType(call)]);
    if (row === undefined) throw notFound(steps.singular, id);
    return row.created ? json(201, row.body, { location: call.path }) : json(200, row.body);
  };
}

function remove(db: Database): Handler {
  return async (call) => {
    const id = idOf(call, steps.singular);
    const sql = `update steps set thumbnail = null, thumbnail_type = null
      where id = $1 and thumbnail is not null returning id`;
    if ((await db.query(sql, [id])).length === 0) throw notFound('thumbnail of step', id);
    return { status: 204 };
  };
}

async function imageIn(call: Call): Promise<Buffer> {
  if (!imageTypes.includes(mediaType(call))) {
    throw new HttpError(415, 'unsupported_media_type', `A thumbnail must be one of ${imageTypes.join(', ')}.`);
  }
  const bytes = await readBytes(call.body);
  if (bytes.length === 0) throw new HttpError(422, 'unprocessable', 'The thumbnail is empty.');
  return bytes;
}
