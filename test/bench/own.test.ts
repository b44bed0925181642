import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeOwn } from '../../bench/cases/own.ts';
import { runningServer } from '../../bench/servers/server.ts';
import { type ScriptedOrigin, scriptedOrigin } from '../support/scripted-origin.ts';

let gateway: ScriptedOrigin;
beforeEach(async () => {
  gateway = await scriptedOrigin();
});
afterEach(() => gateway.close());

const describeAt = (url: string) =>
  describeOwn({ servers: [runningServer('against', new URL(url))], path: '/steps/7?lang=en' });

describe('before a load on a gateway of the user’s own', () => {
  it.each([
    ['a hit (Cache-Status: other; hit; ttl=5)', { 'Cache-Status': 'other; hit; ttl=5' }],
    ['a hit (Cache-Status: HIT from edge)', { 'X-Cache': 'HIT from edge' }],
    ['a hit (no Cache-Status)', { Age: '3' }],
    [
      'not a hit (Cache-Status: other; fwd=uri-miss; stored)',
      { 'Cache-Status': 'other; fwd=uri-miss; stored', Age: '0' },
    ],
    ['not a hit (Cache-Status: MISS)', { 'X-Cache': 'MISS' }],
    ['not a hit (no Cache-Status)', {}],
  ])('it says that the second answer is %s', async (said, fields: Record<string, string>) => {
    gateway.on('GET /steps/7?lang=en', (_, response) => void response.writeHead(200, fields).end('{}'));
    expect(await describeAt(gateway.url)).toBe(
      `against: ${gateway.url}/steps/7?lang=en, 2 octets; the second is ${said}`,
    );
    expect(gateway.seen).toHaveLength(2);
  });

  it('it refuses what is not answered 200', async () => {
    await expect(describeAt(gateway.url)).rejects.toThrow(
      `against: ${gateway.url}/steps/7?lang=en answers 404. The load needs a 200`,
    );
  });

  it('it says that nothing listens', async () => {
    const { url } = gateway;
    await gateway.close();
    await expect(describeAt(url)).rejects.toThrow(`${url}/steps/7?lang=en cannot be reached`);
  });
});
