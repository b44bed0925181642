import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configFile, run, start } from './run.ts';

let origin: Server;
const portOf = (server: Server) => (server.address() as AddressInfo).port;

beforeAll(async () => {
  origin = createServer((_, response) => response.end('from the origin'));
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');
});
afterAll(async () => {
  origin.close();
  await once(origin, 'close');
});

const config = (extra = '') => `server: { listen: "127.0.0.1:0" }
admin: { listen: "127.0.0.1:0" }
origin: { url: "http://127.0.0.1:${portOf(origin)}" }
${extra}`;

/** The log line with the addresses. */
function listening(stdout: string): { url: string; adminUrl: string } {
  const line = stdout.split('\n').find((text) => text.includes('"listening"'));
  return JSON.parse(line ?? '{}');
}

describe('serve', () => {
  it('logs both addresses, answers on them, and ends with 0 at a signal', async () => {
    const running = start(['serve', '-c', configFile(config())]);
    await running.printed('"listening"');
    const { url, adminUrl } = listening(running.stdout());
    const answer = await fetch(url, { headers: { connection: 'close' } });
    expect(await answer.text()).toBe('from the origin');
    expect((await fetch(`${adminUrl}/livez`, { headers: { connection: 'close' } })).status).toBe(200);
    running.signal();
    expect(await running.code).toBe(0);
    expect(running.stderr()).toBe('');
    expect(running.exits).toEqual([]);
    expect(running.isListening()).toBe(false);
    await expect(fetch(url)).rejects.toThrow();
  });

  it.each([
    ['64GiB', /maxSize is 65536 MiB, and the heap of this process ends at \d+ MiB.*--max-old-space-size=93623/],
    ['1MiB', undefined],
  ])('warns of a memory tier that the heap cannot hold: %s', async (maxSize, warning) => {
    const running = start([
      'serve',
      '-c',
      configFile(config(`store: { memory: { maxSize: ${maxSize}, maxEntry: 1MiB } }`)),
    ]);
    await running.printed('"listening"');
    running.signal();
    await running.code;
    if (warning === undefined) expect(running.stdout()).not.toContain('the heap');
    else expect(running.stdout()).toMatch(warning);
  });

  it('ends at once, with 1, at a second signal', async () => {
    const running = start(['serve', '-c', configFile(config())]);
    await running.printed('"listening"');
    running.signal();
    expect(running.exits).toEqual([]);
    running.signal();
    expect(running.exits).toEqual([1]);
    await running.code;
  });

  it('stops a gateway that was asked to end before it had begun', async () => {
    const running = start(['serve', '-c', configFile(config())]);
    running.signal();
    expect(await running.code).toBe(0);
  });

  it('logs for people on a terminal, and for machines with --json', async () => {
    const person = start(['serve', '-c', configFile(config('log: { level: silent }'))], { isTTY: true });
    await person.printed('unstale listens on http://127.0.0.1:');
    person.signal();
    expect(await person.code).toBe(0);
    expect(person.stdout()).toMatch(
      /^unstale listens on http:\/\/127\.0\.0\.1:\d+; the admin port is http:\/\/127\.0\.0\.1:\d+\n$/,
    );
    const machine = start(['serve', '--json', '-c', configFile(config())], { isTTY: true });
    await machine.printed('"listening"');
    machine.signal();
    expect(await machine.code).toBe(0);
    expect(() =>
      machine
        .stdout()
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).not.toThrow();
  });

  it('starts in spite of warnings, and reports them', async () => {
    const running = start(['serve', '-c', configFile(config('coherence: { onPartition: queue }\n'))]);
    await running.printed('"listening"');
    running.signal();
    expect(await running.code).toBe(0);
    expect(running.stderr()).toMatch(/warning: onPartition has no effect/);
  });

  it('exits 2 with every error of a bad configuration, and starts nothing', async () => {
    const { code, stdout, stderr } = await run(['serve', '-c', configFile('orign: {}\nlog: { level: loud }\n')]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr.match(/error: /g)).toHaveLength(3);
  });

  const isTaken = 'is in use by another program: stop it, or set another port';
  const isElsewhere = 'is on an address that this machine does not have';
  it.each([
    ['the server port is taken', 'server', () => `127.0.0.1:${portOf(origin)}`, isTaken],
    ['the admin port is taken', 'admin', () => `127.0.0.1:${portOf(origin)}`, isTaken],
    // RFC 5737 §3: addresses in documentation, which no machine has.
    ['the address is of another machine', 'server', () => '192.0.2.1:8080', isElsewhere],
  ])('exits 1 where %s, and leaves nothing open', async (_, side, address, reason) => {
    const other = side === 'server' ? 'admin' : 'server';
    const ports = `${side}: { listen: "${address()}" }\n${other}: { listen: "127.0.0.1:0" }\n`;
    const text = `${ports}origin: { url: http://127.0.0.1:1 }\n`;
    const openServers = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPServerWrap').length;
    const { code, stderr } = await run(['serve', '-c', configFile(text)]);
    expect(code).toBe(1);
    // The origin's alone; a closed handle is gone a turn of the loop later.
    await expect.poll(openServers).toBe(1);
    expect(stderr).toBe(`unstale: ${side}.listen: ${address()} ${reason}\n`);
  });
});
