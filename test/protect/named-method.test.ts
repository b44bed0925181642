import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { BodyMethods } from '../../src/exchange/write/body-method.ts';
import { Fields } from '../../src/http/fields.ts';
import { begin, isHitAt, origin, send, useScriptedRig } from '../support/scripted-rig.ts';

/* A POST may name another method, which many frameworks take in its place. It must not walk around `writes`. */

useScriptedRig();

const formType = 'application/x-www-form-urlencoded';
const partsType = 'multipart/form-data; boundary=XX';
const part = (disposition: string, value: string): string =>
  `--XX\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n${value}\r\n`;
const parts = (...all: string[]): string => `${all.join('')}--XX--\r\n`;
const file = (bytes: number): string => part('name="photo"; filename="a.png"', 'x'.repeat(bytes));
const limits = 'server: { listen: "127.0.0.1:0", limits: { resolveBody: 64KiB } }';

const writes = (on: string): string => `writes: [{ on: "${on} /settings", merge: true }]`;
const post = (body: string | Buffer, type: string | undefined, more: Record<string, string> = {}) =>
  send('POST', '/settings', { body, headers: { ...(type !== undefined && { 'content-type': type }), ...more } });

type Row = [string, string | Buffer, string | undefined, Record<string, string>?];
const naming: Row[] = [
  ['in a form', 'name=new&_method=put', formType],
  ['in a form, escaped', '%5Fmethod=%70ut', formType],
  ['in a form that names its own first', '_method=POST&_method=PUT', formType],
  ['in a form, as PHP reads it', '.method=put', formType],
  ['in a form, compressed', gzipSync('_method=put'), formType, { 'content-encoding': 'gzip' }],
  ['in a form without a type, as Rack reads it', '_method=put', undefined],
  ['in a form whose field names its own', '_method=put', formType, { 'x-http-method-override': 'POST' }],
  ['in a part', parts(part('name="_method"', 'PUT'), part('name="a"', '1')), partsType],
  ['in a part after a file', parts(file(1_000), part('name="_method"', 'put')), partsType],
  ['in a part, unquoted', parts(part('name=_method', 'put')), partsType],
  ['in a part that is not closed', part('name="_method"', 'put'), partsType],
  ['in a part, of a quoted boundary', parts(part('name="_method"', 'put')), 'multipart/form-data; boundary="XX"'],
  ['in JSON, as Laravel reads it', '{"name":"new","_method":"PUT"}', 'application/json'],
  ['in JSON, escaped', '{"\\u005fmethod":"PUT"}', 'application/vnd.api+json'],
];

describe('a POST that names a protected method', () => {
  describe.each(['PUT', 'POST|PUT'])('where an entry names %s', (on) => {
    it.each(naming)('%s is refused', async (_, body, type, more) => {
      await begin(writes(on));
      expect((await post(body, type, more)).status).toBe(400);
      expect(origin.seen).toEqual([]);
    });
  });

  it('in the last part of a long form is refused: the API never has all of it', async () => {
    await begin(`${limits}\n${writes('PUT')}`);
    const body = parts(file(1_000_000), part('name="_method"', 'put'));
    expect((await post(body, partsType)).status).toBe(400);
    expect(origin.seen.every((seen) => seen.body.byteLength < body.length)).toBe(true);
  });

  it('in a form that is too long to be held is refused', async () => {
    await begin(`${limits}\n${writes('PUT')}`);
    expect((await post(`a=${'x'.repeat(300_000)}&_method=put`, formType)).status).toBe(413);
    expect(origin.seen).toEqual([]);
  });
});

describe.each([
  [70, 204],
  [71, 400],
])('a form whose boundary has %i characters', (length, status) => {
  it(`is answered with ${status}`, async () => {
    await begin(writes('PUT'));
    origin.on('POST /settings', (_, response) => void response.writeHead(204).end());
    const boundary = 'x'.repeat(length);
    const body = `--${boundary}\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--${boundary}--\r\n`;
    expect((await post(body, `multipart/form-data; boundary=${boundary}`)).status).toBe(status);
    expect(origin.seen).toHaveLength(status === 204 ? 1 : 0);
  });
});

describe('a POST that names none', () => {
  it.each<Row>([
    ['a form', 'name=new&method=put', formType],
    ['a form that names its own', '_method=post', formType],
    [
      'parts of which one says so',
      parts(part('name="a"', 'Content-Disposition: form-data; name="_method"')),
      partsType,
    ],
    ['a file with such a name', parts(part('name="photo"; filename="_method"', 'PUT')), partsType],
    ['JSON with such a member further down', '{"a":{"_method":"PUT"}}', 'application/json'],
    ['a text', '_method=put', 'text/plain'],
    ['many parts', parts(file(1_000_000), part('name="_method"', 'post'), part('name="a"', '1')), partsType],
  ])('is sent as it is: %s', async (_, body, type) => {
    await begin(`${limits}\n${writes('PUT')}`);
    origin.on('POST /settings', (_request, response) => void response.writeHead(204).end());
    expect((await post(body, type)).status).toBe(204);
    expect(origin.seen.at(-1)?.body.equals(Buffer.from(body))).toBe(true);
  });

  it('is not looked at where no entry names its path', async () => {
    await begin('writes: [{ on: PUT /other, merge: true }]');
    origin.on('POST /settings', (_, response) => void response.writeHead(204).end());
    expect((await post('_method=put', formType)).status).toBe(204);
  });
});

it('rules of the method that a body names apply', async () => {
  await begin(`defaults: { cache: { ttl: 60s } }
rules: [{ on: DELETE /settings, invalidate: [/menu] }]
${writes('PUT')}`);
  origin.on('GET /menu', (_, response) => void response.end('menu'));
  origin.on('POST /settings', (_, response) => void response.writeHead(204).end());
  await isHitAt('/menu');
  for (const [body, stays] of [
    ['a=1', true],
    ['_method=delete', false],
  ] as const) {
    expect((await post(body, formType)).status).toBe(204);
    expect(await isHitAt('/menu')).toBe(stays);
  }
});

it('parts are found wherever the body is cut', () => {
  const body = Buffer.from(parts(file(50), part('name="_method"', 'put'), part('name="a"', 'x'.repeat(200))));
  for (let at = 0; at <= body.byteLength; at++) {
    const headers = new Fields(['Content-Type', partsType]);
    const methods = BodyMethods.of({ method: 'POST', headers });
    methods?.arrived(body.subarray(0, at));
    methods?.arrived(body.subarray(at));
    expect(methods?.named(body)).toEqual(['PUT']);
  }
});

it('a method that is longer than is held is none', () => {
  const methods = BodyMethods.of({ method: 'POST', headers: new Fields(['Content-Type', partsType]) });
  const chunks = [
    '--XX\r\nContent-Disposition: form-data; name="_method"\r\n\r\n',
    `put${'x'.repeat(100)}`,
    '\r\n--XX--',
  ];
  for (const chunk of chunks) methods?.arrived(Buffer.from(chunk));
  expect(methods?.named(Buffer.from(chunks.join('')))).toEqual([]);
});

it.each([
  ['in one piece', (text: string) => [text]],
  ['in two', (text: string) => [text.slice(0, 16_500), text.slice(16_500)]],
])('a part whose head is longer than is held is refused: %s', (_, cut) => {
  const methods = BodyMethods.of({ method: 'POST', headers: new Fields(['Content-Type', partsType]) });
  const padding = 'x'.repeat(16 * 1024);
  const text = `--XX\r\nContent-Disposition: form-data; x="${padding}"; name="_method"\r\n\r\nput\r\n--XX--`;
  const send = (): void => {
    for (const chunk of cut(text)) methods?.arrived(Buffer.from(chunk));
  };
  expect(send).toThrow('the head of a part is too long');
});
