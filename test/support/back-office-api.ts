import type { ScriptedOrigin } from './scripted-origin.ts';

export type Row = Record<string, unknown>;

/**
 * A back office's API that protects from nothing: a PUT replaces the whole row, whatever it leaves out, entity tags and
 * keys are unknown to it, and each write moves `updatedAt`.
 */
export interface BackOfficeApi {
  /** By path: `/settings`, `/team/1`. A test may change them past the gateway. */
  readonly rows: Map<string, Row>;
  /** Writes that it was sent: `PUT /settings`. */
  readonly writes: string[];
}

export function backOfficeApi(origin: ScriptedOrigin, initial: Readonly<Record<string, Row>>): BackOfficeApi {
  const rows = new Map(Object.entries(initial));
  const writes: string[] = [];
  let clock = 100;
  /** What a solution embeds, as its services are now. */
  const shown = (row: Row): Row => {
    if (!Array.isArray(row.services)) return row;
    return { ...row, services: row.services.map(({ id }: Row) => ({ id, name: rows.get(`/services/${id}`)?.name })) };
  };
  const read = (path: string): unknown => {
    const row = rows.get(path);
    if (row !== undefined) return shown(row);
    if (!['/team', '/services', '/solutions'].includes(path)) return undefined;
    return [...rows].flatMap(([other, each]) => (other.startsWith(`${path}/`) ? [shown(each)] : []));
  };
  const write = (method: string, path: string, text: string): { path: string; row: Row } => {
    const body: Row = text === '' ? {} : JSON.parse(text);
    const updatedAt = ++clock;
    const id = Number(path.split('/')[2] ?? clock);
    const target = method === 'POST' ? `${path}/${id}` : path;
    const kept = method === 'PATCH' ? rows.get(path) : { createdAt: updatedAt, ...(path !== '/settings' && { id }) };
    const row = { ...kept, ...body, updatedAt };
    if (method === 'DELETE') rows.delete(path);
    else rows.set(target, row);
    return { path: target, row };
  };
  origin.on(
    () => true,
    ({ method = '', url = '' }, response, { body }) => {
      const path = url.split('?', 1).join('');
      response.setHeader('Content-Type', 'application/json');
      if (method === 'GET') {
        const found = read(path);
        if (found === undefined) return void response.writeHead(404).end('{}');
        return void response.setHeader('Cache-Control', 'max-age=300').end(JSON.stringify(found));
      }
      writes.push(`${method} ${path}`);
      const written = write(method, path, body.toString());
      if (method === 'DELETE') return void response.writeHead(204).end();
      if (method === 'POST') response.writeHead(201, { Location: written.path });
      response.end(JSON.stringify(shown(written.row)));
    },
  );
  return { rows, writes };
}
