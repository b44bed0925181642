import { expect, test } from 'vitest';
import { isHit, startNodes } from '../nodes/rig.ts';
import { until } from '../support/scripted-origin.ts';
import { sseClient } from '../support/sse-client.ts';

/**
 * A process that can write to the nodes' Redis can void what they hold. It cannot end them, or speak to their
 * subscribers.
 */

const told = { type: 'x', paths: ['/a'], tags: [], cause: { method: 'X', path: '/', rule: null } };
const record = { tags: [], patterns: [], tagPatterns: [], announcements: [told], at: 'now' };

test('a malformed record invalidates everything, subscribers are told so, and the node goes on', async () => {
  const nodes = await startNodes(1);
  const redis = await nodes.redis.connected();
  try {
    const subscriber = await sseClient(`${nodes.gateways[0]?.url}/_unstale/events`);
    await nodes.ask(0, 'PATCH', '/inns/42', { body: { name: 'Inn' } });
    await until(() => subscriber.events.some(({ type }) => type !== 'resync'), 'the event of the write');
    const [log = ''] = await redis.keys('*:log:*');
    let heard = subscriber.events.length;
    for (const payload of [
      JSON.stringify({ ...record, announcements: [{ ...told, type: 'x\n\nevent: evil\ndata: 1' }] }),
      JSON.stringify({ ...record, announcements: [1, null, 'x'] }),
      JSON.stringify({ ...record, announcements: [{ type: 'x', paths: 5, tags: {} }] }),
      JSON.stringify({ ...record, announcements: [{ ...told, paths: [{}], tags: [null], cause: {} }] }),
      JSON.stringify({ ...record, patterns: ['', '**'], tagPatterns: [[]] }),
      '{',
    ]) {
      expect(isHit(await nodes.warm(0, '/steps/7'))).toBe(true);
      const [[last = '0-0'] = []] = (await redis.xrevrange(log, '+', '-', 'COUNT', 1)) as [string, string[]][];
      const next = `${Number(last.split('-')[0]) + 1}-0`;
      // What counts the records says how many there are: fewer would be a Redis that was set back.
      await redis.hincrby(log.replace(/:log:.*/, ':state'), 'seq', 1);
      await redis.xadd(log, next, 'p', payload, 'r', '', 'i', '', 'a', '', 'h', '', 't', '', 'b', '0');
      heard += 1;
      await until(() => subscriber.events.length === heard, 'the event of a malformed record');
      expect(subscriber.events.at(-1)).toMatchObject({ type: 'invalidate' });
      expect(subscriber.events.at(-1)?.json()).toMatchObject({ paths: ['/**'], tags: ['*'] });
      expect(isHit(await nodes.ask(0, 'GET', '/steps/7'))).toBe(false);
    }
    subscriber.close();
  } finally {
    redis.disconnect();
    await nodes.stop();
  }
});
