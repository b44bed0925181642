import { type Bench, type Case, ratioOf } from '../bench.ts';
import { type Gateway, startGateway } from '../servers/gateway.ts';
import type { Server } from '../servers/server.ts';
import { type Contender, runLoadCase } from './load-case.ts';

/** As in `write`. */
const children = 1000;
/** Each write with a key has a path of its own, and so a key of its own, though all send the same field. */
const keys = 10_000_000;

/** Runs with two gateways that have entries of `writes`. */
async function withProtected<T>(bench: Bench, run: (gateways: readonly [Gateway, Gateway]) => Promise<T>): Promise<T> {
  const start = (name: string): Promise<Gateway> =>
    startGateway({
      name,
      directory: bench.directories.gateway ?? '',
      originUrl: bench.origin.url,
      core: bench.placement.server,
      protectsWrites: true,
    });
  const gateways: Gateway[] = [];
  try {
    // If the second one does not start, the first one is stopped.
    const protecting = await start('with writes');
    gateways.push(protecting);
    const other = await start('with writes, for other paths');
    gateways.push(other);
    return await run([protecting, other]);
  } finally {
    await Promise.all(gateways.map((gateway) => gateway.stop()));
  }
}

/**
 * The same write, with the same kind of rule. `plain`: no entry of `writes` is configured. `unprotected`: there are
 * some, but for other paths, in a process of its own: one that keeps answers by their keys collects more garbage.
 * `before`: plain, with a rule that reads the representation. `protected`: merged, with a precondition, which reads it,
 * too. `keyed`: with an `Idempotency-Key`.
 */
const protectedWrites = (name: string, title: string, connections: number): Case => ({
  name,
  title,
  run: (bench) =>
    withProtected(bench, ([gateway, other]) => {
      const without = bench.gateways[0] as Server;
      const contender = (
        made: { readonly name: string; readonly server: Server; readonly path: string; readonly each: number },
        headers: Readonly<Record<string, string>> = {},
      ): Contender => ({
        name: made.name,
        server: made.server,
        load: {
          method: 'PUT',
          headers: { 'Content-Type': 'application/json', ...headers },
          body: 'child',
          connections,
        },
        paths: () =>
          made.path === 'keyed'
            ? { template: '/keyed/{n}', first: bench.freshNumbers(keys), count: keys }
            : { template: `/${made.path}/{n}`, first: 0, count: children },
        status: 200,
        originRequests: { min: made.each, max: made.each },
      });
      const contenders = [
        contender({ name: 'plain', server: without, path: 'children', each: 1 }),
        contender({ name: 'unprotected', server: other, path: 'children', each: 1 }),
        contender({ name: 'before', server: without, path: 'movable', each: 2 }),
        contender({ name: 'protected', server: gateway, path: 'guarded', each: 2 }, { 'If-Match': '*' }),
        contender({ name: 'keyed', server: gateway, path: 'keyed', each: 1 }, { 'Idempotency-Key': 'bench' }),
      ];
      return runLoadCase(bench, contenders, [
        ratioOf('unprotected', 'plain'),
        ratioOf('protected', 'plain'),
        ratioOf('protected', 'before'),
        ratioOf('keyed', 'plain'),
      ]);
    }),
});

export const writeProtected = protectedWrites(
  'write-protected',
  'write that is merged under a precondition, or has a key, 1 KiB, one connection',
  1,
);
export const writeProtectedLoaded = protectedWrites(
  'write-protected-load',
  'write that is merged under a precondition, or has a key, 1 KiB, 32 connections',
  32,
);
