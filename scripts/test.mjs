// `npm test`: what needs nothing but Node and takes two minutes. With arguments, which go to vitest, also the projects
// that need a Redis or take long, so that a file is found wherever it is.
import { run, vitest } from './side-by-side.mjs';

const args = process.argv.slice(2);
const quoted = args.map((arg) => `'${arg.replaceAll("'", "'\\''")}'`);
const projects = args.length > 0 ? ['unit', 'wire', 'long', 'cluster'] : ['unit', 'wire'];
process.exitCode = await run(vitest(projects, quoted), { isShown: true });
