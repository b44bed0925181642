/*
 * Loaded before a program (`node --import`). Numbers what the program does to the files of one folder (DISTURB_IN), and
 * disturbs step DISTURB_AT. Each step that begins is a line of DISTURB_LOG. DISTURB_HOW:
 *   kill   SIGKILL just before the step
 *   torn   SIGKILL in the middle of it, if it is a write
 *   full   the step fails: the disk is full. Of a write, a part is written
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { sep } from 'node:path';

const { DISTURB_IN: folder, DISTURB_AT: at = '0', DISTURB_HOW: how = 'kill', DISTURB_LOG: log } = process.env;
const { appendFileSync, writeSync } = fs;
const descriptors = new Map();
let steps = 0;

/** @param half writes a part of what the step writes */
function step(name, path, half) {
  steps += 1;
  if (log !== undefined) appendFileSync(log, `${steps} ${name} ${path.slice(folder.length)}\n`);
  if (steps !== Number(at)) return;
  if (how !== 'kill') half?.();
  if (how === 'full') throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
  process.kill(process.pid, 'SIGKILL');
  // The signal comes at once, but not always within this call.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000);
}

const isIn = (path) => typeof path === 'string' && (path === folder || path.startsWith(folder + sep));
const bytesOf = (data) => (typeof data === 'string' ? Buffer.from(data) : data);

for (const name of ['openSync', 'renameSync', 'unlinkSync', 'readdirSync', 'readFileSync', 'rmSync', 'mkdirSync']) {
  const original = fs[name];
  fs[name] = (path, ...rest) => {
    if (isIn(path)) step(name, path);
    const result = original(path, ...rest);
    if (name === 'openSync' && isIn(path)) descriptors.set(result, path);
    return result;
  };
}

for (const name of ['writeSync', 'fsyncSync', 'ftruncateSync', 'closeSync']) {
  const original = fs[name];
  fs[name] = (descriptor, ...rest) => {
    const path = descriptors.get(descriptor);
    if (path !== undefined) {
      const half = () => {
        const bytes = bytesOf(rest[0]);
        writeSync(descriptor, bytes, 0, bytes.byteLength >> 1);
      };
      step(name, path, name === 'writeSync' ? half : undefined);
      if (name === 'closeSync') descriptors.delete(descriptor);
    }
    return original(descriptor, ...rest);
  };
}

for (const name of ['rename', 'unlink', 'rm', 'readdir', 'readFile', 'writeFile', 'mkdir', 'stat']) {
  const original = fs.promises[name];
  fs.promises[name] = async (path, ...rest) => {
    if (isIn(path)) step(name, path);
    return original(path, ...rest);
  };
}

const { open } = fs.promises;
fs.promises.open = async (path, ...rest) => {
  if (isIn(path)) step('open', path);
  const handle = await open(path, ...rest);
  if (!isIn(path)) return handle;
  for (const name of [
    'write',
    'writev',
    'appendFile',
    'writeFile',
    'sync',
    'datasync',
    'read',
    'readFile',
    'truncate',
    'close',
  ]) {
    const original = handle[name].bind(handle);
    handle[name] = async (...args) => {
      const half = () => {
        const bytes = Buffer.concat((Array.isArray(args[0]) ? args[0] : [args[0]]).map(bytesOf));
        writeSync(handle.fd, bytes, 0, bytes.byteLength >> 1);
      };
      step(name, path, /^write|^append/.test(name) ? half : undefined);
      return original(...args);
    };
  }
  return handle;
};

syncBuiltinESMExports();
