import { accessSync, constants } from 'node:fs';
import { mkdir, open, readdir, readFile, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { isTemporary } from './write-file.ts';

const LOCK_NAME = 'lock';
/** The holder renews its lock so often. On another machine, nothing else tells whether it lives. */
const RENEWED_EVERY_MS = 10_000;
/** A lock of another machine that was not renewed for so long is of a process that is gone. */
const ABANDONED_MS = 60_000;

/** The folder of snapshots, which one process at a time may write to. */
export class SnapshotFolder {
  readonly #lock: string;
  readonly #renewal: NodeJS.Timeout;

  private constructor(lock: string) {
    this.#lock = lock;
    const renew = (): void => {
      const now = new Date();
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
    await takeLock(lock);
    const folder = new SnapshotFolder(lock);
    for (const name of await readdir(path)) if (isTemporary(name)) await rm(join(path, name), { force: true });
    return folder;
  }

  async close(): Promise<void> {
    clearInterval(this.#renewal);
    await rm(this.#lock, { force: true });
  }
}

export class FolderInUse extends Error {}

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When the process started, in the words of its system: another process may have got its pid. */
  readonly started: string;
}

/** @throws FolderInUse */
async function takeLock(lock: string): Promise<void> {
  const own: Holder = { pid: process.pid, host: hostname(), started: await startOf(process.pid) };
  for (let attempt = 1; ; attempt++) {
    try {
      const file = await open(lock, 'wx', 0o600);
      await file.writeFile(JSON.stringify(own));
      await file.close();
      return;
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error;
    }
    const holder = await holderOf(lock);
    if (attempt > 3 || (holder !== undefined && (await isAlive(holder, own, lock)))) {
      const who = holder === undefined ? 'another process' : `process ${holder.pid} on ${holder.host}`;
      throw new FolderInUse(`${who} uses it: give each gateway a folder of its own`);
    }
    await rm(lock, { force: true });
  }
}

async function isAlive({ pid, host, started }: Holder, own: Holder, lock: string): Promise<boolean> {
  if (host !== own.host) {
    const { mtimeMs } = await stat(lock).catch(() => ({ mtimeMs: 0 }));
    return Date.now() - mtimeMs < ABANDONED_MS;
  }
  if (pid === own.pid) return started === own.started;
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Another user's process is alive, too.
    if (!hasCode(error, 'EPERM')) return false;
  }
  return (await startOf(pid)) === started;
}

/** Undefined if it is gone, or was not written in full. */
async function holderOf(lock: string): Promise<Holder | undefined> {
  try {
    const holder: unknown = JSON.parse(await readFile(lock, 'utf8'));
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
