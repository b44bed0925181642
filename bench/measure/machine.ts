import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { peerVersions } from '../peers/peers.ts';

/** Facts that are needed to compare two results. Contains no names of hosts or users. */
export interface Machine {
  readonly cpu: string;
  /** Cores that this process may use. */
  readonly cores: readonly number[];
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  /** Versions of the peers that are installed, by name. */
  readonly peers: Readonly<Record<string, string>>;
  readonly pinned: boolean;
}

/** The cores of the processes. The server under test has a core to itself. */
export interface Placement {
  readonly server: number | undefined;
  readonly generator: number | undefined;
  readonly origin: number | undefined;
  /** Two cores, as `taskset` takes them, for a gateway of several processes. */
  readonly workers: string | undefined;
}

export function describeMachine(pinned: boolean): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: allowedCores(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release().split('-')[0] ?? '',
    node: process.version,
    peers: peerVersions(),
    pinned,
  };
}

/**
 * With two cores, the origin shares the generator's, so that the server under test has its own. With four, two workers
 * share theirs with nobody.
 */
export function placement(wanted: boolean): Placement {
  const cores = allowedCores();
  const [server, second] = cores;
  if (!wanted || cores.length < 2 || spawnSync('taskset', ['--version']).status !== 0) {
    return { server: undefined, generator: undefined, origin: undefined, workers: undefined };
  }
  const [generator = second, origin = generator] = cores.length < 4 ? cores.slice(1) : cores.slice(2);
  return { server, generator, origin, workers: `${server},${second}` };
}

/** The measured commit, followed by `+changes` if the work tree differs from it. */
export function commit(directory: string): string | undefined {
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', directory, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    return git('rev-parse', '--short=12', 'HEAD') + (git('status', '--porcelain') === '' ? '' : '+changes');
  } catch {
    return undefined;
  }
}

/** The kernel's list, such as `0-3,6`. A container's cores need not begin at 0. */
function allowedCores(): number[] {
  let list: string | undefined;
  try {
    list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1];
  } catch {
    list = undefined;
  }
  if (list === undefined) return cpus().map((_, i) => i);
  return list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}
