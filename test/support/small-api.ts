import type { IncomingMessage } from 'node:http';
import { type ScriptedOrigin, scriptedOrigin } from './scripted-origin.ts';

export interface Inn {
  id: number;
  stepId: number | null;
  name: string;
  updatedAt: number;
}

/**
 * Steps that embed their inns, trips that embed their steps: whatever a write changes shows in what stands above it.
 */
export interface SmallApi {
  readonly origin: ScriptedOrigin;
  readonly inns: Map<number, Inn>;
  /** Step → trip. */
  readonly trips: Map<number, number>;
  /** How a write answers: the representation, or 204 without one. */
  answers: 'representation' | 'nothing';
  /** GETs of a path so far. */
  reads(path: string): number;
  step(id: number): { id: number; tripId: number | undefined; inns: Inn[] };
}

export async function smallApi(): Promise<SmallApi> {
  const origin = await scriptedOrigin();
  const inns = new Map<number, Inn>([
    [42, { id: 42, stepId: 7, name: 'Inn', updatedAt: 1 }],
    [43, { id: 43, stepId: 7, name: 'Other', updatedAt: 1 }],
  ]);
  const trips = new Map([
    [7, 1],
    [9, 2],
  ]);
  let clock = 1;
  const api: SmallApi = {
    origin,
    inns,
    trips,
    answers: 'representation',
    reads: (path) => origin.requests(`GET ${path}`).length,
    step: (id) => ({ id, tripId: trips.get(id), inns: [...inns.values()].filter(({ stepId }) => stepId === id) }),
  };
  const read = (path: string): unknown => {
    const [, kind, id, below] = path.split('/');
    if (kind === 'inns') return id === undefined ? [...inns.values()] : inns.get(Number(id));
    if (kind === 'steps') return below === undefined ? api.step(Number(id)) : inns.get(Number(path.split('/')[4]));
    if (kind !== 'trips') return undefined;
    const steps = [...trips].filter(([, trip]) => trip === Number(id)).map(([step]) => api.step(step));
    return { id: Number(id), steps };
  };
  const write = (method: string, path: string, body: Partial<Inn>): Inn | undefined => {
    const id = Number(path.split('/').at(-1));
    if (method === 'DELETE') {
      inns.delete(id);
      return undefined;
    }
    const known = inns.get(id);
    const fresh = { id: Number.isNaN(id) ? inns.size + 100 : id, stepId: null, name: '' };
    const changed = { ...(known ?? fresh), ...body, updatedAt: ++clock };
    inns.set(changed.id, changed);
    return changed;
  };
  const path = (request: IncomingMessage): string => (request.url ?? '/').split('?')[0] ?? '/';
  origin.on(
    () => true,
    (request, response, { body }) => {
      const method = request.method ?? '';
      if (method !== 'GET') {
        // RFC 9110 §9.3.4
        const creates = method === 'PUT' && read(path(request)) === undefined;
        const json = body.length === 0 ? {} : (JSON.parse(body.toString()) as Partial<Inn>);
        const written = write(method, path(request), json);
        if (written === undefined || api.answers === 'nothing') return void response.writeHead(204).end();
        const headers = { 'Content-Type': 'application/json' };
        return void response.writeHead(creates ? 201 : 200, headers).end(JSON.stringify(written));
      }
      const found = read(path(request));
      if (found === undefined) return void response.writeHead(404).end();
      const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'max-age=60', ETag: `"${clock}"` };
      response.writeHead(200, headers).end(JSON.stringify(found));
    },
  );
  return api;
}
