import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const CHILDREN = 40;
export const PARENTS = 12;

/** For so long what is asked for once is stored: it comes and goes all the time. */
const ONCE_TTL = '2s';

/** The rules for it: parents are known only from what was there before, and from the answer. */
export const rules = `routes:
  - { match: "/once/:id", cache: { ttl: ${ONCE_TTL} } }
rules:
  - name: child
    on: PATCH /children/:id
    invalidate: ["/children/{id}", "/parents/{before.parent, response.parent}"]
`;

/**
 * An origin whose every answer says as of which version of the whole it is. It is slow now and then, and can be told to
 * fail: to answer nothing, to break off, to apply a write and not say so.
 */
export class World {
  readonly parentOf = Array.from({ length: CHILDREN }, (_, child) => child % PARENTS);
  /** What was applied, by the number that its writer gave it. */
  readonly applied = new Map<number, { readonly parents: readonly number[]; readonly version: number }>();
  /** Of a thousand requests so many fail. */
  failing = 0;
  #version = 0;
  readonly #server: Server;
  readonly #random: (below: number) => number;

  private constructor(random: (below: number) => number) {
    this.#random = random;
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
  }

  static async start(random: (below: number) => number): Promise<World> {
    const world = new World(random);
    world.#server.listen(0, '127.0.0.1');
    await once(world.#server, 'listening');
    return world;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    await this.#pause();
    const [, kind, id] = (request.url ?? '').split('/');
    const fails = this.#random(1_000) < this.failing;
    if (kind === 'once') {
      response.setHeader('Content-Type', 'application/json');
      return void response.end(JSON.stringify({ asOf: this.#version }));
    }
    if (request.method === 'GET') {
      const own = Number(id);
      const body =
        kind === 'children'
          ? { asOf: this.#version, parent: this.parentOf[own] }
          : {
              asOf: this.#version,
              children: this.parentOf.flatMap((parent, child) => (parent === own ? [child] : [])),
            };
      await this.#pause();
      if (fails) return void response.destroy();
      response.setHeader('Content-Type', 'application/json');
      return void response.end(JSON.stringify(body));
    }
    const child = Number(id);
    const { parent: to, write } = JSON.parse(Buffer.concat(chunks).toString()) as { parent: number; write: number };
    const from = this.parentOf[child] as number;
    this.#version += 1;
    this.parentOf[child] = to;
    this.applied.set(write, { parents: [from, to], version: this.#version });
    await this.#pause();
    if (fails) {
      // Broken off, an error, or silence until the gateway gives up.
      const how = this.#random(3);
      if (how === 0) response.destroy();
      else if (how === 1) response.writeHead(500).end();
      return;
    }
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify({ parent: to }));
  }

  async #pause(): Promise<void> {
    const luck = this.#random(100);
    if (luck < 3) await new Promise((resolve) => setTimeout(resolve, 5 + this.#random(40)));
    else if (luck < 30) await new Promise((resolve) => setImmediate(resolve));
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
