import { expect, test } from 'vitest';
import { gateway, origin, send, useScriptedRig } from '../support/scripted-rig.ts';

/** With a thousand ids in a body they are more than a function can have arguments. */
const kinds = Array.from({ length: 130 }, (_, i) => `"/kind-${i}/{request.ids[*]}"`);

useScriptedRig(`
server: { listen: "127.0.0.1:0" }
defaults: { cache: { ttl: 60s } }
rules: [{ name: many, on: PUT /many, invalidate: ["/parents/7", ${kinds}] }]
`);

test('a body that names a hundred thousand targets', async () => {
  origin.on(
    () => true,
    (_request, response) => void response.end('ok'),
  );
  const paths = ['/parents/7', '/kind-0/0', '/kind-129/999', '/kind-129/1000'];
  for (const path of paths) await send('GET', path);
  const ids = Array.from({ length: 1_000 }, (_, id) => id);
  expect((await send('PUT', '/many', { body: JSON.stringify({ ids }) })).status).toBe(200);
  expect(gateway.logs.find(({ msg }) => msg === 'write')).toMatchObject({ outcome: 'applied', of: 130_002 });
  const left: string[] = [];
  for (const path of paths) {
    if (String((await send('GET', path)).headers['cache-status']).includes('hit')) left.push(path);
  }
  expect(left).toEqual(['/kind-129/1000']);
});
