import { type Case, differenceOf, ratioOf } from '../bench.ts';
import { type Contender, runLoadCase } from './load-case.ts';

/** Writes cycle through this many children, so that concurrent writes rarely conflict, as in most applications. */
const children = 1000;

/**
 * `direct` writes to the origin. `gateway` has a rule that takes the parent from the answer: a record, two targets and
 * an event. `gateway, before` has a rule that also reads the representation from the origin before the write. It is
 * never stored here, so every write reads it. Peers proxy the write, and nothing else: they have no rules.
 */
const writes = (name: string, title: string, connections: number): Case => ({
  name,
  title,
  run(bench) {
    const load: Contender['load'] = {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json' },
      body: 'child',
      connections,
    };
    const contenders = [bench.origin, ...bench.gateways, ...bench.peers].flatMap((server): Contender[] => {
      const isGateway = bench.gateways.includes(server);
      const plain: Contender = {
        name: server.name,
        server,
        load,
        paths: () => ({ template: '/children/{n}', first: 0, count: children }),
        status: 200,
        originRequests: { min: 1, max: 1 },
      };
      const before: Contender = {
        ...plain,
        name: `${server.name}, before`,
        paths: () => ({ template: '/movable/{n}', first: 0, count: children }),
        originRequests: { min: 2, max: 2 },
      };
      return isGateway ? [plain, before] : [plain];
    });
    const names = contenders.map(({ name }) => name).filter((name) => name !== 'direct');
    const others = names.filter((name) => !name.startsWith('gateway'));
    return runLoadCase(bench, contenders, [
      ...names.flatMap((name) => [ratioOf(name, 'direct'), differenceOf(name, 'direct')]),
      ...others.map((name) => ratioOf('gateway', name)),
    ]);
  },
});

export const writeAlone = writes('write', 'write with rules, 1 KiB, one connection', 1);
export const writeLoaded = writes('write-load', 'write with rules, 1 KiB, 32 connections', 32);

/**
 * 32 clients write to one resource, and the origin handles these writes one at a time. Every write conflicts with all
 * others. The queue is the origin's own; p99 shows what waiting for each other adds to it.
 */
const writesToOne = (name: string, ms: number): Case => ({
  name,
  title: `writes to one resource, 32 connections, an origin that takes ${ms} ms for each in turn`,
  run(bench) {
    const load: Contender['load'] = {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json' },
      body: 'child',
      connections: 32,
    };
    const paths = () => ({ template: '/busy/{n}', first: ms, count: 1 });
    const contenders = [bench.origin, ...bench.gateways].map((server): Contender => {
      const each = server === bench.origin ? 1 : 2;
      return { name: server.name, server, load, paths, status: 200, originRequests: { min: 1, max: each } };
    });
    return runLoadCase(
      bench,
      contenders,
      contenders.slice(1).map(({ name }) => ratioOf(name, 'direct')),
    );
  },
});

export const writeBusy = writesToOne('write-busy', 4);
export const writeBusySlow = writesToOne('write-busy-slow', 20);
