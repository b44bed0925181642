import { type DocumentApi, documentApi } from '../support/document-api.ts';
import { ask, origin, send } from '../support/scripted-rig.ts';

/* One document, /settings, for files that `useScriptedRig()`. */

export const json = { 'content-type': 'application/json' };
export const put = (body: string, headers: Record<string, string> = {}) =>
  send('PUT', '/settings', { body, headers: { ...json, ...headers } });
export const etagOf = async (headers: Record<string, string> = {}) =>
  String((await ask('/settings', { headers })).headers.etag);
export const serve = (etags: DocumentApi['etags'] = 'none') =>
  documentApi(origin, '/settings', { text: '{"a":1}', etags });

export const required = 'writes: [{ on: "* /settings", precondition: required }]';
export const cached = 'defaults: { cache: { ttl: 60s } }\n';
