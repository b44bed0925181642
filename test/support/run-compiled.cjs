// Runs program.cjs beside it, with the code that V8 has compiled before where that has been kept.
const { existsSync, readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { pathToFileURL } = require('node:url');
const { Script } = require('node:vm');

const filename = join(__dirname, 'program.cjs');
const kept = `${filename}.compiled`;
// esbuild writes ASCII, which is read fastest like this.
const script = new Script(readFileSync(filename, 'latin1'), {
  filename,
  cachedData: existsSync(kept) ? readFileSync(kept) : undefined,
});
if (process.env.KEEP_COMPILED) process.on('exit', () => writeFileSync(kept, script.createCachedData()));
script.runInThisContext()(require, module, module.exports, pathToFileURL(__filename).href);
