import { expect, onTestFinished, test } from 'vitest';
import { gate } from '../support/barrier.ts';
import { until } from '../support/scripted-origin.ts';
import { ask, begin, every, gateway, send, useScriptedRig } from '../support/scripted-rig.ts';
import { sseClient } from '../support/sse-client.ts';
import { endpointAt, startReceiver } from '../webhooks/receiver.ts';

/* What an event names that its write has carried over from another one (coherence/in-flight.ts). */

useScriptedRig();

/** While a write is held, another one touches what the first has read. The path of that one is not cached. */
test.each([
  ['a rule that declares its event', ', event: thing.changed'],
  ['a rule that declares none', ''],
])('%s shows no more of another write than that write did', async (_, declared) => {
  const held = gate();
  every((request, response) => {
    response.setHeader('Content-Type', 'application/json');
    response.setHeader('Cache-Control', 'max-age=60');
    const answer = () => response.end('{"id":1,"list":7}');
    if (request.url === '/things/1' && request.method === 'PUT') void held.pass().then(answer);
    else answer();
  });
  const receiver = await startReceiver();
  onTestFinished(() => receiver.close());
  await begin(`routes:
  - { match: "/reset/**", cache: off }
rules:
  - { name: thing, on: "PUT /things/:id", invalidate: ["/lists/{before.list, response.list}"]${declared} }
  - { name: reset, on: "POST /reset/:token", invalidate: [/things/1, /pages/1] }
webhooks:
  - ${endpointAt(receiver)}`);
  const anybody = await sseClient(`${gateway.url}/_unstale/events`);
  await ask('/things/1');
  const writing = send('PUT', '/things/1', { body: '{"list":7}', headers: { 'content-type': 'application/json' } });
  await held.arrived();
  await send('POST', '/reset/S3CRET');
  held.release();
  await writing;
  await send('PUT', '/last');

  await until(() => anybody.received.includes('/last'));
  await receiver.until((all) => all.some(({ data }) => data.paths?.includes('/last')));
  expect(anybody.received).not.toContain('S3CRET');
  expect(JSON.stringify(receiver.delivered)).not.toContain('S3CRET');
  // What is cached is named by both: a copy may have been stored between them.
  const told = [anybody.events.map((event) => event.json<{ paths: string[] }>().paths), receiver.events.map(pathsOf)];
  for (const each of told) {
    expect(each.flat().filter((path) => path === '/pages/1')).toHaveLength(2);
    expect(each.flat().filter((path) => path === '/lists/7')).toHaveLength(1);
  }
  expect(anybody.events.some(({ type }) => type === 'thing.changed')).toBe(declared !== '');
});

const pathsOf = ({ data }: { readonly data: { readonly paths?: string[] } }): string[] => data.paths ?? [];
