import { availableParallelism } from 'node:os';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { longestFirst } from './test/support/longest-first.ts';
import { patience } from './test/support/patience.ts';

/* test/README.md says what each project is for. */

/** Nothing in these opens a socket or starts a process. */
const unit = [
  'coherence/cluster',
  'config',
  'docs',
  'http',
  'idempotency',
  'observe',
  'replay',
  'route',
  'rules',
  'simulate',
  'store',
  'validation',
];
/** Nodes over a real Redis, and gateways of several processes. */
const cluster = ['nodes', 'redis-keys', 'redis-log', 'redis-tier', 'snapshot/shared', 'workers'];
const soak = ['soak'];
/** In a real Chromium. */
const browser = ['browser'];
/** In all folders: what takes thousands of requests or schedules, or waits for seconds. */
const long = ['test/**/*.long.ts'];
/** In all folders: a process that is killed at each of its steps. */
const sweeps = ['test/**/*.sweep.ts'];

const filesOf = (folders: readonly string[]): string[] => folders.map((folder) => `test/${folder}/**/*.test.ts`);

interface Project {
  readonly include: string[];
  readonly exclude?: string[];
  /** Projects of one run are played one after the other; scripts/ plays some side by side. */
  readonly order: number;
  readonly maxWorkers: number;
  readonly isolate: boolean;
  readonly testTimeout?: number;
}

function project(name: string, { order, ...options }: Project): TestProjectInlineConfiguration {
  const sequence = { groupOrder: order };
  const timeouts = { testTimeout: patience(20_000), hookTimeout: patience(30_000) };
  return { test: { name, sequence, execArgv, ...timeouts, ...options } };
}

const cores = availableParallelism();

/** A tenth of the tests' CPU went to collections of young objects, which are fewer where these have more room. */
const execArgv = ['--max-semi-space-size=64'];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return longestFirst(await super.sort(files));
  }
}

export default defineConfig({
  cacheDir: process.env.TESTS_CACHE ?? 'node_modules/.vite',
  test: {
    globalSetup: ['test/support/global-setup.ts'],
    experimental: { fsModuleCache: true },
    sequence: { sequencer: LongestFirst },
    projects: [
      // Two workers more than there are cores: tests over sockets wait now and then. Projects of one group share the
      // number.
      project('unit', { include: filesOf(unit), order: 1, maxWorkers: cores + 2, isolate: false }),
      project('wire', {
        include: ['test/**/*.test.ts'],
        exclude: filesOf([...unit, ...cluster, ...soak, ...browser]),
        order: 1,
        maxWorkers: cores + 2,
        isolate: false,
      }),
      project('long', { include: long, order: 1, maxWorkers: cores + 2, isolate: false }),
      // These wait most of the time: for a lease to expire, for a server to come back.
      project('cluster', { include: filesOf(cluster), order: 2, maxWorkers: cores + 3, isolate: false }),
      project('sweep', { include: sweeps, order: 3, maxWorkers: cores, isolate: false }),
      // A browser has processes of its own.
      project('browser', { include: filesOf(browser), order: 4, maxWorkers: 1, isolate: false, testTimeout: 90_000 }),
      project('soak', { include: filesOf(soak), order: 5, maxWorkers: cores, isolate: true }),
    ],
  },
});
