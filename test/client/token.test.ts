import { SignJWT } from 'jose';
import { expect, test } from 'vitest';
import { connect } from '../../src/client/index.ts';
import { until } from '../support/barrier.ts';
import { startGateway } from '../support/gateway.ts';
import { get } from '../support/request.ts';
import { scriptedOrigin } from '../support/scripted-origin.ts';

const secret = 'a-secret-of-at-least-thirty-two-bytes!!';
const token = (exp: string, match: string[]) =>
  new SignJWT({ unstale: { match } })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject('u')
    .setExpirationTime(exp)
    .sign(new TextEncoder().encode(secret));

test('a token that expires in mid-life is replaced, and nothing is missed; own writes are not told', async () => {
  const origin = await scriptedOrigin();
  origin.on(
    () => true,
    (_, response) => void response.end('{}'),
  );
  const gateway = await startGateway(
    origin.url,
    `routes: [{ match: /steps/:id, cache: { ttl: 60s } }]\nevents: { auth: { jwt: { secret: ${secret} } } }`,
  );
  let current = await token('2s', ['/steps/*']);
  const live = connect({
    url: `${gateway.url}/_unstale/events`,
    match: ['/steps/:id'],
    clientId: 'me',
    auth: async (why) => {
      if (why === 'refused') current = await token('1h', ['/steps/*']);
      return current;
    },
  });
  try {
    const states: string[] = [];
    const paths: string[] = [];
    live.on('state', ({ state, reason }) => states.push(reason === undefined ? state : `${state}: ${reason.code}`));
    live.on('event', (event) => paths.push(...event.paths));
    await until(() => live.state === 'live');
    await get(`${gateway.url}/steps/9`, { method: 'PUT', headers: { 'unstale-client': 'me' } });
    await until(() => live.state === 'retrying');
    await get(`${gateway.url}/steps/1`, { method: 'PUT' });
    await until(() => paths.length === 1);
    expect(paths).toEqual(['/steps/1']);
    expect(states).toEqual(['live', 'retrying: ended', 'live']);
  } finally {
    live.close();
    await gateway.stop();
    await origin.close();
  }
});
