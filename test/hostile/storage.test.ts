import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { type Answer, get, type RequestOptions } from '../support/request.ts';
import { type ScriptedOrigin, scriptedOrigin } from '../support/scripted-origin.ts';

/* What a hostile client, or origin, tries of keys and of what is stored. Beside each attack a well-behaved client gets right answers. */

let origin: ScriptedOrigin;
let gateway: TestGateway;
beforeEach(async () => {
  origin = await scriptedOrigin();
});
afterEach(async () => {
  await gateway.stop();
  await origin.close();
});
const begin = async (yaml: string): Promise<void> => {
  gateway = await startGateway(origin.url, yaml);
};
const ask = (path: string, options: RequestOptions = {}): Promise<Answer> => get(`${gateway.url}${path}`, options);
const isHit = (answer: Answer): boolean => String(answer.headers['cache-status']).includes('; hit');
const every = (handler: (request: IncomingMessage, response: ServerResponse) => void): void => {
  origin.on(() => true, handler);
};

describe('whose a response is', () => {
  /** Takes cookies from all lines, at ";" and at ",". */
  const userOf = (request: IncomingMessage): string =>
    /(?:^|[;,] *)session=([^;,]+)/.exec(request.headers.cookie ?? '')?.[1] ?? request.headers.authorization ?? 'nobody';

  test.each<[string, string[], string[], string]>([
    ['two cookie lines, then none', ['Cookie', 'a=1', 'Cookie', 'session=ada'], [], 'ada'],
    [
      'two cookie lines of two users',
      ['Cookie', 'a=1', 'Cookie', 'session=ada'],
      ['Cookie', 'a=1', 'Cookie', 'session=eve'],
      'ada',
    ],
    ['a comma', ['Cookie', 'a=1, session=ada'], [], 'ada'],
    ['a comma beside an unkeyed cookie', ['Cookie', 'a=1, session=ada'], ['Cookie', 'a=1'], 'ada'],
    ['a cookie twice', ['Cookie', 'session=; session=ada'], ['Cookie', 'session='], 'ada'],
    ['Authorization, which is in no key', ['Authorization', 'ada'], [], 'ada'],
    ['Authorization of two users', ['Authorization', 'ada'], ['Authorization', 'eve'], 'ada'],
    ['a no-break space', ['Cookie', 'session=ada\u00a0'], ['Cookie', 'session=ada'], 'ada\u00a0'],
  ])('is its user’s alone: %s', async (_what, victim, attacker, secret) => {
    await begin('defaults: { cache: { ttl: 60s, credentials: perUser, userKey: ["cookie:session"] } }');
    every((request, response) => void response.end(`data of ${userOf(request)}`));
    const path = '/me';
    expect((await ask(path, { headers: victim })).text).toBe(`data of ${secret}`);
    expect((await ask(path, { headers: attacker })).text).not.toBe(`data of ${secret}`);
    expect((await ask(path, { headers: victim })).text).toBe(`data of ${secret}`);
    // The well-behaved client beside it still has a response of its own.
    const grace = { headers: { cookie: 'theme=dark; session=grace' } };
    await ask(path, grace);
    const again = await ask(path, grace);
    expect([isHit(again), again.text]).toEqual([true, 'data of grace']);
  });

  test('is not shared with those who wait for it', async () => {
    // Who waits for the other's answer would wait for as long.
    await begin(
      `origin: { url: "${origin.url}", timeout: 30s }\ndefaults: { cache: { ttl: 60s, credentials: perUser, userKey: ["cookie:session"] } }`,
    );
    origin.on(
      () => true,
      async (request, response) => {
        await origin.until((seen) => seen.length >= 2);
        response.end(`data of ${request.headers.authorization}`);
      },
    );
    const answers = await Promise.all(
      ['ada', 'eve'].map((authorization) => ask('/me', { headers: { authorization } })),
    );
    expect(answers.map(({ text }) => text)).toEqual(['data of ada', 'data of eve']);
  });

  test('an origin gets the cookies of several lines as one, as they are keyed', async () => {
    await begin('routes: [{ match: /off, cache: off }]');
    every((request, response) => void response.end(JSON.stringify(request.rawHeaders)));
    for (const path of ['/a', '/off']) {
      const lines = (await ask(path, { headers: ['Cookie', 'a=1', 'Cookie', 'b=2'] })).json<string[]>();
      expect(lines.filter((_each, i) => lines[i - 1]?.toLowerCase() === 'cookie')).toEqual(['a=1; b=2']);
    }
  });
});
