import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { localhostCertificate } from './localhost-certificate.ts';
import { clientOf, failureOf, get, raw, textOf } from './origin-under-test.ts';

/** Answers with the name that TLS was asked for, and the number of the connection. */
async function tlsOrigin(): Promise<{ server: Server; port: number; connections: () => number }> {
  let connections = 0;
  const sockets = new Set<Duplex>();
  const server = createServer(localhostCertificate, (request, response) => {
    const { servername } = request.socket as TLSSocket;
    if (request.url === '/endless') response.write('begun');
    else response.end(`${String(servername)} ${request.headers.host}`);
  });
  server.on('connection', (socket) => sockets.add(socket));
  server.on('secureConnection', () => {
    connections += 1;
  });
  server.listen(0);
  await once(server, 'listening');
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  });
  return { server, port: (server.address() as AddressInfo).port, connections: () => connections };
}

/** Node's own switch, off for one test: there is no other way to have a certificate of no authority accepted. */
function trustEveryone(): void {
  vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
  onTestFinished(() => void vi.unstubAllEnvs());
}

describe('an origin behind TLS', () => {
  it('is refused if its certificate is not trusted', async () => {
    const { port } = await tlsOrigin();
    const failure = await failureOf(clientOf(`https://localhost:${port}`).fetch(get()));
    expect(failure).toMatchObject({
      code: 'originRefused',
      sent: false,
      cause: { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
    });
  });

  it.each([
    ['localhost', 'localhost'],
    // An address is no name (RFC 6066 §3).
    ['127.0.0.1', 'false'],
  ])('is asked for by its own name, whatever host a client names: %s', async (host, servername) => {
    trustEveryone();
    const { port, connections } = await tlsOrigin();
    const client = clientOf(`https://${host}:${port}`, { connections: 1 });
    for (const name of ['a.example', 'b.example']) {
      const { body } = await client.fetch(get('/', { headers: ['Host', name] }));
      expect(await textOf(body)).toBe(`${servername} ${name}`);
    }
    expect(connections()).toBe(1);
  });

  it('is asked for by the name that it is known by', async () => {
    trustEveryone();
    const { port } = await tlsOrigin();
    const client = clientOf(`https://127.0.0.1:${port}`, { host: 'api.example:8443' });
    const { body } = await client.fetch(get('/', { headers: ['Host', 'api.example:8443'] }));
    expect(await textOf(body)).toBe('api.example api.example:8443');
  });

  it('is cut off by close, also on a connection that failed at first', async () => {
    trustEveryone();
    const { server } = await tlsOrigin();
    const origin = await raw((socket, connection) => {
      if (connection > 1) server.emit('connection', socket);
    });
    const client = clientOf(`https://localhost:${origin.port}`, { connections: 1, connectTimeoutMs: 1_000 });
    const silent = failureOf(client.fetch(get()));
    const next = client.fetch(get('/endless'));
    expect(await silent).toMatchObject({ code: 'originTimeout', sent: false });
    const { body } = await next;
    const broken = failureOf(textOf(body));
    await client.close();
    expect(await broken).toMatchObject({ code: 'originReset', sent: true });
  });
});
