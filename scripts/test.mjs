// `npm test`. Arguments go to vitest, in one run. Without any, there are two runs side by side: the tests of `cluster`
// mostly wait, for a lease to expire or for a server to come back, and those of `unit` and `wire` take the CPU that
// this leaves.
import { NICER, run, SHARED_CORES, vitest } from './side-by-side.mjs';

const args = process.argv.slice(2);
const quoted = args.map((arg) => `'${arg.replaceAll("'", "'\\''")}'`);
const statuses = await Promise.all(
  args.length > 0
    ? [run(vitest(['unit', 'wire', 'cluster'], quoted), { isShown: true })]
    : [
        run(vitest(['cluster']), { env: SHARED_CORES }),
        run(vitest(['unit', 'wire']), { isShown: true, nicer: NICER, env: SHARED_CORES }),
      ],
);
process.exitCode = Math.max(...statuses);
