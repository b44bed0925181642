import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { freePort } from '../../bench/servers/free-port.ts';

test('no port is given twice, none that is in use, and none that Linux gives to who asks for any', async () => {
  const first = await freePort();
  const taken = createServer();
  onTestFinished(() => void taken.close());
  // Where another program listens at it, it is in use as well.
  await once(taken.listen(first + 1, '127.0.0.1'), 'listening').catch(() => undefined);
  const ports = [first, ...(await Promise.all(Array.from({ length: 20 }, freePort)))];
  expect(new Set(ports).size).toBe(ports.length);
  expect(ports).not.toContain(first + 1);
  // Where net.ipv4.ip_local_port_range begins, unless somebody has set it.
  expect(Math.max(...ports)).toBeLessThan(32_768);
});
