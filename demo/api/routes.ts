import { accountRoutes } from './account.ts';
import { accommodations, activities, steps, trips } from './collections.ts';
import { crudRoutes } from './crud.ts';
import type { Database } from './database.ts';
import { HttpError, json } from './exchange.ts';
import { fileRoutes } from './files.ts';
import type { RouteTable } from './route-table.ts';
import { thumbnailRoutes } from './thumbnails.ts';

/** All routes of the API. */
export function travelRoutes(db: Database): RouteTable {
  return {
    ...crudRoutes(db, trips),
    ...crudRoutes(db, steps),
    ...thumbnailRoutes(db),
    ...crudRoutes(db, accommodations, { batch: true }),
    ...crudRoutes(db, activities, { batch: true, weakEtag: true }),
    ...accountRoutes(db),
    '/countries': { GET: async () => json(200, await countries(db)) },
    ...fileRoutes(),
    '/live': { GET: upgradeRequired },
  };
}

/** Reference data: nothing writes it. */
async function countries(db: Database): Promise<string> {
  const sql = `select json_build_object('countries', json_agg(json_build_object(
    'code', code, 'names', json_build_object('en', name_en, 'fr', name_fr), 'version', version) order by code))::text
    as body from countries`;
  const [row] = await db.query<{ body: string }>(sql);
  if (row === undefined) throw new Error('the query for countries returned no row');
  return row.body;
}

/** RFC 9110 §15.5.22. */
async function upgradeRequired(): Promise<never> {
  const headers = { upgrade: 'websocket', connection: 'upgrade' };
  throw new HttpError(426, 'upgrade_required', 'This is a WebSocket.', { headers });
}
