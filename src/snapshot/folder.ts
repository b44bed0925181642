import { hash, randomBytes } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../clock.ts';
import { isTemporary } from './write-file.ts';

const LOCK_NAME = 'lock';
/** The holder renews its lock so often. On another machine, nothing else tells whether it lives. */
const RENEWED_EVERY_MS = 10_000;
/** A lock of another machine that was not renewed for so long is of a process that is gone. */
const ABANDONED_MS = 60_000;
/** It takes less to write a lock. One without content after that is of a process that died meanwhile. */
const WRITTEN_MS = 5_000;
/** For what others may be in the middle of: writing a lock, or replacing one. */
const GIVE_UP_MS = 2 * WRITTEN_MS;
const PAUSE_MS = 100;

/** The folder of snapshots, which one process at a time may write to. */
export class SnapshotFolder {
  readonly #lock: string;
  /** What is in the lock. */
  readonly #own: string;
  readonly #renewal: NodeJS.Timeout;

  private constructor(lock: string, own: string) {
    this.#lock = lock;
    this.#own = own;
    const renew = (): void => {
      const now = new Date(systemClock.wall());
      // It may be gone, or the disk full: the next renewal may succeed, and ABANDONED_MS is that of several.
      utimes(lock, now, now).catch(() => undefined);
    };
    this.#renewal = setInterval(renew, RENEWED_EVERY_MS).unref();
  }

  /**
   * Makes the folder if it is not there, and removes what unfinished saves have left.
   * @throws FolderInUse, or an error of the file system: it cannot be written to
   */
  static async open(path: string): Promise<SnapshotFolder> {
    await mkdir(path, { recursive: true, mode: 0o700 });
    accessSync(path, constants.W_OK);
    const lock = join(path, LOCK_NAME);
    const folder = new SnapshotFolder(lock, await takeLock(lock));
    for (const name of await readdir(path)) if (isTemporary(name)) await rm(join(path, name), { force: true });
    return folder;
  }

  async close(): Promise<void> {
    clearInterval(this.#renewal);
    if ((await contentOf(this.#lock)) === this.#own) await rm(this.#lock, { force: true });
  }
}

export class FolderInUse extends Error {}

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When the process started, in the words of its system: another process may have got its pid. */
  readonly started: string;
  /** No two locks are the same. */
  readonly nonce: string;
}

/** Returns what is in the lock. @throws FolderInUse */
async function takeLock(lock: string): Promise<string> {
  const own: Holder = {
    pid: process.pid,
    host: hostname(),
    started: await startOf(process.pid),
    nonce: randomBytes(9).toString('base64url'),
  };
  const text = JSON.stringify(own);
  let who = 'another process';
  const until = systemClock.monotonic() + GIVE_UP_MS;
  for (; systemClock.monotonic() < until; await sleep(PAUSE_MS)) {
    if (await isCreated(lock, text)) return text;
    const found = await contentOf(lock);
    if (found === undefined) continue;
    const state = await stateOf(lock, found, own);
    if (state === 'taken') {
      const { pid, host } = holderOf(found) as Holder;
      who = `process ${pid} on ${host}`;
      break;
    }
    if (state === 'abandoned' && (await isReplaced(lock, found, own))) return text;
  }
  throw new FolderInUse(`${who} uses it: give each gateway a folder of its own`);
}

/** Puts a lock in the place of one that was found to be of no process. Of several that have found this, one does it. */
async function isReplaced(lock: string, found: string, own: Holder): Promise<boolean> {
  const claim = `${lock}.${hash('sha256', found).slice(0, 16)}`;
  const text = JSON.stringify(own);
  if (!(await isCreated(claim, text))) {
    // Whoever made it may have died, too.
    const other = await contentOf(claim);
    if (other !== undefined && (await stateOf(claim, other, own)) === 'abandoned') await rm(claim, { force: true });
    return false;
  }
  // While the claim is there nobody else replaces this lock. It may have been replaced before.
  if ((await contentOf(lock)) !== found) {
    await rm(claim, { force: true });
    return false;
  }
  // Somebody who took this claim for one of the dead may have put another one in its place.
  try {
    await rename(claim, lock);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) {
      await rm(claim, { force: true });
      throw error;
    }
  }
  return (await contentOf(lock)) === text;
}

/** `unwritten`: its process may be about to write it. */
async function stateOf(lock: string, content: string, own: Holder): Promise<'unwritten' | 'taken' | 'abandoned'> {
  const holder = holderOf(content);
  if (holder === undefined) return (await ageOf(lock)) < WRITTEN_MS ? 'unwritten' : 'abandoned';
  return (await isAlive(holder, own, lock)) ? 'taken' : 'abandoned';
}

async function isCreated(path: string, content: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(content);
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

/** Undefined if it is gone. */
async function contentOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

async function ageOf(path: string): Promise<number> {
  // One that is gone is as old as can be: the next look finds no lock.
  const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: 0 }));
  return systemClock.wall() - mtimeMs;
}

async function isAlive({ pid, host, started }: Holder, own: Holder, lock: string): Promise<boolean> {
  if (host !== own.host) return (await ageOf(lock)) < ABANDONED_MS;
  if (pid === own.pid) return started === own.started;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Another user's process is alive, too.
    if (!hasCode(error, 'EPERM')) return false;
  }
  return (await startOf(pid)) === started;
}

/** Undefined if it was not written in full. */
function holderOf(lock: string): Holder | undefined {
  try {
    const holder: unknown = JSON.parse(lock);
    const { pid, host } = holder as Partial<Holder>;
    return Number.isSafeInteger(pid) && (pid as number) > 0 && typeof host === 'string'
      ? (holder as Holder)
      : undefined;
  } catch {
    return undefined;
  }
}

/** The 22nd field of `/proc/PID/stat`. Empty where there is no such file: the pid alone has to tell. */
async function startOf(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The second field is the name in parentheses, which may hold anything.
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
