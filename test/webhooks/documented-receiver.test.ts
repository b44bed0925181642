import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { until } from '../support/barrier.ts';
import { startGateway } from '../support/gateway.ts';
import { get } from '../support/request.ts';
import { smallApi } from '../support/small-api.ts';
import { NEXT_SECRET, SECRET } from './receiver.ts';

/* The receiver of docs/webhooks.md, as it stands there. */

type Receiver = (
  secret: string,
  changed: (paths: string[], tags: string[]) => void,
  resync: (lastEventId: string) => void,
) => Server;

const root = new URL('../../', import.meta.url).pathname;

/** Written to a folder of this repository, from where it finds the library. */
async function documented(): Promise<Receiver> {
  const [, code = ''] = /```js\n([\s\S]*?)```/.exec(readFileSync(join(root, 'docs/webhooks.md'), 'utf8')) ?? [];
  const folder = mkdtempSync(join(root, 'test/webhooks/.receiver-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'receiver.mjs');
  writeFileSync(file, code);
  const { receiver } = (await import(/* @vite-ignore */ pathToFileURL(file).href)) as { receiver: Receiver };
  return receiver;
}

test('the documented receiver hears what changes, once, and refuses what is signed with another secret', async () => {
  const receiver = await documented();
  const heard: unknown[] = [];
  const server = receiver(
    SECRET,
    (paths) => void heard.push(paths),
    (lastEventId) => void heard.push(lastEventId),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const api = await smallApi();
  const endpoint = (name: string, secret: string): string =>
    `\n  - { name: ${name}, url: "${url}", secret: "${secret}", allowHttp: true, allow: [127.0.0.1] }`;
  const both = endpoint('right', SECRET) + endpoint('wrong', NEXT_SECRET);
  const gateway = await startGateway(api.origin.url, `webhooks:${both}`);
  onTestFinished(async () => {
    await gateway.stop();
    await api.origin.close();
    server.closeAllConnections();
    server.close();
  });
  await get(`${gateway.url}/a`, { method: 'PUT', body: '{}' });
  await until(() => heard.length === 2);
  expect(heard).toEqual([expect.stringMatching(/-0$/), ['/a']]);
  await until(() => gateway.logs.some(({ webhook, reason }) => webhook === 'wrong' && reason === 'status 400'));
});
