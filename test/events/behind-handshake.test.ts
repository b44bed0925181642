import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Gate, gate, until } from '../support/barrier.ts';
import { type RawClient, rawClient } from '../support/raw-client.ts';
import { get } from '../support/request.ts';
import { begin, every, gateway, useScriptedRig } from '../support/scripted-rig.ts';
import { token } from '../support/tokens.ts';
import { handshakeFields } from '../support/web-socket-handshake.ts';

/* What a client of a WebSocket sends while the keys that verify its token are fetched. */

useScriptedRig();

let keys: Server;
let held: Gate;
let client: RawClient;

beforeEach(async () => {
  const pair = await generateKeyPair('ES256', { extractable: true });
  const jwk = { ...(await exportJWK(pair.publicKey)), alg: 'ES256', use: 'sig' };
  held = gate();
  keys = createServer((_, response) => {
    void held.pass().then(() => response.end(JSON.stringify({ keys: [jwk] })));
  });
  await new Promise<void>((resolve) => keys.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(keys.address() as AddressInfo).port}/keys`;
  every((_, response) => void response.writeHead(204).end());
  await begin(`events: { auth: { jwt: { jwks: "${url}", issuer: me, audience: you } } }`);
  client = await rawClient(gateway.url);
  const handshake = [
    'GET /_unstale/ws HTTP/1.1',
    'Host: h.test',
    ...handshakeFields,
    `Authorization: Bearer ${await token({ iss: 'me', aud: 'you' }, { key: pair.privateKey, alg: 'ES256' })}`,
    '\r\n',
  ];
  client.write(handshake.join('\r\n'));
  await held.arrived();
});
afterEach(async () => {
  held.release();
  await client.close();
  keys.close();
});

/** Masked text frames with the mask 0, each a ping of so many bytes. */
function pings(count: number, bytes: number): Buffer {
  const frame = Buffer.concat([
    Buffer.from([0x81, 0x80 | 126, bytes >> 8, bytes & 0xff, 0, 0, 0, 0]),
    Buffer.from('{"type":"ping"}'.padEnd(bytes)),
  ]);
  return Buffer.concat(Array.from({ length: count }, () => frame));
}

const answered = (): number => client.pending.toString('latin1').split('"pong"').length - 1;
/** Another connection is answered: what was sent before has come. */
const hasCome = async (): Promise<void> => void (await get(`${gateway.url}/another`));

test.each([
  ['less than a stream holds', 1, 1_000],
  ['as much as a stream holds', 2, 15_000],
  ['as much as one reads at once', 4, 16_000],
  ['more than waits', 20, 16_000],
])('all of it is read: %s', async (_, count, bytes) => {
  client.write(pings(count, bytes));
  await hasCome();
  held.release();
  await until(() => client.pending.includes('"ready"') || client.isEnded, 'the subscription');
  client.write(pings(1, 126));
  await until(() => answered() > count || client.isEnded, `answers to ${count + 1} pings`);
  expect([answered(), client.isEnded]).toEqual([count + 1, false]);
});
