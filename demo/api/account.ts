import { randomBytes } from 'node:crypto';
import { readJson } from './body.ts';
import { notifications, users } from './collections.ts';
import type { Database, Queries } from './database.ts';
import { type Call, HttpError, json } from './exchange.ts';
import { type ColumnValues, readFields } from './fields.ts';
import { languageOf } from './language.ts';
import { deleteRow, documentOf, idOf, insertRow, listOf, notFound, type Resource, updateRow } from './resource.ts';
import type { RouteTable } from './route-table.ts';

const me: Resource = { ...users, document: 'me_document' };
const dashboard: Resource = { ...users, document: 'dashboard_document' };

/**
 * Users, and resources that depend on the user. All are marked `public, max-age=300` like the rest: that is the trap.
 */
export function accountRoutes(db: Database): RouteTable {
  return {
    '/users': { POST: async (call) => createUser(db, readFields(users.fields, await readJson(call), 'create')) },
    // Must come before `/users/:id`, which would take "me" for an id.
    '/users/me': {
      GET: async (call) => json(200, await documentOf(db, me, await userOf(db, call), languageOf(call))),
      PATCH: async (call) => {
        const id = await userOf(db, call);
        const values = readFields(users.fields, await readJson(call), 'change');
        const body = await db.transaction(async (tx) => {
          await updateRow(tx, users, id, { mode: 'change', values });
          return documentOf(tx, me, id, languageOf(call));
        });
        return json(200, body);
      },
    },
    '/users/:id': {
      GET: async (call) => json(200, await documentOf(db, users, idOf(call, 'user'), languageOf(call))),
    },
    '/dashboard': {
      GET: async (call) => json(200, await documentOf(db, dashboard, await userOf(db, call), languageOf(call))),
    },
    ...notificationRoutes(db),
  };
}

function notificationRoutes(db: Database): RouteTable {
  return {
    '/notifications': {
      GET: async (call) => json(200, await listOf(db, notifications, call.query, { userId: await userOf(db, call) })),
      POST: async (call) => {
        const userId = await userOf(db, call);
        const values = readFields(notifications.fields, await readJson(call), 'create');
        const { id, body } = await db.transaction(async (tx) => {
          const created = await insertRow(tx, notifications, new Map([...values, ['user_id', userId]]));
          return { id: created, body: await documentOf(tx, notifications, created, languageOf(call)) };
        });
        return json(201, body, { location: `/notifications/${id}` });
      },
    },
    '/notifications/:id': {
      PATCH: async (call) => {
        const userId = await userOf(db, call);
        const id = idOf(call, 'notification');
        const values = readFields(notifications.fields, await readJson(call), 'change');
        const body = await db.transaction(async (tx) => {
          await requireOwn(tx, userId, id);
          await updateRow(tx, notifications, id, { mode: 'change', values });
          return documentOf(tx, notifications, id, languageOf(call));
        });
        return json(200, body);
      },
      DELETE: async (call) => {
        const userId = await userOf(db, call);
        const id = idOf(call, 'notification');
        await db.transaction(async (tx) => {
          await requireOwn(tx, userId, id);
          await deleteRow(tx, notifications, id);
        });
        return { status: 204 };
      },
    },
  };
}

/** Creates a user. Only this answer contains the token, which is stored as a hash. */
async function createUser(db: Database, values: ColumnValues) {
  const token = randomBytes(24).toString('base64url');
  const { id, body } = await db.transaction(async (tx) => {
    const hash = await tx.query<{ hash: Uint8Array }>('select sha256(convert_to($1, $2)) as hash', [token, 'UTF8']);
    const created = await insertRow(tx, users, new Map([...values, ['token_hash', hash[0]?.hash]]));
    return { id: created, body: await documentOf(tx, me, created, 'en') };
  });
  return json(201, JSON.stringify({ ...JSON.parse(body), token }), { location: `/users/${id}` });
}

/** Hides other users' notifications. @throws HttpError 404 */
async function requireOwn(db: Queries, userId: number, id: number): Promise<void> {
  const own = await db.query('select id from notifications where id = $1 and user_id = $2', [id, userId]);
  if (own.length === 0) throw notFound(notifications.singular, id);
}

/** The user of the bearer token (RFC 6750 §2.1) or, without one, of the cookie `session`. @throws HttpError 401 */
async function userOf(db: Queries, call: Call): Promise<number> {
  const bearer = /^Bearer +(\S+)$/i.exec(call.headers.authorization ?? '')?.[1];
  const token = bearer ?? /(?:^|; *)session=([^;]*)/.exec(call.headers.cookie ?? '')?.[1];
  if (token !== undefined) {
    const sql = 'select id from users where token_hash = sha256(convert_to($1, $2))';
    const [user] = await db.query<{ id: number }>(sql, [token, 'UTF8']);
    if (user !== undefined) return user.id;
  }
  throw new HttpError(401, 'unauthorized', 'Send a user token: Authorization: Bearer … or the cookie session.', {
    headers: { 'www-authenticate': 'Bearer realm="travel"' },
  });
}
